"""The form of a sensor type's file. All faults are told at once: path, what was expected, what came, how to mend."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from string import Formatter
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from aedilis.errors import DeclarationError
from aedilis.vocabulary import Severity


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DetectorUse(_Strict):
    """That a detector watches a property, and when its score (0 to 1) becomes an anomaly."""

    name: str = Field(min_length=1)
    severity: Severity = Severity.MINOR
    open: float = Field(0.9, gt=0, le=1, description="the score that opens")
    close: float = Field(0.6, ge=0, le=1, description="the score below which it closes")
    n_open: int = Field(1, ge=1, description="observations in a row that open")
    n_close: int = Field(1, ge=1, description="observations in a row that close")
    parameters: dict[str, float | int | bool | str] = Field(default_factory=dict)


class Property(_Strict):
    """One ObservedProperty that the device measures."""

    name: str = Field(min_length=1, max_length=100)
    field: str | None = Field(None, description="the payload's key; the name if absent")
    datastream: str | None = Field(None, description="template of the Datastream's name; the name if absent")
    unit: str = Field(description="UCUM code")
    payload_unit: str | None = Field(None, description="the unit in the payload, where it is another")
    fail: tuple[float, float] | None = Field(None, description="outside of it the sensor cannot measure")
    suspect: tuple[float, float] | None = Field(None, description="outside of it a value is doubtful")
    sentinels: tuple[float, ...] = Field((), description="values by which the device says that it has none")
    categories: dict[str, float] = Field(default_factory=dict, description="words and the numbers they stand for")
    boolean: bool = False
    required: bool = False
    interval_s: float | None = Field(None, gt=0)
    detectors: tuple[DetectorUse, ...] = ()
    without: tuple[str, ...] = Field((), description="detectors of the type that do not watch this property")

    @field_validator("fail", "suspect")
    @classmethod
    def _ordered(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError("expected [low, high] with low < high")
        return value


class Naming(_Strict):
    """Whether a Thing may appear by itself."""

    appear: Literal["at-once", "approved"] = Field(
        "at-once", description="whether a Thing that nobody knows is taken, or waits for approval"
    )


class Payload(_Strict):
    """Where things are in the JSON payload."""

    format: Literal["json"] = "json"
    records: str | None = Field(None, description="the key of a list of records; the payload is one record if absent")
    labels: tuple[str, ...] = Field((), description="keys of text that name the Datastream")
    zone: str | None = None
    longitude: str | None = None
    latitude: str | None = None
    ignore: tuple[str, ...] = ()
    numeric_text: bool = Field(False, description="whether numbers may come as text")
    flag: str | None = Field(None, description="the key of the device's own flag")


class Time(_Strict):
    """Where the time is and how it is written."""

    field: str = "time"
    form: Literal["iso", "epoch_s", "epoch_ms", "epoch_us"] = "iso"
    timezone: str | None = Field(None, description="zone of local times that name none")
    default: Literal["reject", "received"] = "reject"
    max_ahead_s: float = Field(3600, ge=0)
    result_time: str | None = Field(None, description="the key of when the device gave it out")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError("expected an IANA zone such as Asia/Shanghai")
        return value

    def zone(self) -> ZoneInfo | None:
        """The zone of local times."""
        return ZoneInfo(self.timezone) if self.timezone else None


class Replay(_Strict):
    """How columns of a CSV file become the payload."""

    thing: str = Field(description="the column that names the Thing")
    time: str | dict[Literal["year", "month", "day", "hour", "minute"], str]
    missing: tuple[str, ...] = Field(("NA",), description="cells that say that there is no value; an empty one too")
    fields: dict[str, str] = Field(default_factory=dict, description="payload key → column, where they differ")
    drop: tuple[str, ...] = Field((), description="columns that are no part of the payload")


class ExpectedObservation(_Strict):
    """What an example must give."""

    datastream: str
    time: str
    result: float | None = None
    quality: int = 1


class Example(_Strict):
    """A true message and what comes of it."""

    topic: str
    payload: str
    observations: tuple[ExpectedObservation, ...] = ()
    rejects: tuple[str, ...] = ()
    refused: str | None = None


class SensorType(_Strict):
    """A sensor type: SensorThings' Sensor."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,48}$")
    version: int = Field(ge=1)
    title: str
    description: str = ""
    topic: str
    interval_s: float = Field(gt=0)
    allowed_lateness_s: float = Field(0, ge=0)
    thing: Naming = Naming()
    payload: Payload = Payload()
    time: Time = Time()
    detectors: tuple[DetectorUse, ...] = ()
    properties: tuple[Property, ...] = Field(min_length=1)
    replay: Replay | None = None
    examples: tuple[Example, ...] = Field(min_length=1)

    @field_validator("topic")
    @classmethod
    def _topic(cls, value: str) -> str:
        fields = [name for _, name, _, _ in Formatter().parse(value) if name is not None]
        if sorted(fields) != ["agency", "thing"]:
            raise ValueError("expected a topic with {agency} and {thing}, each once, each a whole level")
        if any("{" in level and level not in ("{agency}", "{thing}") for level in value.split("/")):
            raise ValueError("expected {agency} and {thing} as whole levels")
        return value


def parse(text: str, name: str = "sensor type") -> SensorType:
    """Read a declaration.

    Raises:
        DeclarationError: with every fault of the file. What its parts say about each other is looked at when each
            part is right in itself.
    """
    try:
        declared = SensorType.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(name=name, count=1, faults=f"- not TOML: {error}") from error
    except ValidationError as error:
        found = error.errors()
        inner = {other["loc"][:-1] for other in found} | {other["loc"][:1] for other in found if len(other["loc"]) > 1}
        # a list counts as empty when its only item has a fault: the item's own fault is enough
        faults = [_fault(fault) for fault in found if fault["type"] != "too_short" or fault["loc"] not in inner]
    else:
        faults = [f"- at {path}: {problem}" for path, problem in _disagreements(declared)]
        if not faults:
            return declared
    raise DeclarationError(name=name, count=len(faults), faults="\n".join(faults))


def _fault(fault: Any) -> str:
    path = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"- at {path}: unknown key; remove it, or correct its spelling"
    if fault["type"] == "missing":
        return f"- at {path}: missing; add it"
    return f"- at {path}: {fault['msg']}, got {fault['input']!r}"


def _disagreements(declared: SensorType) -> Iterator[tuple[str, str]]:
    """(path, problem) of what is right in itself and wrong together."""
    payload, time = declared.payload, declared.time
    taken = {time.field: "$.time.field"}
    others = (
        ("$.time.result_time", time.result_time),
        ("$.payload.records", payload.records),
        ("$.payload.zone", payload.zone),
        ("$.payload.longitude", payload.longitude),
        ("$.payload.latitude", payload.latitude),
        ("$.payload.flag", payload.flag),
        *((f"$.payload.labels[{i}]", label) for i, label in enumerate(payload.labels)),
        *((f"$.properties[{i}]", prop.field or prop.name) for i, prop in enumerate(declared.properties)),
    )
    for path, key in others:
        if key is not None and taken.setdefault(key, path) != path:
            yield path, f"the payload's key {key!r} is taken by {taken[key]}; give each its own"
    if (payload.longitude is None) != (payload.latitude is None):
        yield "$.payload", "longitude and latitude go together; name both or none"
    names: dict[str, str] = {}
    datastreams: dict[str, str] = {}
    for i, prop in enumerate(declared.properties):
        path = f"$.properties[{i}]"
        if names.setdefault(prop.name, path) != path:
            yield f"{path}.name", f"{prop.name!r} is declared at {names[prop.name]}; declare each property once"
        elif datastreams.setdefault(prop.datastream or prop.name, path) != path:
            twice = prop.datastream or prop.name
            yield f"{path}.datastream", f"{twice!r} is that of {datastreams[twice]}; give each Datastream its own name"
        if prop.fail and prop.suspect and not (prop.fail[0] <= prop.suspect[0] and prop.suspect[1] <= prop.fail[1]):
            yield f"{path}.suspect", f"expected it within fail {list(prop.fail)}, got {list(prop.suspect)}"
        for j, absent in enumerate(prop.without):
            if absent not in {use.name for use in declared.detectors}:
                yield f"{path}.without[{j}]", f"{absent!r} is no detector of the type; remove it"
    uses = [(f"$.detectors[{i}]", use) for i, use in enumerate(declared.detectors)]
    for i, prop in enumerate(declared.properties):
        uses += [(f"$.properties[{i}].detectors[{j}]", use) for j, use in enumerate(prop.detectors)]
    for path, use in uses:
        if use.close > use.open:
            yield f"{path}.close", f"expected at most open, {use.open}, got {use.close}"
    if declared.replay is not None and isinstance(declared.replay.time, dict):
        for part in ("year", "month", "day"):
            if part not in declared.replay.time:
                yield f"$.replay.time.{part}", "missing; name its column"

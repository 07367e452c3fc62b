"""The form of a sensor type's file. All faults are told at once: path, what was expected, what came, how to mend."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from aedilis.vocabulary import Severity
from sensors.paths import Key, Path, key_of
from sensors.template import Template, placeholders
from sensors.timeforms import TimeForm

_HistoryTest = Literal["rate_of_change", "spike", "flat_line", "climatology", "attenuated", "gap", "neighbour"]
_Test = Literal["location", "gross_range", "sentinel", "ambiguous_time", _HistoryTest]
_Quality = Literal["good", "not_evaluated", "suspect", "fail", "missing"]
_WORD = re.compile(r"[^\W\d]\w*")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DetectorUse(_Strict):
    """That a detector watches a property, and when its score (0 to 1) becomes an anomaly."""

    name: str = Field(min_length=1, description="the name of a detector", examples=["range", "spike", "stuck", "gap"])
    severity: Severity = Field(Severity.MINOR, description="how bad its anomalies are")
    open: float = Field(0.9, gt=0, le=1, description="the score that opens")
    close: float = Field(0.6, ge=0, le=1, description="the score below which it closes")
    n_open: int = Field(1, ge=1, description="observations in a row that open")
    n_close: int = Field(1, ge=1, description="observations in a row that close")
    parameters: dict[str, float | int | bool | str] = Field(default_factory=dict, description="the detector's own")


class Gas(_Strict):
    """What turns a share of volume, such as ppb, into a mass in a volume of air, such as µg/m³, and back: the ideal gas.

    Rules differ in the temperature that they refer to: 20 °C in the EU (2008/50/EC, annex VI), 25 °C in China since the
    amendment of GB 3095 of 2018 and in the USA (40 CFR 50.3), each at 1 atmosphere.
    """

    molar_mass: float = Field(gt=0, le=1000, description="g/mol; NO2 46.0055, O3 47.998, SO2 64.064, CO 28.010")
    temperature: float = Field(gt=-100, lt=100, description="°C to which the mass refers")
    pressure: float = Field(1013.25, gt=0, le=2000, description="hPa to which the mass refers")


class Property(_Strict):
    """One ObservedProperty that the device measures."""

    name: str = Field(min_length=1, max_length=100)
    field: Path | None = Field(None, description="where the value stands; the key of its name if absent")
    datastream: str | None = Field(None, description="template of the Datastream's name; the name if absent")
    unit: str = Field(description="UCUM code")
    payload_unit: str | None = Field(None, description="the unit in the payload, where it is another")
    payload_unit_from: Path | None = Field(None, description="where the payload names the value's unit")
    compute: str | None = Field(None, description="an expression over `value` and the inputs, in the payload's unit")
    gas: Gas | None = Field(None, description="where one unit is a share of volume and the other a mass in a volume")
    fail: tuple[float, float] | None = Field(None, description="outside of it the sensor cannot measure")
    suspect: tuple[float, float] | None = Field(None, description="outside of it a value is doubtful")
    sentinels: tuple[float, ...] = Field((), description="values by which the device says that it has none")
    categories: dict[str, float] = Field(default_factory=dict, description="words and the numbers they stand for")
    boolean: bool = False
    required: bool = False
    interval_s: float | None = Field(None, gt=0)
    detectors: tuple[DetectorUse, ...] = ()
    without: tuple[str, ...] = Field((), description="detectors of the type that do not watch this property")
    tests: dict[_HistoryTest, dict[str, float | bool | str | tuple[float, ...]]] = Field(
        default_factory=dict, description="thresholds of the quality tests that need history"
    )

    @field_validator("fail", "suspect")
    @classmethod
    def _ordered(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError("expected [low, high] with low < high")
        return value

    @property
    def key(self) -> Key:
        """Where the value stands."""
        return key_of(self.field or self.name)


class Naming(_Strict):
    """Which Thing a message is of, and whether it may appear by itself."""

    agency: str = Field("{agency}", description="text with placeholders of the topic")
    name: str | None = Field(None, description="likewise; else what the message says, else {thing} of the topic")
    name_from: Path | None = Field(None, description="where the record names its Thing")
    appear: Literal["at-once", "approved"] = Field(
        "at-once", description="whether a Thing that nobody knows is taken, or waits for approval"
    )

    @field_validator("agency", "name")
    @classmethod
    def _template(cls, value: str | None) -> str | None:
        placeholders(value or "")
        return value

    @model_validator(mode="after")
    def _one_name(self) -> Naming:
        if self.name is not None and self.name_from is not None:
            raise ValueError("name and name_from are two ways to say one thing; keep one")
        return self


class Payload(_Strict):
    """How the bytes are to be read, and where things are in the records."""

    format: str = Field("json", description="the name of a payload format")
    options: dict[str, Any] = Field(default_factory=dict, description="what that format alone understands")
    records: Path | None = Field(None, description="where a list of records stands; the content is one if absent")
    labels: tuple[Path, ...] = Field((), description="where the texts stand that name the Datastream")
    zone: Path | None = None
    longitude: Path | None = None
    latitude: Path | None = None
    title: Path | None = Field(None, description="where the Thing's title stands")
    ignore: tuple[Path, ...] = Field((), description="what may be there and is not read; `*`: all that is not declared")
    numeric_text: bool = Field(False, description="whether numbers may come as text")
    flag: Path | None = Field(None, description="where the device's own flag stands")
    flags: dict[str, _Quality] = Field(
        default_factory=dict, description="the device's own flag and the quality that it stands for"
    )
    within: tuple[float, float, float, float] | None = Field(
        None, description="[west, south, east, north] in degrees; a Location outside is doubtful"
    )

    @field_validator("within")
    @classmethod
    def _box(cls, value: tuple[float, float, float, float] | None) -> tuple[float, float, float, float] | None:
        if value is not None:
            west, south, east, north = value
            if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
                raise ValueError("expected [west, south, east, north] in degrees, west < east and south < north")
        return value


class Time(_Strict):
    """Where the time is and how it is written."""

    field: Path = "time"
    form: Literal["iso", "epoch", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns"] = Field(
        "iso", description="ISO 8601, or a number since 1970; `epoch` tells its unit by its size, from 1990 to 2100"
    )
    format: str | None = Field(
        None, max_length=100, description="another form of text, such as %Y%m%d%H%M%S", examples=["%Y%m%d%H%M%S"]
    )
    timezone: str | None = Field(None, description="zone of local times that name none")
    default: Literal["reject", "received"] = "reject"
    max_ahead_s: float = Field(3600, ge=0)
    result_time: Path | None = Field(None, description="where it says when the device gave it out")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError("expected an IANA zone such as Asia/Shanghai")
        return value

    @field_validator("format")
    @classmethod
    def _format(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            TimeForm(value)
            if info.data.get("form", "iso") != "iso":
                raise ValueError("form and format are two ways to say one thing; keep one")
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
    """What an example must give; what is not said may be anything."""

    datastream: str
    time: str
    result: float | None = None
    quality: int = 1
    thing: str | None = None
    agency: str | None = None
    raw_flag: str | None = None
    tests: tuple[_Test, ...] | None = None


class Sent(_Strict):
    """A message of an example: text, or bytes in hexadecimal digits."""

    topic: str
    payload: str = ""
    payload_hex: str | None = None
    received_at: str | None = Field(None, description="ISO 8601, with its zone; when it came in")

    @field_validator("received_at")
    @classmethod
    def _aware(cls, value: str | None) -> str | None:
        if value is not None and datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("expected a time with its zone")
        return value

    @model_validator(mode="after")
    def _one_payload(self) -> Sent:
        if self.payload and self.payload_hex is not None:
            raise ValueError("payload and payload_hex are two ways to say one thing; keep one")
        return self

    @field_validator("payload_hex")
    @classmethod
    def _hexadecimal(cls, value: str | None) -> str | None:
        if value is not None:
            bytes.fromhex(value)
        return value

    def raw(self) -> bytes:
        """The payload as it is sent."""
        return self.payload.encode() if self.payload_hex is None else bytes.fromhex(self.payload_hex)


class Example(Sent):
    """A true message and what comes of it."""

    before: tuple[Sent, ...] = Field((), description="announcements that came first")
    retained: bool = False
    observations: tuple[ExpectedObservation, ...] = ()
    rejects: tuple[str, ...] = ()
    refused: str | None = None


class SensorType(_Strict):
    """A sensor type: SensorThings' Sensor."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,48}$", description="for ever", examples=["air-station"])
    version: int = Field(ge=1, description="higher with each change that is put in force")
    title: str = Field(description="what people call such devices")
    description: str = ""
    topic: str | tuple[str, ...] = Field(min_length=1)
    interval_s: float = Field(gt=0)
    allowed_lateness_s: float = Field(0, ge=0)
    thing: Naming = Naming()
    payload: Payload = Payload()
    time: Time = Time()
    inputs: dict[str, Path] = Field(
        default_factory=dict, description="names that expressions use, and where they stand"
    )
    detectors: tuple[DetectorUse, ...] = ()
    properties: tuple[Property, ...] = Field(min_length=1)
    replay: Replay | None = None
    examples: tuple[Example, ...] = Field(min_length=1)

    @field_validator("topic")
    @classmethod
    def _topic(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for text in (value,) if isinstance(value, str) else value:
            Template(text)
        return value

    @property
    def topics(self) -> tuple[str, ...]:
        """All templates of its topics."""
        return (self.topic,) if isinstance(self.topic, str) else self.topic

"""SensorThings Observations over MQTT: one Observation, a list of them, or the data array of the extension.

The Datastream stands in the topic (`v1.1/Datastreams(42)/Observations`) or in the message. `options.datastreams` says which
Thing and key each one is; without it the Thing is named as the Datastream's id and the key is `result`. The time of an
interval is its start; an Observation without phenomenonTime is of now, as the standard has it. What stands under
`parameters` is told as `@parameters`, and `resultQuality` is the flag of the value.
Source: OGC 18-088 (SensorThings API 1.1), sections 8.2.6 (Observation), 11 (data array), 14 (MQTT).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, Raw, Record, Session
from sensors.payload import Refused, kind, read_json

_ID = re.compile(r"(?:^|/)(?:Multi)?Datastreams\((?:'((?:[^']|'')*)'|([^()']+))\)")
_LINKS = (
    "Datastream",
    "MultiDatastream",
    "Datastream@iot.navigationLink",
    "MultiDatastream@iot.navigationLink",
)


class SensorThingsDatastream(BaseModel):
    """What one Datastream is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    thing: str | None = Field(None, min_length=1, description="name of its Thing; that of the topic if absent")
    key: str = Field("result", pattern="^[^@]", description="key of its result")


class SensorThingsOptions(BaseModel):
    """Which Datastreams there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    datastreams: dict[str, SensorThingsDatastream] = Field(
        default_factory=dict, description="id of a Datastream → its Thing and key; others are refused then"
    )


class _Told(NamedTuple):
    """What records of one Datastream say of themselves."""

    thing: str | None
    key: str


_Known = Callable[[str], _Told]


class SensorThings:
    """One record an Observation."""

    name = "sensorthings"
    title = "OGC SensorThings"
    Options = SensorThingsOptions
    time = Time(field="@time", default="received", result_time="@result_time")
    numeric_text = False
    example = FormatExample(
        template="v1.1/{datastream}/Observations",
        topic="v1.1/Datastreams(42)/Observations",
        payload=b'{"phenomenonTime":"2026-03-01T10:00:00Z/2026-03-01T11:00:00Z","resultTime":"2026-03-01T11:00:05Z","result":21.4,'
        b'"resultQuality":"V","parameters":{"battery":3.1}}',
        options={"datastreams": {"42": {"thing": "station 7", "key": "NO2"}}},
        records=(
            {
                "NO2": 21.4,
                "@time": "2026-03-01T10:00:00Z",
                "@result_time": "2026-03-01T11:00:05Z",
                "@thing": "station 7",
                "@flag:NO2": "V",
                "@parameters": {"battery": 3.1},
            },
        ),
    )

    def decoder(self, options: SensorThingsOptions) -> Decode:
        """See the module."""
        declared = options.datastreams

        @lru_cache(maxsize=10_000)
        def known(id_: str) -> _Told:
            if not declared:
                return _Told(id_ or None, "result")
            found = declared.get(id_)
            if found is None:
                detail = f"Datastream {id_[:80]!r} is not in options.datastreams; add it there"
                raise Refused(RejectReason.WRONG_SHAPE, detail)
            return _Told(found.thing, found.key)

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            content = read_json(raw.payload)
            default = _id_in(raw.topic)
            items = content if type(content) is list else [content]
            if not items:
                raise Refused(RejectReason.WRONG_SHAPE, "expected Observations, got an empty list")
            records: list[Record] = []
            for item in items:
                if type(item) is not dict:
                    raise Refused(RejectReason.WRONG_SHAPE, f"expected an Observation, got {kind(item)}")
                told = known(_linked(item) or default)
                if "dataArray" in item:
                    records += [_record(row, told) for row in _rows(item)]
                else:
                    records.append(_record(item, told))
            return records

        return decode


def _record(observation: dict[str, Any], told: _Told) -> Record:
    if "result" not in observation:
        raise Refused(RejectReason.MISSING_FIELD, "expected an Observation with its result")
    record: Record = {told.key: observation["result"]}
    get = observation.get
    if (time := get("phenomenonTime")) is not None:
        record["@time"] = time.partition("/")[0] if type(time) is str else time
    if (time := get("resultTime")) is not None:
        record["@result_time"] = time
    if told.thing is not None:
        record["@thing"] = told.thing
    if (quality := get("resultQuality")) is not None:
        record[f"@flag:{told.key}"] = quality if type(quality) is str else msgspec.json.encode(quality).decode()
    if (parameters := get("parameters")) is not None:
        record["@parameters"] = parameters
    if (feature := get("FeatureOfInterest")) is not None:
        _locate(record, feature)
    return record


def _rows(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The Observations of a data array."""
    components, rows = item.get("components"), item["dataArray"]
    if type(components) is not list or type(rows) is not list or any(type(name) is not str for name in components):
        raise Refused(RejectReason.WRONG_SHAPE, "expected lists at $.components and $.dataArray")
    for i, row in enumerate(rows):
        if type(row) is not list or len(row) != len(components):
            detail = f"expected a list of {len(components)} at $.dataArray[{i}], got {kind(row)}"
            raise Refused(RejectReason.WRONG_SHAPE, detail)
        yield dict(zip(components, row, strict=True))


def _linked(item: dict[str, Any]) -> str | None:
    """The id of the Datastream that a message names itself."""
    for name in _LINKS:
        if name in item:
            link = item[name]
            if type(link) is dict and "@iot.id" in link:
                return str(link["@iot.id"])
            if type(link) is str:
                return _id_in(link)
    return None


@lru_cache(maxsize=10_000)
def _id_in(path: str) -> str:
    """The id of the Datastream in a topic or link; empty where there is none."""
    found = _ID.search(path)
    if found is None:
        return ""
    quoted: str | None = found[1]
    return found[2] if quoted is None else quoted.replace("''", "'")


def _locate(record: Record, feature: Any) -> None:
    shape = feature.get("feature") if type(feature) is dict else None
    point = shape.get("coordinates") if type(shape) is dict and shape.get("type") == "Point" else None
    if type(point) is list and len(point) >= 2:
        record["@longitude"], record["@latitude"] = point[:2]


FORMAT = SensorThings()

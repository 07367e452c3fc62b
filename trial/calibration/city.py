"""What the detectors make of a simulated city, and which of it is true: the same engine as the line's, without servers.

Results go straight into frames, an hour in each, as the city tells them; what their Datastreams are called and how they are
watched is what the sensor types say of the city's own messages. Every result is one that the city means to be possible, so
no test of quality is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from aedilis.frame import NO_TIME, NONE, Frame
from aedilis.identity import datastream_id, thing_id
from aedilis.vocabulary import Anomaly, Clock, Datastream, FrameCounts, FrameHeader, Quality, Thing
from detectors.core.discovery import all_detectors
from sensors.compile import CompiledType, compile_type
from sensors.registry import load
from simulation.city import City
from simulation.incidents import Label
from streams.detecting.engine import Engine
from streams.detecting.uses import Use, as_use

AGENCY = "demo"
START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = 3_600
_PROCESS = "ingest-trial-0000000000000000"


@dataclass
class Seen:
    """What was found, and what befell the city."""

    labels: list[Label]
    zones: dict[str, str]  # Thing → zone
    opened: dict[int, Anomaly]
    last: dict[int, Anomaly]
    """As each anomaly stood when it opened, and at the end; scores are raw."""


def watch(seed: int, days: float, advance: Callable[[int], None] = lambda _: None, start: datetime = START) -> Seen:
    """Run all sensor types over so many days of a city. `advance` is told of each hour."""
    city = City(seed, start, AGENCY)
    types = [compile_type(declared) for declared in load().values()]
    layout = [_layout(city, number, types, start) for number in range(len(city.parts))]
    by_type = {one.name: one for one in types}
    end = start + timedelta(days=days)

    def pipeline(datastream: Datastream) -> tuple[tuple[Use, ...], int]:
        compiled = by_type[datastream.sensor_type]
        return tuple(map(as_use, compiled.detectors_of(datastream.observed_property))), compiled.allowed_lateness

    engine = Engine(all_detectors(), pipeline, calibrate=_raw)
    zones = {one.thing.name: one.thing.zone for part in layout for row in part for one in row}
    seen = Seen(city.labels(end), zones, {}, {})
    for frame in _frames(city, layout, int(start.timestamp()), int(end.timestamp())):
        for anomaly in engine.apply([frame]):
            seen.opened.setdefault(anomaly.id, anomaly)
            seen.last[anomaly.id] = anomaly
        advance(1)
    return seen


def _raw(detector: str, kind: str, raw: float, *, ended: bool) -> float:
    return raw


def _layout(city: City, number: int, types: list[CompiledType], start: datetime) -> list[list[Datastream]]:
    """The Datastreams of each Thing of a part, in the order of its series."""
    part = city.parts[number]
    time = start.isoformat().replace("+00:00", "Z")
    found = []
    for row, name in enumerate(part.group.names):
        topic = f"city/{AGENCY}/{name}/{part.topic}"
        compiled, fields = next((one, fields) for one in types if (fields := one.matches(topic)) is not None)
        middle = [(one.low + one.high) / 2 for one in part.series]
        payload = msgspec.json.encode(part.payload(time, row, middle))
        decoded = compiled.decode(fields, payload, int(start.timestamp() * 1e6))
        thing = Thing(
            thing_id(AGENCY, name), AGENCY, name, f"{AGENCY}/{decoded.zone}", 0, Clock.DATA, location=decoded.location
        )
        by_name = {one.datastream_name: one for one in decoded.observations}
        told = [by_name[series.name] for series in part.series]
        found.append(
            [
                Datastream(
                    datastream_id(AGENCY, name, one.datastream_name),
                    thing,
                    one.datastream_name,
                    one.observed_property,
                    one.unit,
                    compiled.name,
                    compiled.version,
                    one.interval,
                )
                for one in told
            ]
        )
    return found


def _frames(city: City, layout: list[list[list[Datastream]]], start: int, end: int) -> Iterator[Frame]:
    every = [one for part in layout for row in part for one in row]
    types = tuple(sorted({f"{one.sensor_type}@{one.sensor_version}" for one in every}))
    identities = [np.array([[one.id for one in row] for row in part], np.int64) for part in layout]
    codes = [types.index(f"{part[0][0].sensor_type}@{part[0][0].sensor_version}") for part in layout]
    for sequence, second in enumerate(range(start, end, HOUR), 1):
        columns = []
        for part, ids, code, results in zip(city.parts, identities, codes, city.hour(second // HOUR), strict=True):
            times = np.arange(second, second + HOUR, part.interval, dtype=np.int64) * 1_000_000
            at = np.broadcast_to(times[:, None, None], results.shape)
            there = ~np.isnan(results)
            streams = np.broadcast_to(ids, results.shape)
            columns.append((at[there], streams[there], results[there], np.full(int(there.sum()), code, np.int32)))
        time, streams, result, kind = (np.concatenate(column) for column in zip(*columns, strict=True))
        order = np.argsort(time, kind="stable")
        n, closes = len(order), (second + HOUR) * 1_000_000
        yield Frame(
            FrameHeader(
                _PROCESS, sequence, FrameCounts(), tuple(every) if second == start else (), tick=closes, closing=False
            ),
            streams[order],
            time[order],
            result[order],
            np.full(n, Quality.GOOD, np.uint8),
            np.zeros(n, np.uint32),
            np.full(n, NONE, np.int32),
            (),
            kind[order],
            types,
            np.full(n, NO_TIME, np.int64),
            time[order],
        )

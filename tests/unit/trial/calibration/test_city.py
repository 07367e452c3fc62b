"""A simulated city without servers: the Observations are those of its messages, and its first incidents are found."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import numpy as np

from sensors.compile import compile_type
from sensors.registry import load
from simulation.city import City
from trial.calibration.city import AGENCY, START, _frames, _layout, watch
from trial.calibration.labels import Truth


def test_its_frames_hold_what_its_messages_say() -> None:
    city, begins = City(2, START, AGENCY), int(START.timestamp())
    types = [compile_type(declared) for declared in load().values()]
    layout = [_layout(city, number, types, START) for number in range(len(city.parts))]
    (frame,) = _frames(city, layout, begins, begins + 3_600)
    names = {one.id: (one.thing.name, one.name) for one in frame.header.datastreams}
    framed = {
        (*names[stream], time): result
        for stream, time, result in zip(
            frame.datastream.tolist(), frame.phenomenon_time.tolist(), frame.result.tolist(), strict=True
        )
    }
    assert len(framed) == len(frame)
    assert (np.diff(frame.phenomenon_time) >= 0).all()
    said = {}
    for _, topic, payload in City(2, START, AGENCY).between(START, START + timedelta(hours=1)):
        compiled, fields = next((one, fields) for one in types if (fields := one.matches(topic)) is not None)
        for one in compiled.decode(fields, payload, begins * 1_000_000).observations:
            said[one.thing, one.datastream_name, one.phenomenon_time] = one.result
    assert framed == said


def test_what_opens_a_city_is_found_and_true() -> None:
    hours: list[int] = []
    seen = watch(1, 30 / 24, hours.append)
    assert sum(hours) == 30
    truth = Truth(seen.labels, seen.zones)
    found = {(one.thing, one.datastream_name, one.kind) for one in seen.opened.values() if truth.holds(one)}
    openers = {("Station 07", "TEMP", "stuck"), ("Market 03", "price/tomatoes", "spike"), ("Station 12", "*", "gap")}
    assert openers <= found
    ended = [seen.last[number].ends_at for number, one in seen.opened.items() if one.kind == "gap"]
    assert ended
    assert all(one is not None for one in ended), "what ended is told"
    assert msgspec.json.encode(list(seen.opened.values()))

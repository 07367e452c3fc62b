"""Observations of two lamps as the tables have them."""

from __future__ import annotations

import numpy as np

from aedilis.identity import datastream_id, thing_id
from aedilis.vocabulary import Clock, Datastream, Quality, Test, Thing
from storage.history import Part
from tests.unit.trial.lamps import BEGAN

MINUTE = 60_000_000
START = BEGAN * 1_000_000


def lamp_stream(thing: str, name: str = "light", unit: str = "lx") -> Datastream:
    of = Thing(thing_id("demo", thing), "demo", thing, "demo/z", 0, Clock.DATA)
    return Datastream(datastream_id("demo", thing, name), of, name, name, unit, "lamp", 0, MINUTE)


STREAMS = sorted([lamp_stream("x"), lamp_stream("y")], key=lambda one: one.id)


def part(rows: list[tuple[int, str, float, Quality, Test]]) -> Part:
    """Rows of (minute, thing, result, quality, tests)."""
    minutes, things, results, quality, tests = zip(*rows, strict=True)
    return Part(
        np.array([datastream_id("demo", thing, "light") for thing in things], np.int64),
        np.array([START + minute * MINUTE for minute in minutes], np.int64),
        np.array(results, np.float64),
        np.array(quality, np.uint8),
        np.array(tests, np.uint32),
    )


def lights(thing: str, results: list[float]) -> list[tuple[int, str, float, Quality, Test]]:
    """Good ones, one a minute."""
    return [(minute, thing, result, Quality.GOOD, Test.NONE) for minute, result in enumerate(results)]

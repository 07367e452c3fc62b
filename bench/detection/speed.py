"""How many Observations a second the engine scores in one thread, beside river's one by one, and what a Datastream costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from aedilis.frame import NO_TIME, Frame
from aedilis.identity import datastream_id, thing_id
from aedilis.vocabulary import Clock, Datastream, FrameCounts, FrameHeader, Severity, Thing
from bench.detection.baselines import river_tree
from detectors.core.discovery import all_detectors
from streams.detecting.engine import Engine
from streams.detecting.uses import Use

MINUTE = 60_000_000
NUMBERS = (1_000, 10_000, 100_000)
OBSERVATIONS = 1_200_000
RIVER_OBSERVATIONS = 20_000
_START = 1_767_571_200_000_000
_OF_A_THING, _OF_A_ZONE = 10, 500


class SpeedFigure(msgspec.Struct, frozen=True):
    """Processor time of one thread. `watched` says by which detectors."""

    watched: str
    datastreams: int
    observations_per_s: float
    to_river: float
    state_bytes: float  # a Datastream, in a whole checkpoint


def run(general: str, say: Callable[[str], object], observations: int = OBSERVATIONS) -> list[SpeedFigure]:
    """The general detector alone, then all that there are, each on every Datastream."""
    river = _river(say)
    every = tuple(all_detectors())
    out = []
    for what, names in ((general, (general,)), ("all detectors", every)):
        for number in NUMBERS:
            say(f"{what}: {number:,} Datastreams")
            out.append(_measure(what, names, number, observations if what == general else observations // 3, river))
    return out


def _river(say: Callable[[str], object]) -> float:
    """Observations a second of one HalfSpaceTrees."""
    say("river, one by one")
    tree = river_tree()
    values = np.clip(np.random.default_rng(1).normal(0.5, 0.1, RIVER_OBSERVATIONS), 0, 1).tolist()
    begun = time.process_time()
    for value in values:
        x = {"x": value}
        tree.score_one(x)
        tree.learn_one(x)
    return len(values) / (time.process_time() - begun)


def _datastreams(number: int) -> list[Datastream]:
    out = []
    for i in range(number):
        name = f"t{i // _OF_A_THING}"
        zone = f"bench/z{i // _OF_A_ZONE}"
        thing = Thing(thing_id("bench", name), "bench", name, zone, 0, Clock.DATA)
        column = f"x{i % _OF_A_THING}"
        identity = datastream_id("bench", name, column)
        out.append(Datastream(identity, thing, column, column, "1", "bench", 1, MINUTE))
    return out


def _measure(what: str, names: Sequence[str], number: int, observations: int, river: float) -> SpeedFigure:
    uses = tuple(Use(name, Severity.NOTICE, 0.95, 0.5, 1, 1, {}) for name in names)
    watching = {name: one for name, one in all_detectors().items() if name in names}
    engine = Engine(watching, lambda _: (uses, 0))
    streams = _datastreams(number)
    ids = np.array([one.id for one in streams], np.int64)
    chance = np.random.default_rng(1)
    level = chance.normal(50, 5, number)

    def frame(step: int, declared: tuple[Datastream, ...] = ()) -> Frame:
        header = FrameHeader("bench", step + 1, FrameCounts(), declared)
        at = np.full(number, _START + step * MINUTE, np.int64)
        return Frame(
            header,
            ids,
            at,
            level + chance.normal(0, 1, number),
            np.ones(number, np.uint8),
            np.zeros(number, np.uint32),
            np.full(number, -1, np.int32),
            (),
            np.zeros(number, np.int32),
            ("bench@1",),
            np.full(number, NO_TIME, np.int64),
            at,
        )

    engine.apply([frame(0, tuple(streams))])
    steps = max(observations // number, 4)
    spent = 0.0
    for step in range(1, steps + 1):
        given = frame(step)
        begun = time.process_time()
        engine.apply([given])
        spent += time.process_time() - begun
    kept = sum(map(len, engine.changed_chunks(whole=True).values()))
    rate = steps * number / spent
    return SpeedFigure(what, number, rate, rate / river, kept / number)


def state_bytes(names: Sequence[str]) -> int:
    """Of one Datastream in memory, with these detectors on."""
    return sum(one.state.itemsize for name, one in all_detectors().items() if name in names)

"""How many Observations a second the engine scores in one thread, beside river's one by one, and what a Datastream costs.

Not here: what is watched, and by what (`loads`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import numpy as np

from aedilis.frame import NO_TIME, Frame
from aedilis.identity import datastream_id, thing_id
from aedilis.vocabulary import Clock, Datastream, FrameCounts, FrameHeader, Location, Thing
from bench.detection import loads
from bench.detection.baselines import river_tree
from bench.detection.loads import MINUTE, Load
from detectors.core.columns import Columns
from detectors.core.discovery import all_detectors
from detectors.core.interface import Detector
from detectors.core.runs import runs
from detectors.novelty import Novelty
from detectors.parts.memory import MEMORY
from streams.detecting.engine import Engine

NUMBERS = (1_000, 10_000, 100_000)
TYPES_NUMBER = 10_000
LARGEST = "form network"
"""The form that is measured with all numbers; with the others the largest would take most of the time."""
OBSERVATIONS = 1_000_000
RIVER_OBSERVATIONS = 10_000
LEAST_STEPS = 2
SECONDS = 1.0
"""Of processor time for one figure, past the least steps."""
LIVED = 64
"""Datastreams whose past is shared by all, so that no memory is empty."""
_START = 1_767_571_200_000_000


class SpeedFigure(msgspec.Struct, frozen=True):
    """Processor time of one thread. `watched` says by which detectors; without Datastreams only the state is told."""

    watched: str
    datastreams: int
    observations_per_s: float
    to_river: float
    state_bytes: float  # a Datastream, in memory


def run(general: str, say: Callable[[str], object], observations: int = OBSERVATIONS) -> list[SpeedFigure]:
    """The general detector alone, the forms of files, the sensor types, and the state of all detectors together."""
    river = _river(say)
    measured = [(loads.general(general), number) for number in NUMBERS]
    for form in loads.forms():
        measured += [(form, number) for number in (NUMBERS if form.watched.startswith(LARGEST) else NUMBERS[:-1])]
    measured += [(load, TYPES_NUMBER) for load in loads.types()]
    out = []
    for load, number in measured:
        say(f"{load.watched}: {number:,} Datastreams")
        out.append(_measure(load, number, observations, river))
    out.append(SpeedFigure("all detectors at once", 0, 0.0, 0.0, sum(map(_state_bytes, all_detectors()))))
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


def _datastreams(load: Load, number: int) -> list[Datastream]:
    out = []
    each = len(load.columns)
    for i in range(number):
        which, column = i // each, load.columns[i % each]
        name, zone = f"t{which}", f"bench/z{which // load.things}"
        place = Location(116.0 + 0.01 * (which % 7), 39.0 + 0.01 * (which % 11))
        thing = Thing(thing_id("bench", name), "bench", name, zone, 0, Clock.DATA, place)
        identity = datastream_id("bench", name, column.name)
        out.append(Datastream(identity, thing, column.name, column.name, "1", "bench", 1, column.interval))
    return out


def _measure(load: Load, number: int, observations: int, river: float) -> SpeedFigure:
    """All Datastreams speak once in each step, a frame: as a worker that has fallen behind takes them."""
    uses = {column.name: column.uses for column in load.columns}
    watching = {
        name: _Remembering() if isinstance(one, Novelty) else one
        for name, one in all_detectors().items()
        if name in load.detectors
    }
    engine = Engine(watching, lambda one: (uses[one.name], 0))
    streams = _datastreams(load, number)
    ids = np.array([one.id for one in streams], np.int64)
    interval = np.array([one.interval for one in streams], np.int64)
    low, high = (np.resize([column.between[end] for column in load.columns], number) for end in (0, 1))
    chance = np.random.default_rng(1)

    def frame(step: int, declared: tuple[Datastream, ...] = ()) -> Frame:
        at = _START + step * interval
        return Frame(
            FrameHeader("bench", step + 1, FrameCounts(), declared),
            ids,
            at,
            low + (high - low) * chance.random(number),
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
    steps, spent = 0, 0.0
    while steps < LEAST_STEPS or (steps * number < observations and spent < SECONDS):
        steps += 1
        given = frame(steps)
        begun = time.process_time()
        engine.apply([given])
        spent += time.process_time() - begun
    rate = steps * number / spent
    kept = sum(_state_bytes(use.detector) for column in load.columns for use in column.uses) / len(load.columns)
    return SpeedFigure(load.watched, number, rate, rate / river, kept)


def _state_bytes(detector: str) -> int:
    """Of one Datastream, without what it shares with its neighbours."""
    return all_detectors()[detector].state.itemsize


class _Remembering(Novelty):
    """Novelty whose Datastreams have a past: what a block is compared with grows until the memory is full, and so does the
    time that it takes. No other detector's does."""

    def __init__(self) -> None:
        self._past = _past(Novelty())

    def fresh(self, n: int) -> Columns:
        """As if they had lived for long."""
        return {name: np.asfortranarray(column[np.arange(n) % LIVED]) for name, column in self._past.items()}


def _past(detector: Detector) -> Columns:
    """State of Datastreams at five minutes whose memory is full; their blocks end one after the other."""
    thing = Thing(0, "bench", "t", "bench/z", 0, Clock.DATA)
    row = detector.parameters_of({}, Datastream(0, thing, "x", "x", "1", "bench", 1, 5 * MINUTE))
    seen = 12 * (MEMORY + 8)
    rows = np.concatenate([np.full(seen + i, i) for i in range(LIVED)])
    step = np.concatenate([np.arange(seen + i) for i in range(LIVED)])
    at = _START + (step - seen - LIVED) * 5 * MINUTE
    results = np.random.default_rng(2).uniform(*loads.USUAL, len(rows))
    made = runs(rows, at, results)
    state = detector.fresh(LIVED)
    parameters = {
        name: np.full(len(rows), value, detector.parameters[name])
        for name, value in zip(detector.parameters.names or (), row, strict=True)
    }
    detector.update(state, parameters, made)
    return state

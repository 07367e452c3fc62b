"""Change: the level or the spread of a series is another than before, and stays so. Told once, with its time.

Observations are taken together block by block (a day, so that the daily season falls out), each with its mean and the
logarithm of its spread. The middle of the last seven blocks is held against that of the 28 before:

    T     = |median of the last 7 - median of those before| / scale of those before
    U     = T / usual T of this series
    score = U² / (U² + threshold²/9): 0.9 at the threshold, the larger of level and spread

Weather, habits and seasons make T of some series large all year: it calibrates itself. Four blocks of the seven have to
lie apart, so a spike or a bad day or two are no change, and two weekends are none either. Once told, what lay before the
change is forgotten, and the new level is the usual one. It began with the block from which on the blocks lie nearer to
the new level than to the old one.

On hourly noise with a day, a week and a memory from hour to hour of 0, 0.8, 0.95 and 0.99 (200 series, two years) it errs
0.0, 0.2, 0.2 and 0.5 times a series and year, and finds 100, 99, 71 and 41 % of the shifts by three standard deviations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns, table
from detectors.core.interface import Declared, Floats, Times, Verdict, never
from detectors.core.runs import Runs
from detectors.core.words import Phrase, Words

LARGEST = 1e30
LEAST = 1e-12
RECENT = 7
"""Blocks that are the present."""
BLOCKS = 28 + RECENT
FEWEST = 14
"""Blocks that a past needs."""
LOOK_BACK = 14
"""Blocks among which a change is looked for."""
INDEPENDENT = 0.45
"""The usual T of independent blocks; no series counts as calmer."""
PATIENCE = 60.0
"""Blocks in which the usual T is forgotten."""
PRIOR = 20.0
"""Blocks that what is supposed of T at first is worth."""
STEADY = 0.1
"""The logarithm of a spread is never known better."""


class Change:
    """Two windows, calibrated on each series; 516 bytes a Datastream."""

    name: ClassVar[str] = "change"
    kinds: ClassVar[tuple[str, ...]] = ("change",)
    evidence: ClassVar[tuple[str, ...]] = ("level", "spread")
    facts: ClassVar[tuple[str, ...]] = ("level_before", "level_after", "spread_ratio")
    words: ClassVar[Mapping[str, Words]] = {
        "change": Words(
            Phrase(
                "another level or spread than before[, level {level_before} before and {level_after} now]",
                "水平或波动与此前不同[，水平由 {level_before} 变为 {level_after}]",
            )
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "level": Phrase("its level", "水平"),
        "spread": Phrase("its spread", "波动"),
        "level_before": Phrase("level before", "此前水平"),
        "level_after": Phrase("level now", "当前水平"),
        "spread_ratio": Phrase("spread, times that before", "波动为此前的倍数"),
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("threshold", "f8"), ("block", "i8"), ("share", "f8"), ("floor", "f8"), ("least", "f8")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("means", "f8", (BLOCKS,)),  # of the last blocks, the newest at the end
            ("spreads", "f4", (BLOCKS,)),  # logarithms
            ("block", "i8"),  # number of the one that is being filled, since 1970
            ("held", "i4"),  # how many blocks are
            ("many", "i4"),  # observations in this block
            ("mean", "f8"),  # of them
            ("squares", "f8"),  # of their distances from the mean, summed
            ("usual_level", "f8"),  # T
            ("usual_spread", "f8"),
            ("tests", "f8"),  # how many T were learned from
            ("level_u", "f4"),  # what the last block said
            ("spread_u", "f4"),
            ("since", "i8"),  # block in which the change began
            ("before", "f8"),
            ("after", "f8"),
            ("ratio", "f8"),
        ]
    )
    defaults: ClassVar[Mapping[str, Any]] = {"threshold": 5.0, "block_h": 24.0, "share": 0.01, "floor": 0.0}

    def fresh(self, n: int) -> Columns:
        """Nothing seen."""
        return table(np.zeros(n, self.state), self.state)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """What may be declared.

        threshold: how many times the usual difference scores 0.9. block_h: hours of a block; a day unless there is no
        daily season. share: smaller differences than this share of the level say nothing. floor: nor do smaller ones
        than this, in the unit. A block counts when half of the observations came that were due.
        """
        values = Declared(self.name, self.defaults, declared)
        block = round(values.number("block_h", least=1e-3, most=1e5) * 3.6e9)
        return (
            values.number("threshold", above=0, most=1e6),
            block,
            values.number("share", least=0, most=1),
            values.number("floor", least=0, most=LARGEST),
            max(1.0, 0.5 * block / max(datastream.interval, 1)),
        )

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`. A block is weighed when the first observation after it comes."""
        p: Any = parameters
        x = np.minimum(np.maximum(runs.result, -LARGEST), LARGEST)
        number = runs.time // p["block"]
        n = len(x)
        said, facts = np.zeros((2, n)), np.full((3, n), np.nan)
        starts_at = runs.time.copy()
        for m, part in runs.rounds():
            rows = runs.rows[:m]
            ended = (state["many"][rows] > 0) & (number[part] != state["block"][rows])
            if ended.any():
                of = {name: column[part][ended] for name, column in parameters.items()}
                _close(state, rows[ended], of)
            many = state["many"][rows] + 1
            miss = x[part] - state["mean"][rows]
            mean = state["mean"][rows] + miss / many
            state["squares"][rows] += miss * (x[part] - mean)
            state["mean"][rows], state["many"][rows], state["block"][rows] = mean, many, number[part]
            said[0, part], said[1, part] = state["level_u"][rows], state["spread_u"][rows]
            tells = np.maximum(said[0, part], said[1, part]) >= p["threshold"][part]
            starts_at[part] = np.where(tells, state["since"][rows] * p["block"][part], starts_at[part])
            for fact, name in enumerate(("before", "after", "ratio")):
                facts[fact, part] = np.where(tells, state[name][rows], np.nan)
        u = np.maximum(said[0], said[1])
        score = u * u / (u * u + p["threshold"] * p["threshold"] / 9.0)
        nothing = np.full(n, np.nan)
        return Verdict(score, nothing, nothing.copy(), starts_at, evidence=said, facts=facts)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)


def _close(state: Columns, rows: npt.NDArray[np.intp], p: Columns) -> None:
    """The block of these rows is over: it is held, and weighed against those before."""
    many = state["many"][rows]
    counts = many >= p["least"]
    mean, least = state["mean"][rows], np.maximum(p["floor"], p["share"] * np.abs(state["mean"][rows])) + LEAST
    spread = np.log(np.sqrt(np.maximum(state["squares"][rows], 0.0) / many) + least)
    state["many"][rows], state["mean"][rows], state["squares"][rows] = 0, 0.0, 0.0
    state["level_u"][rows], state["spread_u"][rows] = 0.0, 0.0
    if not counts.any():
        return
    rows, threshold, mean, spread, least = (each[counts] for each in (rows, p["threshold"], mean, spread, least))
    means = np.concatenate([state["means"][rows, 1:], mean[:, None]], axis=1)
    spreads = np.concatenate([state["spreads"][rows, 1:], spread[:, None]], axis=1, dtype=np.float64)
    held = np.minimum(state["held"][rows] + 1, BLOCKS)
    state["means"][rows], state["spreads"][rows], state["held"][rows] = means, spreads, held
    enough = held >= FEWEST + RECENT
    tests = state["tests"][rows]
    told = np.zeros(len(rows), bool)
    lasting = np.zeros(len(rows), np.intp)
    strongest = np.zeros(len(rows), np.float32)
    for name, values, floor in (("level", means, least), ("spread", spreads, np.full(len(rows), STEADY))):
        old, new, scale = _windows(values, held)
        t = np.where(enough, np.abs(new - old) / np.maximum(scale, floor), 0.0)
        usual = np.where(tests == 0, INDEPENDENT, state[f"usual_{name}"][rows])
        u = np.minimum(t / np.maximum(usual, INDEPENDENT), LARGEST).astype(np.float32)
        rate = np.maximum(1.0 / PATIENCE, 1.0 / (tests + PRIOR))
        learned = usual + rate * (np.minimum(t, 3.0 * usual) - usual)
        state[f"usual_{name}"][rows] = np.where(enough, learned, usual)
        state[f"{name}_u"][rows] = u
        told |= u >= threshold
        lasting = np.where(u > strongest, _lasting(values, held, old, new), lasting)
        strongest = np.maximum(u, strongest)
        if name == "level":
            state["before"][rows], state["after"][rows] = old, new
        else:
            state["ratio"][rows] = np.exp(np.minimum(np.maximum(new - old, -700.0), 700.0))
    state["tests"][rows] = np.where(enough, np.minimum(tests + 1.0, 1e6), tests)
    state["since"][rows] = state["block"][rows] - lasting + 1
    state["held"][rows] = np.where(told, lasting, held)


def _windows(values: Floats, held: npt.NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Median of the past and of the present, and the scale of the past, of each row."""
    place = np.arange(BLOCKS)
    past = np.where((place >= BLOCKS - held[:, None]) & (place < BLOCKS - RECENT), values, np.nan)
    many = np.maximum(held - RECENT, 1)[:, None]
    new = np.sort(values[:, -RECENT:], axis=1)[:, RECENT // 2]
    old = _at(np.sort(past, axis=1), (many - 1) // 2)
    away = np.sort(np.abs(past - old[:, None]), axis=1)
    return old, new, _at(away, (many - 1) * 3 // 4) / 1.15  # three of four lie within 1.15 deviations


def _at(ordered: Floats, place: npt.NDArray[Any]) -> Floats:
    return np.take_along_axis(ordered, place, 1)[:, 0]


def _lasting(values: Floats, held: npt.NDArray[Any], old: Floats, new: Floats) -> npt.NDArray[np.intp]:
    """For how many blocks it has been so: the latest blocks that lie nearer to the new level, taken together."""
    half = 0.5 * (new - old)
    size = np.where(half == 0, 1.0, half)
    total, best = np.zeros(len(values)), np.full(len(values), -np.inf)
    lasting = np.ones(len(values), np.intp)
    for back in range(1, LOOK_BACK + 1):
        side = (values[:, -back] - old - half) / size
        total = np.where(back <= held, total + np.minimum(np.maximum(side, -1.0), 1.0), -np.inf)
        better = total > best
        best, lasting = np.where(better, total, best), np.where(better, back, lasting)
    return lasting

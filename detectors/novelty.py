"""Novelty: a stretch of Observations unlike any that this Datastream remembers, at that hour of the day or at all.

Made for any series without tuning. Observations are cut into blocks; a block is its mean and its extreme (the highest or
lowest result, whichever lies farther from the mean before it), in scales of the warm-up. The memory holds the last 512
blocks without the newest two, with their time of day. How new a block is:

    D(c) = least over the memory of √(.65 Δextreme² + .35 Δmean² + (c g)² Δclock²),  c in {0.1, 0.6}
    L    = mean over c of log((D(c) + 0.02) / (reference(c) + 0.02)),                score = 1 / (1 + exp(2 - 1.25 L))

g tells how much the time of day explains; Δclock² = 2 - 2 cos(angle between two times of day). The reference is one of
the largest D of the past, a slowly forgetting list: what often happened is no news, so it calibrates itself. A block has
a score only if none of the last blocks was newer than it: the way up a hill is told once.

A judgement comes with the last Observation of a block, all others have score 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns, table
from detectors.core.interface import Declared, Floats, Times, Verdict, never
from detectors.core.runs import Index, Runs
from detectors.core.words import Phrase, Words
from detectors.parts.blocks import OPEN_BLOCK, Blocks, cut
from detectors.parts.memory import (
    CLOCK,
    MEMORY,
    REMEMBERED,
    SLACK,
    Block,
    Clocks,
    Single,
    away_of,
    explained,
    news_of,
    remember,
    scaled,
)

DAY = 86_400_000_000
LARGEST = 1e30
"""Results are clipped here."""
FLAT = 1e-12
"""Scale of a warm-up in which all was zero: the first block that is not sets it."""
AT_ONCE = 256
"""Rows that are judged together: their memories fit into the processor's cache."""
LATEST = 64
"""Blocks that are kept as they came, to find the scale."""
RECENT = 32
"""Blocks whose L is kept: no rest is longer."""
SHORTEST = 8
"""Blocks of the warm-up."""
USUAL_WARM_UP = 24
"""Blocks, where none is declared: a day of hours at five minutes."""
REST, USUAL_REST = 0.35, 14
"""How many of the last blocks a block has to be newer than, to be told: a share of the declared warm-up; where none is
declared, blocks."""
STEEP, OFTEN = 1.25, 2.0
"""So that the score is about the share of such blocks that lie in a labelled window of NAB (fitted on all 58 series)."""

Counts = npt.NDArray[np.int64]


class Novelty:
    """Nearest-neighbour novelty of blocks; 3.7 KiB a Datastream."""

    name: ClassVar[str] = "novelty"
    kinds: ClassVar[tuple[str, ...]] = ("novelty",)
    evidence: ClassVar[tuple[str, ...]] = ("extreme", "level", "hour")
    facts: ClassVar[tuple[str, ...]] = ()
    words: ClassVar[Mapping[str, Words]] = {
        "novelty": Words(Phrase("a stretch unlike any that it remembers", "出现前所未有的变化"))
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "extreme": Phrase("how far it went", "极值"),
        "level": Phrase("its level", "水平"),
        "hour": Phrase("the hour of the day", "所处时段"),
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype([("block", "i8"), ("warm_up", "i8"), ("rest", "i8")])
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("latest_extremes", "f4", (LATEST,)),  # in the unit from `origin`
            ("latest_means", "f4", (LATEST,)),
            ("latest_clocks", "u1", (LATEST,)),
            ("recent", "f4", (RECENT,)),  # L of the last blocks
            ("origin", "f8"),  # the first result
            ("middle", "f8"),
            ("scale", "f8"),  # 0 in warm-up
            ("before", "f8"),  # mean of the previous block, in the unit from `origin`
            *REMEMBERED,
            *OPEN_BLOCK,
        ]
    )
    defaults: ClassVar[Mapping[str, Any]] = {"block": 0, "warm_up": 0}

    def fresh(self, n: int) -> Columns:
        """Nothing seen."""
        state = np.zeros(n, self.state)
        state["extremes"] = state["means"] = np.inf
        state["recent"] = -np.inf
        state["blocks"] = -1
        return table(state, self.state)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """What may be declared.

        block: Observations in a block; 0: 12 (5 minutes / interval)^¼, so an hour at five minutes, six at an hour.
        warm_up: Observations from which the scale is learned and that are not scored, at least 8 blocks; 0: 24 blocks.
        """
        values = Declared(self.name, self.defaults, declared)
        block = values.count("block", least=0, most=1_000_000)
        if not block:
            block = max(2, round(12 * (300_000_000 / max(datastream.interval, 1)) ** 0.25))
        rows = values.count("warm_up", least=0)
        warm_up = max(SHORTEST, -(-rows // block)) if rows else USUAL_WARM_UP
        rest = int(min(REST * warm_up, RECENT)) if rows else USUAL_REST
        return block, warm_up, rest

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`. Observations are added up all at once, then each row's blocks are judged in turn."""
        n, u, rows = len(runs), len(runs.rows), runs.rows
        x = np.minimum(np.maximum(runs.result, -LARGEST), LARGEST)
        new = state["blocks"].take(rows) < 0
        if new.any():
            state["origin"][rows[new]] = x[:u][new]
            state["blocks"][rows[new]] = 0
        blocks, starts_at = cut(state, runs, x - state["origin"].take(runs.at), parameters["block"])
        score, evidence = np.zeros(n), np.zeros((len(self.evidence), n))
        low, high = np.full(n, np.nan), np.full(n, np.nan)
        turns = np.searchsorted(blocks.turn, np.arange(int(blocks.turn.max(initial=-1)) + 2)).tolist()
        for start, end in pairwise(turns):
            for some in range(start, end, AT_ONCE):
                part = slice(some, min(some + AT_ONCE, end))
                last = blocks.last[part]
                told = _judge(state, blocks, part, parameters["warm_up"].take(last), parameters["rest"].take(last))
                if told is not None:
                    last = last.take(told.which)
                    score[last], low[last], high[last] = told.score, told.low, told.high
                    evidence[:, last] = told.evidence
        return Verdict(score, low, high, starts_at, evidence=evidence)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)


@dataclass(frozen=True, slots=True)
class _Told:
    """What there is to say of some of the rows."""

    which: Index
    score: Floats
    low: Floats
    high: Floats
    evidence: Floats


def _judge(state: Any, blocks: Blocks, part: slice, warm_up: Counts, rest: Counts) -> _Told | None:
    """Scores and learns a block of each row; None: nothing to tell."""
    at, mean, high, low = blocks.rows[part], blocks.mean[part], blocks.high[part], blocks.low[part]
    before = np.where(state["blocks"].take(at) == 0, mean, state["before"].take(at))
    state["before"][at] = mean
    extreme = np.where(high - before >= before - low, high, low)
    clock = (blocks.ends_at[part] % DAY * CLOCK // DAY).astype(np.uint8)
    scale = state["scale"].take(at)
    warm = np.flatnonzero(scale > 0)
    if len(warm) < len(at):
        cold = np.flatnonzero(scale == 0)
        some = at[cold]
        _keep(state, some, extreme[cold], mean[cold], clock[cold])
        state["blocks"][some] += 1
        done = state["blocks"].take(some) >= warm_up[cold]
        if done.any():
            _settle(state, some[done])
        at, mean, extreme, clock, scale = at[warm], mean[warm], extreme[warm], clock[warm], scale[warm]
        rest = rest[warm]
        if not len(warm):
            return None
    middle = state["middle"].take(at)
    farthest = np.maximum(np.abs(extreme - middle), np.abs(mean - middle))
    moved = (scale == FLAT) & (farthest > 0)
    if moved.any():  # nothing else is in the memory: no need to scale it anew
        scale = np.where(moved, np.maximum(0.3 * farthest, 2 * FLAT), scale)
        state["scale"][at] = scale
    block = Block(scaled(extreme, middle, scale), scaled(mean, middle, scale), clock)
    away = away_of(state, at, block)
    news = news_of(state, at, block, away)
    told = np.flatnonzero(_record(state, at, news, rest))
    found = None
    if len(told):
        of_told = Block(block.extreme[told], block.mean[told], clock[told])
        score = 1.0 / (1.0 + np.exp(OFTEN - STEEP * news[told].astype(np.float64)))
        found = _Told(warm[told], score, *explained(state, at[told], of_told, away.of(told)))
    _keep(state, at, extreme, mean, clock)
    remember(state, at, block)
    blind = _blind(state, at)
    if blind.any():
        _settle(state, at[blind])
    return found


def _keep(state: Any, at: Index, extreme: Floats, mean: Floats, clock: Clocks) -> None:
    place = state["blocks"].take(at) % LATEST
    state["latest_extremes"][at, place] = extreme
    state["latest_means"][at, place] = mean
    state["latest_clocks"][at, place] = clock


def _settle(state: Any, at: Index) -> None:
    """Finds the scale from the latest blocks, and learns from them and nothing else."""
    blocks = state["blocks"].take(at)
    count = np.minimum(blocks, LATEST)
    kept = np.arange(LATEST)[:, None] < count
    extremes = state["latest_extremes"].T[:, at].astype(np.float64)
    ordered = np.sort(np.where(kept, extremes, np.inf), axis=0)
    middle = _quantile(ordered, count, 0.5)
    spread = _quantile(ordered, count, 0.98) - _quantile(ordered, count, 0.02)
    whole = _quantile(ordered, count, 1.0) - ordered[0]
    least = 0.05 * np.abs(middle + state["origin"].take(at))
    scale = np.maximum(np.maximum(spread, 0.3 * whole), np.maximum(least, FLAT))
    state["middle"][at], state["scale"][at] = middle, scale
    state["extremes"][at] = state["means"][at] = np.inf
    for name in ("largest", "profile", "visits", "level", "around_level", "around_profile"):
        state[name][at] = 0
    for i in range(int(count.max())):
        part = i < count
        some, number, scales = at[part], (blocks - count + i)[part], (middle[part], scale[part])
        place = number % LATEST
        extreme, mean, clock = (state[f"latest_{name}"][some, place] for name in ("extremes", "means", "clocks"))
        state["blocks"][some] = number
        block = Block(scaled(extreme, *scales), scaled(mean, *scales), clock)
        news_of(state, some, block, away_of(state, some, block))
        remember(state, some, block)


def _blind(state: Any, at: Index) -> npt.NDArray[np.bool_]:
    """Whether all that a full memory holds is the same at this scale, though the series lives: the warm-up had something
    monstrous in it."""
    blocks = state["blocks"].take(at)
    full: npt.NDArray[np.bool_] = (blocks >= MEMORY) & (blocks % LATEST == 0)
    if full.any():
        some = at[full]
        extremes, latest = state["extremes"].T[:, some].astype(np.float32), state["latest_extremes"].T[:, some]
        same = extremes.max(axis=0) - extremes.min(axis=0) < SLACK
        full[full] = same & (latest.max(axis=0) > latest.min(axis=0))
    return full


def _quantile(ordered: Floats, count: Index, share: float) -> Floats:
    """Of each column's first `count`, on a straight line between two of them."""
    place = (count - 1) * share
    below = place.astype(np.intp)
    column = np.arange(ordered.shape[1])
    first, second = ordered[below, column], ordered[np.minimum(below + 1, count - 1), column]
    return first + (place - below) * (second - first)


def _record(state: Any, at: Index, news: Single, rest: Counts) -> npt.NDArray[np.bool_]:
    """Whether a block is newer than each of the last `rest` ones; remembers it."""
    number = state["blocks"].take(at)
    ago = (number - np.arange(RECENT)[:, None]) % RECENT
    recent = np.where((ago > 0) & (ago <= rest), state["recent"].T[:, at], -np.inf)
    state["recent"][at, number % RECENT] = news
    told: npt.NDArray[np.bool_] = news > recent.max(axis=0)
    return told

"""Novelty: a stretch of Observations unlike any that this Datastream remembers, at that hour of the day or at all.

Made for any series without tuning. Observations are cut into blocks; a block is its mean and its extreme (the highest or
lowest result, whichever lies farther from the mean before it), in scales of the warm-up. The memory holds the last 512
blocks without the newest two, with their time of day. How new a block is:

    D(c) = least over the memory of √(.65 Δextreme² + .35 Δmean² + (c g)² Δclock²),  c in {0.1, 0.6}
    L    = mean over c of log((D(c) + 0.02) / (reference(c) + 0.02)),                score = 1 / (1 + exp(-L))

g tells how much the time of day explains; Δclock² = 2 - 2 cos(angle between two times of day). The reference is one of
the largest D of the past, a slowly forgetting list: what often happened is no news, so it calibrates itself. A block has
a score only if none of the last blocks was newer than it: the way up a hill is told once.

A judgement comes with the last Observation of a block, all others have score 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream
from detectors._blocks import OPEN_BLOCK, Blocks, cut
from detectors.core.columns import Columns, table
from detectors.core.interface import Declared, Floats, Times, Verdict, never
from detectors.core.runs import Index, Runs
from detectors.core.words import Phrase, Words

DAY = 86_400_000_000
LARGEST = 1e30
"""Results are clipped here."""
FARTHEST = 60_000.0
"""Scales from the middle, at most: the memory is float16."""
FLAT = 1e-12
"""Scale of a warm-up in which all was zero: the first block that is not sets it."""
MEMORY = 512
AT_ONCE = 256
"""Rows that are judged together: their memories fit into the processor's cache."""
FIRST = 64
"""Blocks of the warm-up that are kept to find the scale; of a longer one the last."""
RANKS = 24
RECENT = 32
CLOCK = 256
"""Parts of a day."""
EXTREME, MEAN = np.float32(0.65), np.float32(0.35)
CLOCK_WEIGHTS = (0.1, 0.6)
LEAST_SEASON = 0.05
SLACK = 0.02
"""Scales: less than this is no difference."""
RANK, RANK_FROM, RANK_GROWTH = 8.0, 50.0, 0.2
"""The reference is the 8-th largest D, and the 8 (blocks / 50)^0.2-th later on."""
KEPT = 0.999
"""What a block leaves of the largest D of the past."""
SHORTEST = 8
"""Blocks of the warm-up."""
USUAL_WARM_UP = 24
"""Blocks, where none is declared: a day of hours at five minutes."""
REST = 0.35
"""Of the warm-up."""
APART = (2.0 - 2.0 * np.cos(np.arange(CLOCK) * (2.0 * np.pi / CLOCK))).astype(np.float32)
"""Squared distance on the clock of two times of day that are so many parts apart."""

Single = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]
Clocks = npt.NDArray[np.uint8]


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
            ("extremes", "f2", (MEMORY,)),  # the memory, in scales; infinite: nothing there yet
            ("means", "f2", (MEMORY,)),
            ("clocks", "u1", (MEMORY,)),
            ("first_extremes", "f4", (FIRST,)),  # the warm-up, in the unit from `origin`
            ("first_means", "f4", (FIRST,)),
            ("first_clocks", "u1", (FIRST,)),
            ("largest", "f4", (2 * RANKS,)),  # the largest D of each clock weight, falling
            ("recent", "f4", (RECENT,)),  # L of the last blocks
            ("profile", "f4", (24,)),  # mean of each hour of the day, in scales
            ("visits", "u1", (24,)),  # up to 10
            ("origin", "f8"),  # the first result
            ("middle", "f8"),
            ("scale", "f8"),  # 0 in warm-up
            ("before", "f8"),  # mean of the previous block, in the unit from `origin`
            ("level", "f8"),  # usual mean, in scales
            ("around_level", "f8"),  # variance
            ("around_profile", "f8"),
            ("blocks", "i8"),
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
        rest = int(min(REST * warm_up, RECENT)) if rows else 14
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
        for start, end in itertools.pairwise(turns):
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
class _Block:
    """A block of each of m rows, as the memory holds it; shapes `(m,)`."""

    extreme: Single
    mean: Single
    clock: Clocks


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
        _warm_up(state, at[cold], extreme[cold], mean[cold], clock[cold], warm_up[cold])
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
    block = _Block(_scaled(extreme, middle, scale), _scaled(mean, middle, scale), clock)
    news = _news(state, at, block)
    told = np.flatnonzero(_record(state, at, news, rest))
    found = None
    if len(told):
        of_told = _Block(block.extreme[told], block.mean[told], clock[told])
        score = 1.0 / (1.0 + np.exp(-news[told].astype(np.float64)))
        found = _Told(warm[told], score, *_explained(state, at[told], of_told))
    _remember(state, at, block)
    return found


def _scaled(value: Floats, middle: Floats, scale: Floats) -> Single:
    """As the memory holds it."""
    z = np.minimum(np.maximum((value - middle) / scale, -FARTHEST), FARTHEST)
    return z.astype(np.float16).astype(np.float32)


def _warm_up(state: Any, at: Index, extreme: Floats, mean: Floats, clock: Clocks, warm_up: Counts) -> None:
    """Keeps a block; with the last one of the warm-up finds the scale and learns all that were kept."""
    blocks = state["blocks"].take(at)
    place = blocks % FIRST
    state["first_extremes"][at, place] = extreme
    state["first_means"][at, place] = mean
    state["first_clocks"][at, place] = clock
    blocks += 1
    state["blocks"][at] = blocks
    done = np.flatnonzero(blocks >= warm_up)
    if not len(done):
        return
    at, blocks = at[done], blocks[done]
    count = np.minimum(blocks, FIRST)
    kept = np.arange(FIRST)[:, None] < count
    extremes = state["first_extremes"].T[:, at].astype(np.float64)
    ordered = np.sort(np.where(kept, extremes, np.inf), axis=0)
    middle = _quantile(ordered, count, 0.5)
    spread = _quantile(ordered, count, 0.98) - _quantile(ordered, count, 0.02)
    whole = _quantile(ordered, count, 1.0) - ordered[0]
    least = 0.05 * np.abs(middle + state["origin"].take(at))
    scale = np.maximum(np.maximum(spread, 0.3 * whole), np.maximum(least, FLAT))
    state["middle"][at], state["scale"][at] = middle, scale
    for i in range(int(count.max())):
        part = i < count
        some, place = at[part], (blocks - count + i)[part] % FIRST
        state["blocks"][some] = (blocks - count + i)[part]
        scales = middle[part], scale[part]
        extreme, mean = state["first_extremes"][some, place], state["first_means"][some, place]
        clock = state["first_clocks"][some, place]
        block = _Block(_scaled(extreme, *scales), _scaled(mean, *scales), clock)
        _news(state, some, block)
        _remember(state, some, block)


def _quantile(ordered: Floats, count: Index, share: float) -> Floats:
    """Of each column's first `count`, on a straight line between two of them."""
    place = (count - 1) * share
    below = place.astype(np.intp)
    column = np.arange(ordered.shape[1])
    first, second = ordered[below, column], ordered[np.minimum(below + 1, count - 1), column]
    return first + (place - below) * (second - first)


def _news(state: Any, at: Index, block: _Block) -> Single:
    """How new the block of each row is (L). Learns how new blocks are, not yet the block."""
    distance, apart = _distances(state, at, block)
    season, rank, column = _season(state, at), _rank(state, at), np.arange(len(at))
    news, with_clock = np.zeros(len(at)), np.empty_like(distance)
    for i, weight in enumerate(CLOCK_WEIGHTS):
        factor = (weight * season).astype(np.float32)
        np.multiply(apart, factor * factor, out=with_clock)
        with_clock += distance
        least = np.sqrt(with_clock.min(axis=0))
        part = slice(i * RANKS, (i + 1) * RANKS)
        largest = state["largest"].T[part, at]
        least = np.minimum(least, np.float32(4 * FARTHEST))  # at the very first there is nothing to be near to
        news += np.log((least + SLACK) / (largest[rank, column] + SLACK))
        state["largest"].T[part, at] = _listed(largest, np.where(state["blocks"].take(at) < 3, 0, least))
    return (news / len(CLOCK_WEIGHTS)).astype(np.float32)


def _distances(state: Any, at: Index, block: _Block) -> tuple[Single, Single]:
    """Squared distance from each block of the memory, without and on the clock; shapes `(up to MEMORY, m)`."""
    blocks = state["blocks"].take(at)
    used = int(min(blocks.max() + 1, MEMORY))
    distance = state["extremes"].T[:used, at].astype(np.float32)
    distance -= block.extreme
    distance *= distance
    distance *= EXTREME
    means = state["means"].T[:used, at].astype(np.float32)
    means -= block.mean
    means *= means
    means *= MEAN
    distance += means
    for ago in (1, 2):
        slots = (blocks - ago) % MEMORY
        distance[np.minimum(slots, used - 1), np.arange(len(at))] = np.inf
    return distance, APART.take(block.clock - state["clocks"].T[:used, at])


def _rank(state: Any, at: Index) -> Index:
    """Which of the largest D is the reference, from 0."""
    grown = RANK * np.maximum(state["blocks"].take(at) / RANK_FROM, 1.0) ** RANK_GROWTH
    return np.minimum(grown, RANKS).astype(np.intp) - 1


def _explained(state: Any, at: Index, block: _Block) -> tuple[Floats, Floats, Floats]:
    """Lowest and highest that would have been no news, in the unit, and what made the distance, shape `(3, m)`: the
    nearest block at about this hour, and as far from it as is usual."""
    distance, apart = _distances(state, at, block)
    factor = (CLOCK_WEIGHTS[-1] * _season(state, at)).astype(np.float32)
    on_clock = factor * factor * apart
    column = np.arange(len(at))
    nearest = (distance + on_clock).argmin(axis=0)
    extreme, mean = (state[name][at, nearest].astype(np.float64) for name in ("extremes", "means"))
    largest = state["largest"].T[-RANKS:, at]
    usual = largest[_rank(state, at), column] / np.sqrt(EXTREME)
    origin = state["origin"].take(at) + state["middle"].take(at)
    scale = state["scale"].take(at)
    low = origin + scale * (np.minimum(extreme, mean) - usual)
    high = origin + scale * (np.maximum(extreme, mean) + usual)
    evidence = np.array(
        [EXTREME * (block.extreme - extreme) ** 2, MEAN * (block.mean - mean) ** 2, on_clock[nearest, column]],
        np.float64,
    )
    return low, high, evidence


def _remember(state: Any, at: Index, block: _Block) -> None:
    blocks = state["blocks"].take(at)
    slots = blocks % MEMORY
    state["extremes"][at, slots] = block.extreme
    state["means"][at, slots] = block.mean
    state["clocks"][at, slots] = block.clock
    _learn_season(state, at, block.mean.astype(np.float64), block.clock.astype(np.intp) * 24 // CLOCK)
    state["blocks"][at] = blocks + 1


def _listed(largest: Single, new: Single) -> Single:
    """The list with what is new put where it belongs, and the last one dropped."""
    kept = largest * np.float32(KEPT)
    above = np.concatenate([np.full((1, len(new)), np.inf, np.float32), kept[:-1]])
    return np.maximum(kept, np.minimum(above, new))


def _season(state: Any, at: Index) -> Floats:
    """How much of the variance of means the hour of the day explains."""
    whole, rest = state["around_level"].take(at), state["around_profile"].take(at)
    return np.where(whole > 0, np.maximum(LEAST_SEASON, 1.0 - rest / np.where(whole > 0, whole, 1.0)), LEAST_SEASON)


def _learn_season(state: Any, at: Index, mean: Floats, hour: Index) -> None:
    """Hour profile, level, and the variances around them."""
    blocks = state["blocks"].take(at)
    visits = state["visits"][at, hour].astype(np.float64)
    seen = visits > 0
    profile = np.where(seen, state["profile"][at, hour], mean)
    level = np.where(state["visits"].T[:, at].any(axis=0), state["level"].take(at), mean)
    rate = np.where(seen, np.maximum(1.0 / (blocks + 1.0), 0.002), 0.0)
    off_level, off_profile = mean - level, mean - profile
    state["around_level"][at] += rate * (off_level * off_level - state["around_level"].take(at))
    state["around_profile"][at] += rate * (off_profile * off_profile - state["around_profile"].take(at))
    state["profile"][at, hour] = profile + np.maximum(0.1, 1.0 / (visits + 1.0)) * off_profile
    state["level"][at] = level + np.maximum(0.005, 1.0 / (blocks + 1.0)) * off_level
    state["visits"][at, hour] = np.minimum(visits + 1, 10)


def _record(state: Any, at: Index, news: Single, rest: Counts) -> npt.NDArray[np.bool_]:
    """Whether a block is newer than each of the last `rest` ones; remembers it."""
    number = state["blocks"].take(at)
    ago = (number - np.arange(RECENT)[:, None]) % RECENT
    recent = np.where((ago > 0) & (ago <= rest), state["recent"].T[:, at], -np.inf)
    state["recent"][at, number % RECENT] = news
    told: npt.NDArray[np.bool_] = news > recent.max(axis=0)
    return told

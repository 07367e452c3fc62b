"""Novelty: a stretch of Observations unlike any that this Datastream remembers, at that hour of the day or at all.

Made for any series without tuning. Observations are cut into blocks; a block is its mean and its extreme (the highest or
lowest result, whichever lies farther from the mean before it), in scales of the warm-up. The memory holds the last 511
blocks but the newest, with their time of day. How new a block is:

    D(c) = least over the memory of √(.65 Δextreme² + .35 Δmean² + (c g)² Δclock²),  c in {0.2, 0.8}
    L    = mean over c of log((D(c) + 0.02) / (reference(c) + 0.02)),                score = 1 / (1 + exp(-L))

g tells how much the time of day explains; Δclock² = 2 - 2 cos(angle between two times of day). The reference is one of
the largest D of the past, a slowly forgetting list: what often happened is no news, so it calibrates itself. A block has
a score only if none of the last blocks was newer than it: the way up a hill is told once.

A judgement comes with the last Observation of a block, all others have score 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream
from detectors._blocks import OPEN_BLOCK, cut
from detectors.core.columns import Columns, table
from detectors.core.interface import Declared, Floats, Times, Verdict, never
from detectors.core.runs import Index, Runs
from detectors.core.words import Phrase, Words

DAY = 86_400_000_000
LARGEST = 1e30
"""Results are clipped here."""
FARTHEST = 60_000.0
"""Scales from the middle, at most: the memory is float16."""
MEMORY = 512
FIRST = 64
"""Blocks of the warm-up that are kept to find the scale; of a longer one the last."""
RANKS = 32
RECENT = 32
CLOCK = 256
"""Parts of a day."""
EXTREME, MEAN = np.float32(0.65), np.float32(0.35)
CLOCK_WEIGHTS = (0.2, 0.8)
LEAST_SEASON = 0.1
SLACK = 0.02
"""Scales: less than this is no difference."""
RANK, RANK_GROWTH = 8.0, 0.3
"""The reference is the 8 (blocks / blocks of warm-up)^0.3-th largest D."""
KEPT = 0.999
"""What a block leaves of the largest D of the past."""
SHORTEST = 8
"""Blocks of the warm-up."""
USUAL_WARM_UP = 24
"""Blocks, where none is declared: a day of hours at five minutes."""
REST = 0.3
"""Of the warm-up."""
APART = (2.0 - 2.0 * np.cos(np.arange(CLOCK) * (2.0 * np.pi / CLOCK))).astype(np.float32)
"""Squared distance on the clock of two times of day that are so many parts apart."""

Single = npt.NDArray[np.float32]


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
        rest = int(min(max(REST * warm_up, REST * 50), RECENT))
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
        score, evidence = np.zeros(n), np.zeros((3, n))
        low, high = np.full(n, np.nan), np.full(n, np.nan)
        cuts = np.searchsorted(blocks.turn, np.arange(int(blocks.turn.max(initial=-1)) + 2)).tolist()
        for start, end in itertools.pairwise(cuts):
            part = slice(start, end)
            at, last = blocks.rows[part], blocks.last[part]
            mean = blocks.mean[part]
            before = np.where(state["blocks"].take(at) == 0, mean, state["before"].take(at))
            far_up = blocks.high[part] - before >= before - blocks.low[part]
            extreme = np.where(far_up, blocks.high[part], blocks.low[part])
            clock = (blocks.middle[part] % DAY * CLOCK // DAY).astype(np.uint8)
            state["before"][at] = mean
            warm_up = parameters["warm_up"].take(last)
            warm = state["scale"].take(at) > 0
            if not warm.all():
                _warm_up(state, at[~warm], extreme[~warm], mean[~warm], clock[~warm], warm_up[~warm])
            if warm.any():
                at, last, extreme, mean, clock = at[warm], last[warm], extreme[warm], mean[warm], clock[warm]
                middle, scale = state["middle"].take(at), state["scale"].take(at)
                scaled = _scaled(extreme, middle, scale), _scaled(mean, middle, scale)
                news = _learn(state, at, *scaled, clock, warm_up[warm])
                told = np.flatnonzero(_record(state, at, news, parameters["rest"].take(last)))
                if len(told):
                    score[last[told]] = 1.0 / (1.0 + np.exp(-news[told].astype(np.float64)))
        return Verdict(score, low, high, starts_at, evidence=evidence)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)


def _scaled(value: Floats, middle: Floats, scale: Floats) -> Single:
    """As the memory holds it."""
    z = np.minimum(np.maximum((value - middle) / scale, -FARTHEST), FARTHEST)
    return z.astype(np.float16).astype(np.float32)


def _warm_up(
    state: Any, at: Index, extreme: Floats, mean: Floats, clock: npt.NDArray[np.uint8], warm_up: npt.NDArray[np.int64]
) -> None:
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
    at, blocks, warm_up = at[done], blocks[done], warm_up[done]
    count = np.minimum(blocks, FIRST)
    kept = np.arange(FIRST)[:, None] < count
    extremes = state["first_extremes"].T[:, at].astype(np.float64)
    ordered = np.sort(np.where(kept, extremes, np.inf), axis=0)
    middle = _quantile(ordered, count, 0.5)
    spread = _quantile(ordered, count, 0.98) - _quantile(ordered, count, 0.02)
    whole = _quantile(ordered, count, 1.0) - ordered[0]
    least = 0.05 * np.abs(middle + state["origin"].take(at))
    scale = np.maximum(np.maximum(spread, 0.3 * whole), np.maximum(least, 1e-12))
    state["middle"][at], state["scale"][at] = middle, scale
    for i in range(int(count.max())):
        part = i < count
        some, place = at[part], (blocks - count + i)[part] % FIRST
        state["blocks"][some] = (blocks - count + i)[part]
        scales = middle[part], scale[part]
        extreme, mean = state["first_extremes"][some, place], state["first_means"][some, place]
        clock = state["first_clocks"][some, place]
        _learn(state, some, _scaled(extreme, *scales), _scaled(mean, *scales), clock, warm_up[part])


def _quantile(ordered: Floats, count: Index, share: float) -> Floats:
    """Of each column's first `count`, on a straight line between two of them."""
    place = (count - 1) * share
    below = place.astype(np.intp)
    column = np.arange(ordered.shape[1])
    first, second = ordered[below, column], ordered[np.minimum(below + 1, count - 1), column]
    return first + (place - below) * (second - first)


def _learn(
    state: Any, at: Index, extreme: Single, mean: Single, clock: npt.NDArray[np.uint8], warm_up: npt.NDArray[np.int64]
) -> Single:
    """How new the block of each row is (L), then remembers it."""
    blocks = state["blocks"].take(at)
    slots = blocks % MEMORY
    newest = (blocks - 1) % MEMORY
    column = np.arange(len(at))
    # of each of the memory's blocks, shape (MEMORY, rows)
    distance = state["extremes"].T[:, at].astype(np.float32)
    distance -= extreme
    distance *= distance
    distance *= EXTREME
    other = state["means"].T[:, at].astype(np.float32)
    other -= mean
    other *= other
    other *= MEAN
    distance += other
    distance[newest, column] = np.inf
    apart = APART.take(clock - state["clocks"].T[:, at])
    season = _season(state, at)
    rank = np.minimum(RANK * np.maximum(blocks / warm_up, 1.0) ** RANK_GROWTH, RANKS).astype(np.intp) - 1
    news = np.zeros(len(at))
    for i, weight in enumerate(CLOCK_WEIGHTS):
        factor = (weight * season).astype(np.float32)
        np.multiply(apart, factor * factor, out=other)
        other += distance
        least = np.sqrt(other.min(axis=0))
        largest = state["largest"].T[i * RANKS : (i + 1) * RANKS, at]
        usual = largest[rank, column]
        news += np.log((np.minimum(least, np.float32(1e6)) + SLACK) / (usual + SLACK))
        state["largest"].T[i * RANKS : (i + 1) * RANKS, at] = _listed(largest, least)
    state["extremes"][at, slots] = extreme
    state["means"][at, slots] = mean
    state["clocks"][at, slots] = clock
    _learn_season(state, at, mean.astype(np.float64), clock.astype(np.intp) * 24 // CLOCK, blocks)
    state["blocks"][at] = blocks + 1
    return (news / len(CLOCK_WEIGHTS)).astype(np.float32)


def _listed(largest: Single, new: Single) -> Single:
    """The list with what is new put where it belongs, and the last one dropped."""
    kept = largest * np.float32(KEPT)
    new = np.where(np.isfinite(new), new, np.float32(0))
    above = np.concatenate([np.full((1, len(new)), np.inf, np.float32), kept[:-1]])
    return np.maximum(kept, np.minimum(above, new))


def _season(state: Any, at: Index) -> Floats:
    """How much of the variance of means the hour of the day explains."""
    whole, rest = state["around_level"].take(at), state["around_profile"].take(at)
    return np.where(whole > 0, np.maximum(LEAST_SEASON, 1.0 - rest / np.where(whole > 0, whole, 1.0)), LEAST_SEASON)


def _learn_season(state: Any, at: Index, mean: Floats, hour: Index, blocks: npt.NDArray[np.int64]) -> None:
    """Hour profile, level, and the variances around them."""
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


def _record(state: Any, at: Index, news: Single, rest: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether a block is newer than each of the last `rest` ones; remembers it."""
    number = state["blocks"].take(at) - 1
    ago = (number - np.arange(RECENT)[:, None]) % RECENT
    recent = np.where((ago > 0) & (ago <= rest), state["recent"].T[:, at], -np.inf)
    state["recent"][at, number % RECENT] = news
    told: npt.NDArray[np.bool_] = news > recent.max(axis=0)
    return told

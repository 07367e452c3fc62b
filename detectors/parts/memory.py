"""What a Datastream remembers of its blocks, and how new another one is: the formulas of `detectors.novelty`.

Belongs here: the memory, the list of what was newest, how much the hour explains. All in scales of the series; not how
the scale is found, nor when something is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.core.interface import Floats
from detectors.core.runs import Index

FARTHEST = 60_000.0
"""Scales from the middle, at most: the memory is float16."""
MEMORY = 512
RANKS = 24
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
APART = (2.0 - 2.0 * np.cos(np.arange(CLOCK) * (2.0 * np.pi / CLOCK))).astype(np.float32)
"""Squared distance on the clock of two times of day that are so many parts apart."""

Single = npt.NDArray[np.float32]
Clocks = npt.NDArray[np.uint8]

REMEMBERED = [
    ("extremes", "f2", (MEMORY,)),  # the memory, in scales; infinite: nothing there yet
    ("means", "f2", (MEMORY,)),
    ("clocks", "u1", (MEMORY,)),
    ("largest", "f4", (2 * RANKS,)),  # the largest D of each clock weight, falling
    ("profile", "f4", (24,)),  # mean of each hour of the day, in scales
    ("visits", "u1", (24,)),  # up to 10
    ("level", "f8"),  # usual mean, in scales
    ("around_level", "f8"),  # variance
    ("around_profile", "f8"),
    ("blocks", "i8"),
]
"""Fields of a state."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of each of m rows, as the memory holds it; shapes `(m,)`."""

    extreme: Single
    mean: Single
    clock: Clocks


def scaled(value: Floats, middle: Floats, scale: Floats) -> Single:
    """As the memory holds it."""
    z = np.minimum(np.maximum((value - middle) / scale, -FARTHEST), FARTHEST)
    return z.astype(np.float16).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Away:
    """Squared distance of m blocks from each block of the memory, without and on the clock; shapes `(m, up to MEMORY)`."""

    distance: Single
    apart: Single

    def of(self, which: Index) -> Away:
        """Of some of the m."""
        return Away(self.distance[which], self.apart[which])


def news_of(state: Any, at: Index, block: Block, away: Away) -> Single:
    """How new the block of each row is (L). Learns how new blocks are, not yet the block."""
    distance, apart = away.distance, away.apart
    season, rank, column = _season(state, at), _rank(state, at), np.arange(len(at))
    news, with_clock = np.zeros(len(at)), np.empty_like(distance)
    for i, weight in enumerate(CLOCK_WEIGHTS):
        factor = (weight * season).astype(np.float32)
        np.multiply(apart, (factor * factor)[:, None], out=with_clock)
        with_clock += distance
        least = np.sqrt(with_clock.min(axis=1))
        part = slice(i * RANKS, (i + 1) * RANKS)
        largest = state["largest"].T[part, at]
        least = np.minimum(least, np.float32(4 * FARTHEST))  # at the very first there is nothing to be near to
        news += np.log((least + SLACK) / (largest[rank, column] + SLACK))
        state["largest"].T[part, at] = _listed(largest, np.where(state["blocks"].take(at) < 3, 0, least))
    return (news / len(CLOCK_WEIGHTS)).astype(np.float32)


def away_of(state: Any, at: Index, block: Block) -> Away:
    """How far the block of each row is from those that it remembers but for the newest two, which are infinitely far."""
    blocks = state["blocks"].take(at)
    used = int(min(blocks.max() + 1, MEMORY))
    distance = state["extremes"][at, :used].astype(np.float32)
    distance -= block.extreme[:, None]
    distance *= distance
    distance *= EXTREME
    means = state["means"][at, :used].astype(np.float32)
    means -= block.mean[:, None]
    means *= means
    means *= MEAN
    distance += means
    for ago in (1, 2):
        slots = (blocks - ago) % MEMORY
        distance[np.arange(len(at)), np.minimum(slots, used - 1)] = np.inf
    return Away(distance, APART.take(block.clock[:, None] - state["clocks"][at, :used]))


def _rank(state: Any, at: Index) -> Index:
    """Which of the largest D is the reference, from 0."""
    grown = RANK * np.maximum(state["blocks"].take(at) / RANK_FROM, 1.0) ** RANK_GROWTH
    rank: Index = np.minimum(grown, RANKS).astype(np.intp) - 1
    return rank


def explained(state: Any, at: Index, block: Block, away: Away) -> tuple[Floats, Floats, Floats]:
    """Lowest and highest that would have been no news, in the unit, and what made the distance, shape `(3, m)`: the
    nearest block at about this hour, and as far from it as is usual."""
    factor = (CLOCK_WEIGHTS[-1] * _season(state, at)).astype(np.float32)
    on_clock = (factor * factor)[:, None] * away.apart
    column = np.arange(len(at))
    nearest = (away.distance + on_clock).argmin(axis=1)
    extreme, mean = (state[name][at, nearest].astype(np.float64) for name in ("extremes", "means"))
    largest = state["largest"].T[-RANKS:, at]
    usual = largest[_rank(state, at), column] / np.sqrt(EXTREME)
    origin = state["origin"].take(at) + state["middle"].take(at)
    scale = state["scale"].take(at)
    low = origin + scale * (np.minimum(extreme, mean) - usual)
    high = origin + scale * (np.maximum(extreme, mean) + usual)
    evidence = np.array(
        [EXTREME * (block.extreme - extreme) ** 2, MEAN * (block.mean - mean) ** 2, on_clock[column, nearest]],
        np.float64,
    )
    return low, high, evidence


def remember(state: Any, at: Index, block: Block) -> None:
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
    listed: Single = np.maximum(kept, np.minimum(above, new))
    return listed


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

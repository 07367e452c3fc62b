"""From scores and what was true of them to a calibration, and how good one is. Pure.

A calibration is fitted by isotonic regression (Ayer et al. 1955, the pool of adjacent violators): of all lines that never
fall the one with the least squares. Neighbouring strengths are put together first, so that no point rests on a handful;
a share of n with k true is told as (k + 1/2) / (n + 1) (Jeffreys), so that nothing is ever said to be certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from detectors.core.calibration import Line, strength

FEWEST = 20
"""Less than so many scores of a detector and kind make no line, nor a point of one."""
POINTS = 10
EDGES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
"""Of the bins by which scores are compared with what was true."""


class Judged(NamedTuple):
    """A score, and whether its anomaly was true."""

    score: float
    true: bool


@dataclass
class _Block:
    strength: float  # the sum over n
    true: float
    n: int

    @property
    def share(self) -> float:
        return (self.true + 0.5) / (self.n + 1)


def fitted(judged: Sequence[Judged]) -> Line | None:
    """The line of such scores; None: too few to tell."""
    if len(judged) < FEWEST:
        return None
    blocks = _together(sorted((strength(one.score), one.true) for one in judged))
    points = [(block.strength / block.n, share) for block, share in zip(blocks, _rising(blocks), strict=True)]
    kept = [
        point
        for i, point in enumerate(points)
        if i in (0, len(points) - 1) or not points[i - 1][1] == point[1] == points[i + 1][1]
    ]
    return Line(tuple(round(x, 3) for x, _ in kept), tuple(round(y, 6) for _, y in kept))


def _together(pairs: Sequence[tuple[float, bool]]) -> list[_Block]:
    """Blocks of neighbouring strengths, each with enough of them; the same strength is never parted."""
    enough = max(FEWEST, -(-len(pairs) // POINTS))
    blocks: list[_Block] = []
    last = None
    for strong, true in pairs:
        if not blocks or (blocks[-1].n >= enough and strong != last):
            blocks.append(_Block(0.0, 0.0, 0))
        blocks[-1].strength += strong
        blocks[-1].true += true
        blocks[-1].n += 1
        last = strong
    if len(blocks) > 1 and blocks[-1].n < FEWEST:
        rest = blocks.pop()
        blocks[-1] = _pooled(blocks[-1], rest)
    return blocks


def _pooled(one: _Block, other: _Block) -> _Block:
    return _Block(one.strength + other.strength, one.true + other.true, one.n + other.n)


def _rising(blocks: Sequence[_Block]) -> list[float]:
    """The share of each block, pooled with its neighbours where it would fall."""
    pools: list[tuple[_Block, int]] = []
    for block in blocks:
        pools.append((block, 1))
        while len(pools) > 1 and pools[-2][0].share >= pools[-1][0].share:
            (right, n), (left, m) = pools.pop(), pools.pop()
            pools.append((_pooled(left, right), m + n))
    return [pool.share for pool, many in pools for _ in range(many)]


class Bin(NamedTuple):
    """Scores from `low` to `high`: how many, what they say on average, what share was true."""

    low: float
    high: float
    n: int
    said: float
    true: float


def bins(judged: Sequence[Judged]) -> list[Bin]:
    """The reliability curve; bins without a score are left out."""
    found = []
    for low, high in pairwise(EDGES):
        part = [one for one in judged if low <= one.score < high or one.score == high == EDGES[-1]]
        if part:
            said = sum(one.score for one in part) / len(part)
            found.append(Bin(low, high, len(part), said, sum(one.true for one in part) / len(part)))
    return found


def expected_error(judged: Sequence[Judged]) -> float:
    """Expected calibration error: by how much what bins say differs from what was true, weighed by their size."""
    return sum(one.n * abs(one.said - one.true) for one in bins(judged)) / len(judged) if judged else 0.0

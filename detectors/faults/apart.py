"""Offset, scale and drift: the residual stays on one side. What the Thing's other properties share is no fault of one of them.

Two running means of the residual are kept. What the residuals of the Thing's other properties usually say of this one
(weights, learned one by one) is taken off, and what at least two of them do alike, but for those that are themselves blamed:
a plume that reaches one Thing raises several together, and leaves little.

How it began is told from means of a few bins each: a step in the results is an offset, a step in their logarithm a scale, a
ramp in the results a drift; the one that explains most.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.core.columns import Columns
from detectors.core.interface import Floats
from detectors.faults.observed import Bin
from detectors.parts.expectation import Grid

PARTNERS = 16
"""Columns whose residuals are used, the first by name."""
BLOCK, BLOCKS = 6, 24
"""Bins of a mean, and how many of them are kept."""
STATE = np.dtype(
    [
        ("fast", "f8"),
        ("slow", "f8"),
        ("weights", "f4", (PARTNERS,)),
        ("sums", "f8", (2,)),  # of the block that grows: residual in sizes, distance of the result in spreads
        ("in_block", "i8"),
        ("factors", "f4", (BLOCKS,)),  # means of the residual, oldest first
        ("distances", "f4", (BLOCKS,)),  # means of the distance of the results
    ]
)
_FAST, _SLOW = 16, 48  # bins
_FAST_COUNTS = 1.6  # times as much is needed of the fast mean
_MOST = 3.0  # sizes that one residual counts at most
_MOST_IN_BLOCK = 20.0
_LEARNED = 0.001  # of each residual, for the weights
_MOST_LEARNED = 4.0
_SHORTEST_RAMP = 7  # blocks
_SLOW_TO_TELL = 10  # blocks: a step would have been told sooner
_GROWN = 0.12  # what that speaks for a ramp, as a share of what is explained


def fresh(n: int) -> Columns:
    """Nothing apart, nothing shared."""
    rows = np.zeros(n, STATE)
    return {name: rows[name].copy() for name in STATE.names or ()}


def strength(state: Columns, now: Bin, blamed: Grid) -> Floats:
    """How far apart, in units; `blamed` are those of which a fault is known already."""
    compared = now.seen.compared
    residual = np.clip(now.distance, -_MOST, _MOST) * now.seen.size / now.unit
    residual = np.where(compared, residual, 0.0)
    state["fast"] += np.where(compared, (residual - state["fast"]) / _FAST, 0.0)
    state["slow"] += np.where(compared, (residual - state["slow"]) / _SLOW, 0.0)
    weights = state["weights"]
    fast = _unshared(state["fast"], weights, blamed)
    slow = _unshared(state["slow"], weights, blamed)
    _learn(weights, np.clip(residual, -_MOST_LEARNED, _MOST_LEARNED))
    _gather(state, now)
    return np.maximum(fast / _FAST_COUNTS, slow)


def _unshared(mean: Floats, weights: Floats, blamed: Grid) -> Floats:
    """What is left of it when the others' share is taken off, by weights and by what two others do alike; never more than
    itself, nothing if it turns over."""
    others = np.where(blamed, 0.0, mean)
    left: Floats = mean.copy()
    for i in range(min(mean.shape[-1], PARTNERS)):
        left -= weights[..., i] * others[..., i : i + 1]
    left = np.where(left * mean > 0, np.minimum(np.abs(left), np.abs(mean)), 0.0)
    if mean.shape[-1] < 3:
        return left
    alike = np.where(mean > 0, _second(mean, others), _second(-mean, -others))
    kept: Floats = np.minimum(left, np.maximum(np.abs(mean) - alike, 0.0))
    return kept


def _second(mean: Floats, others: Floats) -> Floats:
    """How high at least two other columns of the Thing are, 0 if they are not."""
    order = np.sort(np.maximum(others, 0.0), axis=-1)
    itself = mean >= order[..., -2:-1]
    second: Floats = np.where(itself, order[..., -3:-2], order[..., -2:-1])
    return second


def _learn(weights: Floats, residual: Floats) -> None:
    """A step towards weights that would have told each residual from the others."""
    columns = min(residual.shape[-1], PARTNERS)
    error = residual.copy()
    for i in range(columns):
        error -= weights[..., i] * residual[..., i : i + 1]
    for i in range(columns):
        step = _LEARNED * error * residual[..., i : i + 1]
        step[..., i] = 0.0
        weights[..., i] += step


def _gather(state: Columns, now: Bin) -> None:
    """Into blocks."""
    compared = now.seen.compared
    distance = (now.result - now.result_of(now.seen.expected)) / state["spread"]
    sums = state["sums"]
    for i, value in enumerate((now.distance, distance)):
        sums[..., i] += np.where(compared, np.clip(value, -_MOST_IN_BLOCK, _MOST_IN_BLOCK), 0.0)
    state["in_block"] += compared
    full = state["in_block"] >= BLOCK
    if full.any():
        for i, name in enumerate(("factors", "distances")):
            blocks = state[name]
            blocks[full, :-1] = blocks[full, 1:]
            blocks[full, -1] = sums[full, i] / BLOCK
        sums[full] = 0.0
        state["in_block"][full] = 0


def shape(state: Columns, which: Grid, has_lowest: Grid) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Of the n Datastreams that are meant: 0 an offset, 1 a scale, 2 a drift; and how many bins ago it began.

    What `has_lowest` and falls is a scale: an offset would soon be below the lowest.
    """
    factor, distance = (_newest_first(state, which, i) for i in (0, 1))
    place = np.arange(BLOCKS)
    length = place + 1.0
    sums = np.cumsum(distance, axis=1)
    ramp = (length - 0.5) * sums - np.cumsum(place * distance, axis=1)  # times 0.5, 1.5, … since it began
    explained = np.stack(
        [
            sums**2 / length / _energy(distance),
            np.cumsum(factor, axis=1) ** 2 / length / _energy(factor),
            np.where(ramp * sums > 0, ramp, 0.0) ** 2 / (length**3 / 3 - length / 12) / _energy(distance),
        ]
    )
    explained[2, :, : _SHORTEST_RAMP - 1] = 0.0
    best = np.maximum.reduce(explained, axis=2)
    began = explained.argmax(axis=2) + 1
    best[0, has_lowest[which] & (sums[:, 2] < 0)] = -1.0
    best[2] += np.where(began[0] >= _SLOW_TO_TELL, _GROWN, 0.0)
    kind = best.argmax(axis=0)
    return kind, began[kind, np.arange(len(kind))] * BLOCK


def _newest_first(state: Columns, which: Grid, measure: int) -> Floats:
    """The blocks; half a block or more that still grows is one."""
    blocks: Floats = state[("factors", "distances")[measure]][which].astype(np.float64)[:, ::-1]
    in_block = state["in_block"][which]
    newest = state["sums"][which][:, measure] / np.maximum(in_block, 1)
    shifted = np.concatenate([newest[:, None], blocks[:, :-1]], axis=1)
    return np.where((2 * in_block >= BLOCK)[:, None], shifted, blocks)


def _energy(blocks: Floats) -> Floats:
    """Sum of squares of each row, in order."""
    return np.maximum(np.cumsum(blocks**2, axis=1)[:, -1:], 1e-12)

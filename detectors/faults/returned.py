"""Spike: up and back. One or two results stand far above those before and the one after, by what was expected of each.

It is known when the next result is back. Both the residual and the result itself must jump, so that a factor of a tiny value
is none. When other properties of the Thing jumped in the same bins it is weaker: a passing plume.
"""

from __future__ import annotations

import numpy as np

from detectors.core.columns import Columns
from detectors.core.interface import Floats
from detectors.faults.observed import Bin, push

STATE = np.dtype([("jumps", "f8", (2,))])  # of the newest results against the one before each, in sizes
_SHARED = 0.2  # by how much a jump of one size elsewhere weakens it
_MOST = 6.0  # sizes that such a jump counts at most


def fresh(n: int) -> Columns:
    """No jumps."""
    return {"jumps": np.zeros((n, 2))}


def jump(state: Columns, now: Bin) -> Floats:
    """Of the residual since the result before, in sizes; 0 where one is missing."""
    before = state["residuals"][..., 0]
    known = now.seen.begun & ~np.isnan(before)
    return np.where(known, (now.seen.residual - before) / now.seen.size, 0.0)


def strength(state: Columns, now: Bin) -> Floats:
    """The height of the spike's smaller side, in thirds of what is large for the results and in units of the residual."""
    residual, average = state["residuals"], state["averages"]
    back = now.seen.residual
    large = np.maximum(state["spread"], np.where(np.isnan(now.lowest), 0.0, state["middle"]))

    def height(i: int, base: Floats) -> Floats:
        """Of the i-th result before this one, above where the residual would have been `base`."""
        rise = (state["results"][..., i] - now.result_of(state["expected"][..., i] + base)) / large
        return np.minimum(rise, (residual[..., i] - base) / now.unit) / 3

    one = height(0, np.maximum(np.maximum(residual[..., 1], average[..., 1]), back))
    base = np.maximum(np.maximum(residual[..., 2], average[..., 2]), back)
    two = np.minimum(height(0, base), height(1, base))
    found = np.fmax(one, two)
    jumps = np.maximum(state["jumps"][..., 0], state["jumps"][..., 1])
    elsewhere = np.zeros(back.shape)
    for i in range(1, back.shape[-1]):
        elsewhere = np.maximum(elsewhere, np.roll(jumps, i, axis=-1))
    push(state["jumps"], jump(state, now), now.seen.begun)
    return np.where(np.isnan(found), 0.0, found) - _SHARED * np.clip(elsewhere, 0.0, _MOST)

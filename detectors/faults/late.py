"""Clock: a Datastream that is more like its neighbours some bins ago than like them now."""

from __future__ import annotations

import numpy as np

from detectors.core.columns import Columns
from detectors.core.interface import Floats
from detectors.faults.observed import Bin

LAGS = (4, 6, 8, 10, 12)
"""Bins by which a device's clock is taken to be late; hourly ones lie between those of time zones and of half a day."""
RING = 16
STATE = np.dtype(
    [
        ("late", "f8", (len(LAGS),)),  # by how much each lag fits better, in sizes
        ("commons", "f8", (RING,)),  # what the neighbours had in common, by number of the bin
        ("numbers", "i8", (RING,)),  # of those bins
    ]
)
_AVERAGED = 48  # bins
_MOST = 3.0


def fresh(n: int) -> Columns:
    """No past."""
    return {
        "late": np.zeros((n, len(LAGS))),
        "commons": np.zeros((n, RING)),
        "numbers": np.full((n, RING), np.iinfo(np.int64).min),
    }


def strength(state: Columns, now: Bin) -> Floats:
    """How many sizes nearer than the present the best of the lags is, on average."""
    seen, late = now.seen, state["late"]
    for i, lag in enumerate(LAGS):
        at = (now.number - lag) % RING
        known = seen.compared & (state["numbers"][..., at] == now.number - lag)
        then = state["level"] + state["profile"][..., now.slot(lag)] + state["commons"][..., at]
        nearer = np.clip((np.abs(seen.residual) - np.abs(now.y - then)) / seen.size, -_MOST, _MOST)
        late[..., i] += np.where(known, (nearer - late[..., i]) / _AVERAGED, 0.0)
    at = now.number % RING
    state["commons"][..., at] = seen.common
    state["numbers"][..., at] = np.where(seen.compared, now.number, state["numbers"][..., at])
    best = late[..., 0]
    for i in range(1, len(LAGS)):
        best = np.maximum(best, late[..., i])
    return best

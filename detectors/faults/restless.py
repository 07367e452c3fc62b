"""Noise: the residual jumps up and down more than neighbours ever disagree.

Each jump counts in sizes of the residual, but no more than it is worth in the results themselves: near zero a small one is a
large factor.
"""

from __future__ import annotations

import numpy as np

from detectors.core.columns import Columns
from detectors.core.interface import Floats
from detectors.faults.observed import Bin
from detectors.faults.returned import jump

STATE = np.dtype([("restless", "f8")])
_AVERAGED = 12  # bins
_MOST = 6.0
_IN_RESULTS = 4.0  # a jump of one spread of the results is worth as many sizes


def fresh(n: int) -> Columns:
    """Calm."""
    return {"restless": np.zeros(n)}


def strength(state: Columns, now: Bin) -> Floats:
    """The mean jump of some bins, in sizes."""
    before = state["residuals"][..., 0]
    known = now.seen.begun & ~np.isnan(before)
    moved = np.abs(np.where(known, now.result - now.result_of(now.seen.expected + before), 0.0))
    worth = np.minimum(np.minimum(np.abs(jump(state, now)), _MOST), _IN_RESULTS * moved / state["spread"])
    state["restless"] += np.where(known, (worth - state["restless"]) / _AVERAGED, 0.0)
    return state["restless"].copy()

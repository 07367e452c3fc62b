"""Stuck: the same result again and again, weighed by how seldom this Datastream repeats itself.

Each repetition counts as the negative logarithm of its usual share, learned apart for results near the lowest, where a sensor
rests on its limit of detection, and for all others.
"""

from __future__ import annotations

import numpy as np

from detectors.core.columns import Columns
from detectors.core.interface import Floats
from detectors.faults.observed import Bin

STATE = np.dtype(
    [
        ("equal", "i8"),  # repetitions in a row
        ("surprise", "f8"),  # their sum
        ("share", "f8", (2,)),  # of repetitions: of results that are not low, that are
        ("low", "f8"),  # one result in twenty is below
    ]
)
_LEARNED = 8  # repetitions of one run that count as usual
_MEMORY = 500  # results


def fresh(n: int) -> Columns:
    """Three in ten repeat, until it is known better."""
    return {
        "equal": np.zeros(n, np.int64),
        "surprise": np.zeros(n),
        "share": np.full((n, 2), 0.3),
        "low": np.full(n, np.nan),
    }


def strength(state: Columns, now: Bin) -> Floats:
    """In nats: the run's length times how much each repetition surprises."""
    measured, result, before = now.seen.measured, now.result, state["results"][..., 0]
    same = measured & (result == before)
    low, spread, share = state["low"], state["spread"], state["share"]
    is_low = result <= low + spread / 2
    usual = np.where(is_low, share[..., 1], share[..., 0])
    surprise = np.where(same, state["surprise"] - np.log(np.clip(usual, 0.02, 0.98)), 0.0)
    state["surprise"] = np.where(measured, surprise, state["surprise"])
    state["equal"] = np.where(measured, np.where(same, state["equal"] + 1, 0), state["equal"])
    learned = measured & ~np.isnan(before) & (state["equal"] < _LEARNED)
    for i in (0, 1):
        share[..., i] += np.where(learned & (is_low == i), (same - share[..., i]) / _MEMORY, 0.0)
    step = np.where(measured, np.where(result < low, -0.95, 0.05) * spread / 50, 0.0)
    state["low"] = np.where(np.isnan(low), result, low + step)
    return state["surprise"].copy()

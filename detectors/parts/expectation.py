"""What each Datastream of a panel should measure, by its neighbours, its own level and the time of day.

A result y (a logarithm where the observed property has a lowest value, so that a factor is a step) is taken for

    y = level + profile[time of day] + what the neighbours have in common now + residual

where the common part is the median over the other Things of their y less their own level and profile: an episode that
raises all of them leaves no residual. Level and profile are learned slowly and in small steps, so that a fault of some days
hardly moves them. Not here: what a residual means.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.core.columns import Columns
from detectors.core.interface import Floats

SLOTS = 24
"""Of the day's profile."""
FIRST = 48
"""Results of a Datastream before it is set against its neighbours."""
LARGEST = 1e150
"""Results are cut to this, so that no product overflows."""

STATE = np.dtype(
    [
        ("count", "i8"),  # results learned from
        ("level", "f8"),
        ("size", "f8"),  # of the residual, as if it were a standard deviation
        ("profile", "f8", (SLOTS,)),
        ("hours", "i4", (SLOTS,)),  # results learned from, by time of day
        ("middle", "f8"),  # median of the results themselves
        ("spread", "f8"),  # median distance from it, as if it were a standard deviation
    ]
)

# Chosen once and not swept: a fault of ten days may move the level by less than half a size.
_MEMORY = 960  # results that the level remembers
_DAYS = 60  # that the profile remembers
_LONG = 2000  # results that the size remembers
_CUT = 2.0  # sizes by which one result counts at most for level and profile
_SMALLEST = 1e-150

Grid = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seen:
    """One bin against what was expected; every shape is that of the bin, NaN where nothing was measured."""

    measured: Grid
    begun: Grid  # measured, and enough is known of the Datastream to judge it
    compared: Grid  # begun, and set against enough neighbours
    usual: Floats  # level and profile
    common: Floats  # what the neighbours have in common; 0 without enough of them
    residual: Floats
    size: Floats

    @property
    def expected(self) -> Floats:
        """Of y."""
        return self.usual + self.common


def fresh(n: int) -> Columns:
    """State of n Datastreams before their first bin."""
    rows = np.zeros(n, STATE)
    return {name: rows[name].copy() for name in STATE.names or ()}


def scaled(result: Floats, lowest: Floats, floor: Floats) -> Floats:
    """y of a result: the logarithm of its height above `lowest` plus `floor`; the result where there is no lowest (NaN)."""
    no_lowest = np.isnan(lowest)
    height = np.maximum(result - np.where(no_lowest, 0.0, lowest), 0.0) + floor
    return np.where(no_lowest, result, np.log(height))


def unscaled(y: Floats, lowest: Floats, floor: Floats) -> Floats:
    """The result of which `scaled` makes y."""
    no_lowest = np.isnan(lowest)
    height = np.exp(np.minimum(y, np.log(LARGEST))) - floor
    return np.where(no_lowest, y, height + np.where(no_lowest, 0.0, lowest))


def others_median(z: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
    """The median over the other Things (axis -2) and how many they are; NaN does not count, and is the median of none."""
    known = ~np.isnan(z)
    ordered = np.sort(z, axis=-2)
    rank = np.argsort(np.argsort(z, axis=-2, kind="stable"), axis=-2, kind="stable")
    count = np.expand_dims(known.sum(axis=-2), -2) - known
    last = z.shape[-2] - 1
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    low = np.minimum(low + (known & (low >= rank)), last)  # each is left out of the order of all
    high = np.minimum(high + (known & (high >= rank)), last)
    median = (np.take_along_axis(ordered, low, -2) + np.take_along_axis(ordered, high, -2)) / 2
    return np.where(count == 0, np.nan, median), count


def look(state: Columns, y: Floats, slot: int, neighbours: npt.NDArray[np.int64]) -> Seen:
    """Set a bin against what is expected; learns nothing. Fewer than `neighbours` of them have nothing in common."""
    measured = ~np.isnan(y)
    usual = state["level"] + state["profile"][..., slot]
    known = state["count"] >= FIRST
    common, count = others_median(np.where(known, y - usual, np.nan))
    enough = count >= neighbours
    common = np.where(enough, common, 0.0)
    begun = measured & known
    return Seen(measured, begun, begun & enough, usual, common, y - usual - common, state["size"].copy())


def learn(state: Columns, seen: Seen, result: Floats, slot: int) -> None:
    """Take the bin in; `state` is changed in place."""
    measured, begun, count = seen.measured, seen.begun, state["count"]
    residual = np.where(measured, seen.residual, 0.0)
    step = np.where(begun, np.clip(residual, -_CUT * seen.size, _CUT * seen.size), residual)
    state["level"] += np.where(measured, step * np.maximum(1 / (count + 1), 1 / _MEMORY), 0.0)
    hours = state["hours"][..., slot]
    state["profile"][..., slot] += np.where(begun, step * np.maximum(1 / (hours + 1), 1 / _DAYS), 0.0)
    state["hours"][..., slot] = np.minimum(hours + begun, _LONG)
    away = np.abs(residual)
    typical = 1.2533 * np.where(begun, np.minimum(away, 4 * seen.size), away)  # of a normal distribution: sqrt(pi / 2)
    size = seen.size + (typical - seen.size) * np.maximum(
        1 / (np.where(begun, count - FIRST // 2, count) + 1), 1 / _LONG
    )
    state["size"] = np.where(measured, np.clip(size, _SMALLEST, LARGEST), seen.size)
    _learn_middle(state, measured, result, count)
    state["count"] = count + measured


def _learn_middle(state: Columns, measured: Grid, result: Floats, count: npt.NDArray[np.int64]) -> None:
    """Means at first, then a little up or down whether the result lies above or below: medians."""
    middle, spread = state["middle"], state["spread"]
    away = np.where(measured, result, 0.0) - middle
    distance = np.abs(away) / 0.6745
    first = count < FIRST
    wider = np.where(
        first, spread + (distance - spread) / (count + 1), spread * np.where(distance > spread, 1.01, 1 / 1.01)
    )
    state["middle"] = np.where(
        measured, middle + np.where(first, away / (count + 1), np.sign(away) * spread / 50), middle
    )
    state["spread"] = np.where(measured, np.clip(wider, _SMALLEST, LARGEST), spread)

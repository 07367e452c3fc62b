"""What each Datastream of a panel should measure, by its neighbours, its own level and the time of day.

A result y (a logarithm where the observed property cannot fall below a lowest value, so that a factor is a step) is taken for

    y = level + profile[time of day] + what the neighbours have in common now + residual

where the common part is the median over the other Things of their y less their own level and profile: an episode that raises
all of them leaves no residual. Level and profile are learned slowly and in small steps, the residual's usual size from its
median, so a fault of some days hardly moves them. Not here: what a residual means.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.core.columns import Columns
from detectors.core.interface import Floats

SLOTS = 24
"""Of the day's profile."""
EXPECTATION_STATE = np.dtype(
    [
        ("count", "i8"),  # results learned from
        ("level", "f8"),
        ("size", "f8"),  # of the residual, as if it were a standard deviation
        ("profile", "f4", (SLOTS,)),
        ("hours", "i4", (SLOTS,)),  # results learned from, by time of day
        ("middle", "f8"),  # median of the results themselves
        ("spread", "f8"),  # median distance from it, as if it were a standard deviation
    ]
)

FIRST = 48  # results until size and profile begin
MEMORY = 960.0  # results the level remembers: a fault of ten days moves it by a fifth of what a step is cut to
DAYS = 60.0  # days the profile remembers
CUT = 2.0  # sizes; what a single result moves level and profile by at most
SMALLEST, LARGEST = 1e-150, 1e150

Grid = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seen:
    """One bin against what was expected; every shape is that of the bin, NaN where nothing was measured."""

    measured: Grid
    y: Floats
    common: Floats  # what the neighbours have in common, 0 without enough of them
    neighbours: Grid  # whether there were enough of them
    residual: Floats
    size: Floats
    expected: Floats  # y - residual


def scaled(result: Floats, lowest: Floats, floor: Floats) -> Floats:
    """The logarithm of the height above `lowest` plus `floor`; as it is where there is no lowest (NaN)."""
    bounded = np.clip(result, -LARGEST, LARGEST)
    height = np.log(np.maximum(bounded - np.where(np.isnan(lowest), 0, lowest), 0) + floor)
    return np.where(np.isnan(lowest), bounded, height)


def unscaled(y: Floats, lowest: Floats, floor: Floats) -> Floats:
    """The result of which `scaled` makes y."""
    return np.where(np.isnan(lowest), y, np.exp(np.minimum(y, 345.0)) - floor + np.where(np.isnan(lowest), 0, lowest))


def others_median(z: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
    """The median over the other Things (axis -2), and how many there are; NaN counts for nothing, and is the median of none."""
    known = ~np.isnan(z)
    ordered = np.sort(z, axis=-2)
    rank = np.argsort(np.argsort(z, axis=-2, kind="stable"), axis=-2, kind="stable")
    count = np.expand_dims(known.sum(axis=-2), -2) - known
    last = z.shape[-2] - 1
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    low = np.minimum(low + (known & (low >= rank)), last)
    high = np.minimum(high + (known & (high >= rank)), last)
    median = (np.take_along_axis(ordered, low, -2) + np.take_along_axis(ordered, high, -2)) / 2
    return np.where(count == 0, np.nan, median), count


def look(state: Columns, y: Floats, slot: int, at_least: int, trusted) -> Seen:
    """Set a bin against what is expected; learns nothing. `at_least` neighbours are needed for a common part."""
    measured = ~np.isnan(y)
    usual = state["level"] + state["profile"][..., slot]
    own = y - usual
    common, count = others_median(np.where(trusted & (state["count"] >= FIRST), own, np.nan))
    enough = count >= at_least
    common = np.where(enough, common, 0.0)
    return Seen(measured, y, common, enough, own - common, state["size"].copy(), usual + common)


def learn(state: Columns, seen: Seen, result: Floats, slot: int) -> None:
    """Take the bin in; `state` is changed in place."""
    measured, size = seen.measured, seen.size
    count = state["count"]
    residual = np.where(measured, seen.residual, 0.0)
    begun = measured & (count >= FIRST)
    step = np.where(begun, np.clip(residual, -CUT * size, CUT * size), residual)
    state["level"] += step * np.where(measured, np.maximum(1 / (count + 1), 1 / MEMORY), 0.0)
    hours = state["hours"][..., slot]
    share = np.where(begun, np.maximum(1 / (hours + 1), 1 / DAYS), 0.0)
    state["profile"][..., slot] += np.where(begun, step * share, 0.0)
    state["hours"][..., slot] = np.minimum(hours + begun, 1_000_000)
    typical = 1.2533 * np.where(count < FIRST, np.abs(residual), np.minimum(np.abs(residual), 4 * size))
    share = np.maximum(1 / (np.where(count<FIRST,count,count-FIRST//2) + 1), 1 / 2000)
    state["size"] = np.where(measured, np.clip(size + (typical - size) * share, SMALLEST, LARGEST), size)
    away = np.where(measured, result, 0.0) - state["middle"]
    spread = np.where(measured, _median_step(state["spread"], np.abs(away) / 0.6745, count), state["spread"])
    pull = np.where(count < FIRST, away / (count + 1), np.sign(away) * state["spread"] / 50)
    state["middle"] += np.where(measured, pull, 0.0)
    state["spread"] = spread
    state["count"] = count + measured


def _median_step(now: Floats, value: Floats, count: npt.NDArray[np.int64]) -> Floats:
    """A mean at first, then a little up or down whether the value lies above or below: its median."""
    first = now + (value - now) / (count + 1)
    later = now * np.where(value > now, 1.01, 1 / 1.01)
    return np.clip(np.where(count < FIRST, first, later), SMALLEST, LARGEST)

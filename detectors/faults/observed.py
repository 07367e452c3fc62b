"""One bin as all evidence sees it, and the few results before it that evidence compares with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.core.columns import Columns
from detectors.core.interface import Floats
from detectors.parts.expectation import SLOTS, Grid, Seen, unscaled

DEEP = 3
DAY = 86_400_000_000
STATE = np.dtype(
    [
        # newest first, NaN where there was none
        ("results", "f8", (DEEP,)),
        ("residuals", "f8", (DEEP,)),
        ("expected", "f8", (DEEP,)),  # of y
        ("averages", "f8", (DEEP,)),  # of the residual over some bins
        ("average", "f8"),
        ("compared", "?"),  # whether the newest had neighbours
    ]
)
_AVERAGED = 6  # bins


@dataclass(frozen=True, slots=True)
class Bin:
    """Every shape is `(t, c)`."""

    time: int  # when it begins (µs)
    interval: int  # µs
    result: Floats
    y: Floats
    seen: Seen
    lowest: Floats
    floor: Floats

    @property
    def number(self) -> int:
        """Of the bin since 1970."""
        return self.time // self.interval

    def slot(self, lag: int = 0) -> int:
        """Of the day, some bins ago."""
        return slot_of(self.time - lag * self.interval)

    @property
    def distance(self) -> Floats:
        """The residual in sizes; 0 where it cannot be judged."""
        seen = self.seen
        return np.where(seen.begun, seen.residual / seen.size, 0.0)

    @property
    def unit(self) -> Floats:
        """What a lasting residual is measured in. Of a logarithm it is drawn halfway to a fifth: faults are factors, as large
        where neighbours agree closely as where they do not."""
        size = self.seen.size
        return np.where(np.isnan(self.lowest), size, np.sqrt(size * 0.2))

    def result_of(self, y: Floats) -> Floats:
        """The result that has this y."""
        return unscaled(y, self.lowest, self.floor)


def slot_of(time: int) -> int:
    """Of the day, in UTC."""
    return time % DAY * SLOTS // DAY


def fresh(n: int) -> Columns:
    """Nothing seen."""
    rows = np.zeros(n, STATE)
    for name in ("results", "residuals", "expected", "averages"):
        rows[name] = np.nan
    return {name: rows[name].copy() for name in STATE.names or ()}


def begin(state: Columns, now: Bin) -> None:
    """A residual against neighbours is not compared with one without."""
    changed = now.seen.begun & (state["compared"] != now.seen.compared)
    state["residuals"][changed] = np.nan
    state["averages"][changed] = np.nan
    state["average"] = np.where(changed, now.seen.residual, state["average"])
    state["compared"] = np.where(now.seen.begun, now.seen.compared, state["compared"])


def remember(state: Columns, now: Bin) -> None:
    """What the next bins compare with."""
    begun = now.seen.begun
    residual = np.where(begun, now.seen.residual, 0.0)
    state["average"] += np.where(begun, (residual - state["average"]) / _AVERAGED, 0.0)
    for name, newest in (
        ("results", now.result),
        ("residuals", now.seen.residual),
        ("expected", now.seen.expected),
        ("averages", state["average"]),
    ):
        push(state[name], newest, begun)


def push(ring: Floats, newest: Floats, where: Grid) -> None:
    """Put the newest first and drop the oldest."""
    for i in range(ring.shape[-1] - 1, 0, -1):
        ring[..., i] = np.where(where, ring[..., i - 1], ring[..., i])
    ring[..., 0] = np.where(where, newest, ring[..., 0])

"""Cuts the Observations of each Datastream into blocks of as many each: mean, lowest and highest.

Belongs here: adding up, so that whatever cut the frames have the bits are the same. Not what a block means.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.core.interface import Floats, Times
from detectors.core.runs import Index, Runs

OPEN_BLOCK = [("seen", "i4"), ("total", "f8"), ("low", "f8"), ("high", "f8"), ("starts_at", "i8")]
"""Fields of a state: what the block that is not full yet holds."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The c blocks that n Observations filled, in the order of (place in its row, row); shapes `(c,)`."""

    rows: Index
    turn: Index  # 0 for the first block that its row filled, 1 for the next
    last: Index  # where the Observation stands in the runs that filled it
    mean: Floats
    low: Floats
    high: Floats
    ends_at: Times


def cut(state: Any, runs: Runs, result: Floats, length: npt.NDArray[np.int64]) -> tuple[Blocks, Times]:
    """The blocks that are full now, and when the block of each Observation began, shape `(n,)`.

    `state` has the fields of `OPEN_BLOCK` and is changed in place; `length` `(n,)` is how many Observations make a block.
    """
    n, rows, u = len(runs), runs.rows, len(runs.rows)
    which = np.arange(n) - np.array(runs.cuts[:-1], np.intp).take(runs.round)  # of `rows`
    size = length[:u]
    seen = np.minimum(state["seen"].take(rows), size - 1)
    place = seen.take(which) + runs.round
    sizes = size.take(which)
    number = place // sizes
    place -= number * sizes
    turns = number.take(runs.last) + 1  # blocks that each row touches
    first = np.cumsum(turns) - turns
    block = first.take(which) + number
    # the open block of each row goes on
    k = int(turns.sum())
    total, low, high, starts_at = np.zeros(k), np.full(k, np.inf), np.full(k, -np.inf), np.zeros(k, np.int64)
    goes_on = seen > 0
    for values, name in ((total, "total"), (low, "low"), (high, "high"), (starts_at, "starts_at")):
        values[first[goes_on]] = state[name].take(rows[goes_on])
    begins = place == 0
    starts_at[block[begins]] = runs.time[begins]
    # the first Observation of every block at once, then the second of every block
    step = np.where(number == 0, runs.round, place)
    order = np.argsort(step, kind="stable")
    cuts = np.searchsorted(step.take(order), np.arange(int(step.max(initial=-1)) + 2))
    for start, end in pairwise(cuts.tolist()):
        part = order[start:end]
        at, x = block.take(part), result.take(part)
        total[at] += x
        low[at] = np.minimum(low.take(at), x)
        high[at] = np.maximum(high.take(at), x)
    # what is left stays open
    left = block.take(runs.last)
    state["seen"][rows] = (place.take(runs.last) + 1) % size
    for values, name in ((total, "total"), (low, "low"), (high, "high"), (starts_at, "starts_at")):
        state[name][rows] = values.take(left)
    full = np.flatnonzero(place == sizes - 1)
    full = full.take(np.argsort(number.take(full), kind="stable"))
    at = block.take(full)
    found = Blocks(
        rows=runs.at.take(full),
        turn=number.take(full),
        last=full,
        mean=total.take(at) / sizes.take(full),
        low=low.take(at),
        high=high.take(at),
        ends_at=runs.time.take(full),
    )
    return found, starts_at.take(block)

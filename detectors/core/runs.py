"""Many observations of many Datastreams, laid out so that each row is taken in its order and all rows at once.

The k-th observation of each row stands in round k. Rows with the most observations come first, so a round is a slice
of the observations and belongs to a slice of the rows:

    rows   7 2 9                        round 0      round 1    round 2
    at     7 2 9 7 2 7                  7 2 9        7 2        7
    cuts   0 3 5 6
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Runs:
    """n observations of u different rows.

    Shapes: `rows` and `last` `(u,)`; `at`, `round`, `before`, `order`, `time`, `result` `(n,)`; times are in µs, each newer
    than all that its row has seen, results are finite.
    """

    rows: Index
    at: Index  # the row of each observation
    cuts: tuple[int, ...]  # where each round begins, and the end
    round: Index  # the round of each observation
    before: Index  # where the row's previous observation stands when the rows' past is put before all of them
    last: Index  # the last observation of each of `rows`
    order: Index  # where each observation stood in what it was made of
    time: npt.NDArray[np.int64]
    result: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.at)

    def rounds(self) -> Iterator[tuple[int, slice]]:
        """How many of the rows, and which observations: the i-th of them is of the i-th row."""
        for start, end in zip(self.cuts, self.cuts[1:], strict=False):
            yield end - start, slice(start, end)

    def previous(self, past: npt.NDArray[Any], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The value before each one in its row; `past` `(u,)` is what stood before the first."""
        return np.concatenate([past, values]).take(self.before)


def runs(
    rows: npt.NDArray[Any], time: npt.NDArray[np.int64], result: npt.NDArray[np.float64], order: Index | None = None
) -> Runs:
    """Lay out n observations. `order` picks and sorts them by row, each row's in its order; made if not given."""
    if order is None:
        order = np.argsort(rows, kind="stable")
    n = len(order)
    sorted_rows = rows.take(order)
    starts = np.concatenate([[0][:n], np.flatnonzero(sorted_rows[1:] != sorted_rows[:-1]) + 1]).astype(np.intp)
    u = len(starts)
    counts = np.empty(u, np.intp)
    counts[:-1], counts[-1:] = starts[1:] - starts[:-1], n - starts[-1:]
    deepest = int(counts.max()) if u else 0
    if u * deepest == n:  # as many of each
        sizes = [u] * deepest
        order = order.reshape(u, deepest).T.ravel()
        last = np.arange(n - u, n)
        distinct = sorted_rows.take(starts)
    else:
        by_count = np.argsort(-counts, kind="stable")
        sizes = (u - np.searchsorted(counts.take(by_count[::-1]), np.arange(deepest), side="right")).tolist()
        rank = np.empty(u, np.intp)
        rank[by_count] = np.arange(u)
        first = np.cumsum([0, *sizes])
        place = first.take(np.arange(n) - starts.repeat(counts)) + rank.repeat(counts)
        laid = np.empty(n, np.intp)
        laid[place] = order
        order = laid
        last = first.take(counts.take(by_count) - 1) + np.arange(u)
        distinct = sorted_rows.take(starts).take(by_count)
    back = [0, *(u - size for size in sizes[:-1])] if n else []
    return Runs(
        rows=distinct.astype(np.intp, copy=False),
        at=rows.take(order).astype(np.intp, copy=False),
        cuts=(0, *accumulate(sizes)),
        round=np.repeat(np.arange(deepest), sizes),
        before=np.arange(n) + np.repeat(np.array(back, np.intp), sizes),
        last=last,
        order=order,
        time=time.take(order),
        result=result.take(order),
    )

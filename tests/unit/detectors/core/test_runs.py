"""Each row's observations keep their order, and a round holds one of each row."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.core.runs import runs


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=40))
def test_rounds(log: list[int]) -> None:
    rows = np.array(log, np.int32)
    n = len(log)
    laid = runs(rows, np.arange(n), np.arange(n) / 2)
    assert laid.at.tolist() == [log[i] for i in laid.order]
    assert sorted(laid.order.tolist()) == list(range(n))
    assert laid.result.tolist() == [i / 2 for i in laid.order]
    seen: dict[int, list[int]] = {}
    for m, part in laid.rounds():
        assert laid.at[part].tolist() == laid.rows[:m].tolist()
        for place in range(part.start, part.stop):
            seen.setdefault(log[laid.order[place]], []).append(int(laid.time[place]))
    assert seen == {row: [i for i in range(n) if log[i] == row] for row in set(log)}
    assert laid.time[laid.last].tolist() == [seen[row][-1] for row in laid.rows]
    previous = laid.previous(np.full(len(laid.rows), -1), laid.time)
    for place in range(n):
        mine = seen[int(laid.at[place])]
        before = mine.index(int(laid.time[place])) - 1
        assert previous[place] == (mine[before] if before >= 0 else -1)

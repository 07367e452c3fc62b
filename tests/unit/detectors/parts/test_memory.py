"""What is remembered, from when on, and how it is forgotten."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.core.columns import Columns, table
from detectors.parts.memory import MEMORY, RANKS, REMEMBERED, Block, away_of, news_of, remember

AT = np.zeros(1, np.intp)


def fresh() -> Columns:
    state: Any = np.zeros(1, REMEMBERED)
    state["extremes"] = state["means"] = np.inf
    return table(state, np.dtype(REMEMBERED))


def feed(state: Columns, *values: float, clock: int = 0) -> list[float]:
    """Blocks whose mean and extreme are the same; how new each is."""
    found = []
    for value in values:
        one = np.array([value], np.float32)
        block = Block(one, one, np.array([clock], np.uint8))
        found.append(float(news_of(state, AT, block, away_of(state, AT, block))[0]))
        remember(state, AT, block)
    return found


def test_the_newest_two_blocks_do_not_make_the_next_one_usual() -> None:
    state = fresh()
    feed(state, *[0.0] * 30)
    first, second, third, fourth = feed(state, 5, 5, 5, 5)
    assert first == second == third > 3
    assert fourth == 0


def test_the_oldest_is_forgotten() -> None:
    state = fresh()
    feed(state, 5, *[0.0] * (MEMORY - 1))
    assert feed(state, 5)[0] == 0
    assert feed(state, *[0.0] * (MEMORY + 1), 5)[-1] > 0


def test_news_fades() -> None:
    state = fresh()
    feed(state, *[0.0] * 30)
    feed(state, 5)
    assert state["largest"][0, 0] == state["largest"][0, RANKS] == 5
    feed(state, *[0.0] * 1000)
    assert state["largest"][0, 0] == pytest.approx(5 * 0.999**1000, rel=1e-3)


def test_the_clock_counts_where_the_hour_explains() -> None:
    state = fresh()
    for _ in range(20):
        feed(state, *[0.0] * 3, clock=0)
        feed(state, *[1.0] * 3, clock=128)
    assert feed(state, 1, clock=128)[0] < feed(state, 1, clock=0)[0]

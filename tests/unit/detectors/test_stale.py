"""A run of equal prices is told where it is no habit."""

from __future__ import annotations

import numpy as np

from detectors.stale import Stale
from tests.unit.detectors.boards import Told, board, tell


def first(told: Told, *subject: int) -> int | None:
    """The day on which it is told."""
    days = [day for day, _ in told.opened(*subject)]
    return days[0] if days else None


def test_a_price_that_always_moved_rests() -> None:
    prices = board()
    prices[100:120, 1, 2] = prices[100, 1, 2]
    told = tell(Stale(), prices)
    assert told.opened(1, 2) == [(109, "stale")]
    assert len({one[1:] for one in told.anywhere()}) == 1
    assert told.verdict.score[120, 1, 2] < 0.7, "the first other price ends it"
    assert told.verdict.evidence is not None
    own, others = told.verdict.evidence[:, 110, 1, 2]
    assert others > own


def test_who_rests_by_habit_is_not_told() -> None:
    weekly = np.repeat(board(days=40), 7, axis=0)
    assert tell(Stale(), weekly).anywhere() == []
    weekly[200:270, 1, 2] = weekly[200, 1, 2]
    assert first(tell(Stale(), weekly), 1, 2) is not None


def test_all_rest_on_holidays_more_easily_than_one_alone() -> None:
    rests = np.repeat(board(days=80), 2, axis=0)
    alone = rests.copy()
    alone[120:150, 1, 2] = alone[120, 1, 2]
    together = rests.copy()
    together[120:150] = together[120]
    when_alone, when_together = (first(tell(Stale(), prices), 1, 2) for prices in (alone, together))
    assert when_alone is not None
    assert when_together is None or when_alone < when_together


def test_no_quote_is_no_repetition() -> None:
    prices = board()
    prices[100:120, 1, 2] = np.nan
    assert tell(Stale(), prices).anywhere() == []

"""Excursions of prices are told once and by their name; what others explain is none."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.quotes import Quotes
from tests.unit.detectors.boards import MONDAY, board, tell


def test_a_calm_board_is_quiet() -> None:
    assert tell(Quotes(), board()).anywhere() == []


def test_a_typo_is_told_by_the_quote_that_contradicts_it() -> None:
    prices = board()
    prices[100, 1, 2] *= 1.35
    told = tell(Quotes(), prices)
    assert told.opened(1, 2) == [(101, "typo")]
    assert told.verdict.starts_at[101, 1, 2] == MONDAY + 100 * 86_400_000_000
    assert {subject for _, *subject in map(tuple, told.anywhere()) for subject in [tuple(subject)]} == {(1, 2)}


@pytest.mark.parametrize(
    ("factor", "quotes", "at", "kind"), [(1.25, 7, 101, "surge"), (0.5, 5, 100, "unit"), (2, 5, 100, "unit")]
)
def test_what_lasts_is_one_alarm_and_its_end_is_none(factor: float, quotes: int, at: int, kind: str) -> None:
    prices = board()
    prices[100 : 100 + quotes, 2, 3] *= factor
    told = tell(Quotes(), prices)
    assert told.opened(2, 3) == [(at, kind)]
    assert told.verdict.score[at + 1 : 100 + quotes, 2, 3] == pytest.approx(0.8), "it goes on"
    assert told.verdict.score[100 + quotes, 2, 3] < 0.7, "it is over"


def test_a_new_price_is_taken_for_what_it_is() -> None:
    prices = board()
    prices[100:, 2, 3] *= 1.5
    told = tell(Quotes(), prices, patience=6)
    assert len(told.opened(2, 3)) == 1
    assert (told.verdict.score[106:, 2, 3] < 0.7).all()
    assert told.verdict.expected_low[140, 2, 3] < prices[140, 2, 3] < told.verdict.expected_high[140, 2, 3]


def test_the_same_goods_elsewhere_and_other_goods_here_excuse() -> None:
    prices = board()
    prices[100:107, :, 1] *= 1.3
    assert tell(Quotes(), prices).anywhere() == [], "all markets"
    prices = board()
    prices[100:107, 1] *= 1.3
    assert tell(Quotes(), prices).anywhere() == [], "all goods of one market"


def test_others_do_not_accuse() -> None:
    """Neither who stands still while others move, nor the neighbours of a slip of the point."""
    prices = board()
    prices[100:110, 0, 0] = prices[99, 0, 0]
    prices[100:110, 1:, 0] = prices[99, 1:, 0] * 1.2
    assert not tell(Quotes(), prices).verdict.score[100:110, 0, 0].any()
    prices = board()
    prices[100, 1, 2] *= 10
    assert tell(Quotes(), prices).anywhere() == [], "that is told by decimal_point"


def test_a_thing_alone_has_only_its_own_quotes() -> None:
    prices = board(things=1)
    prices[100:105, 0, 3] *= 0.5
    told = tell(Quotes(), prices)
    assert told.opened(0, 3) == [(100, "unit")]
    assert told.verdict.evidence is not None
    assert told.verdict.evidence[1, 100, 0, 3] == 0, "nobody elsewhere was asked"


def test_a_board_that_is_read_often_does_not_confirm_itself() -> None:
    often = np.repeat(board(), 4, axis=0)
    often[401:404, 1, 2] *= 1.35  # one writing, read three times
    assert tell(Quotes(), often, every_s=4 * 86400.0).opened(1, 2) == [(404, "typo")]


def test_a_declared_share_is_a_share() -> None:
    prices = board()
    prices[100:105, 1, 2] *= 1.6
    assert tell(Quotes(), prices, at_once=0.4).opened(1, 2)[0][0] == 100
    assert tell(Quotes(), prices, at_once=0.9).opened(1, 2)[0][0] == 101


def test_two_trades_of_one_thing_are_each_others_peers() -> None:
    prices = board(things=2, goods=6)
    apart = prices.transpose(0, 2, 1).reshape(len(prices), 1, 12)
    names = tuple(f"price/{goods}/{trade}" for goods in range(6) for trade in ("Retail", "Wholesale"))
    apart[100, 0, 4] *= 1.35
    prices[100, 0, 2] *= 1.35
    one, two = tell(Quotes(), apart, names, by_trade=True), tell(Quotes(), prices)
    assert one.opened(0, 4) == two.opened(0, 2) == [(101, "typo")]
    assert one.verdict.score.reshape(len(prices), 6, 2).transpose(0, 2, 1).tobytes() == two.verdict.score.tobytes()


def test_a_change_of_unit_upon_a_surge_is_told_as_well() -> None:
    prices = board()
    prices[100:110, 2, 3] *= 0.75
    prices[104:109, 2, 3] *= 0.5
    assert tell(Quotes(), prices).opened(2, 3) == [(101, "surge"), (105, "unit")]


def test_after_a_new_price_others_are_compared_with_it() -> None:
    prices = board()
    prices[100:, 2, 3] *= 1.5
    prices[150:156, 2, 3] *= 0.7
    told = tell(Quotes(), prices, patience=6)
    assert (151, "surge") in told.opened(2, 3)
    assert told.verdict.evidence is not None
    own, elsewhere, _ = told.verdict.evidence[:, 151, 2, 3]
    assert elsewhere > 0.85 * own

"""Prices of one goods stand in order, by the last part of their names."""

from __future__ import annotations

import numpy as np

from detectors.price_order import PriceOrder
from tests.unit.detectors.boards import tell

TRADE = ("price/a/Retail", "price/a/Wholesale", "price/b/Retail")
SPREAD = ("price/a/maximum", "price/a/minimum", "price/a/mode", "price/b/mode")


def scores(*rows: tuple[float, ...], columns: tuple[str, ...], **declared: float | str) -> list[list[bool]]:
    """Whether each price of one Thing opens."""
    told = tell(PriceOrder(), np.array(rows)[:, None], columns, **declared)
    return (told.verdict.score[:, 0] >= 0.95).tolist()


def test_retail_below_wholesale() -> None:
    found = scores((120, 100, 50), (96, 100, 50), (90, 100, 50), columns=TRADE)
    assert found == [[False] * 3, [False] * 3, [True, False, False]]


def test_minimum_mode_maximum() -> None:
    found = scores((9, 5, 7, 1), (9, 5, 4.9, 1), (6, 5, 7, 1), columns=SPREAD, order="spread", tolerance=0.0)
    assert found == [[False] * 4, [False, False, True, False], [True, False, False, False]]


def test_each_order_has_its_own_words() -> None:
    assert scores((6, 5, 4, 1), columns=SPREAD) == [[False] * 4]


def test_the_band_is_the_price_below() -> None:
    told = tell(PriceOrder(), np.array([[[90.0, 100.0, 50.0]]]), TRADE, tolerance=0.1)
    assert told.verdict.expected_low[0, 0, 0] == 90
    assert np.isnan(told.verdict.expected_high).all()
    assert np.isnan(told.verdict.expected_low[0, 0, 1:]).all()


def test_an_older_quote_counts_for_a_while_if_asked() -> None:
    rows = ((120.0, 100.0, 50.0), (80.0, np.nan, 50.0))
    assert not scores(*rows, columns=TRADE)[1][0]
    assert scores(*rows, columns=TRADE, within_s=86400.0)[1][0]


def test_what_is_missing_between_is_passed_over() -> None:
    assert scores((4, 5, np.nan, 1), columns=SPREAD, order="spread", tolerance=0.0) == [[True, False, False, False]]

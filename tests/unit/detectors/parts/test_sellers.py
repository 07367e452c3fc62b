"""A panel is laid out by sellers and goods, and back."""

from __future__ import annotations

import numpy as np

from detectors.core.interface import Verdict
from detectors.core.panel import Panel
from detectors.parts.sellers import Sellers
from tests.unit.detectors.boards import DAY, MONDAY

NAMES = ("price/a/Retail", "price/a/Wholesale", "price/b/Retail")


def panel() -> Panel:
    """Two Things; the second one has no wholesale."""
    there = np.array([[True, True, True], [True, False, True]])
    result = np.where(there, np.arange(6.0).reshape(1, 2, 3), np.nan)
    nowhere = np.full(2, np.nan)
    return Panel(np.array([MONDAY]), result, there, NAMES, NAMES, nowhere, nowhere, DAY)


def test_each_trade_is_a_seller() -> None:
    sellers = Sellers(panel(), by_trade=True)
    np.testing.assert_equal(sellers.results(panel().result), [[[0, 2], [1, np.nan], [3, 5], [np.nan, np.nan]]])
    assert sellers.there.tolist() == [[True, True], [True, False], [True, True], [False, False]]


def test_else_each_thing_is() -> None:
    np.testing.assert_equal(Sellers(panel(), by_trade=False).results(panel().result), panel().result)


def test_what_is_kept_comes_back_to_its_place() -> None:
    sellers = Sellers(panel(), by_trade=True)
    state = {"x": np.arange(12.0).reshape(2, 3, 2)}
    laid = sellers.columns(state)
    laid["x"] += 100
    sellers.keep(state, laid)
    expected = np.arange(12.0).reshape(2, 3, 2) + 100
    expected[1, 1] -= 100  # no Datastream
    assert (state["x"] == expected).all()
    laid_score = sellers.results(panel().result)
    verdict = sellers.verdict(Verdict(laid_score, laid_score, laid_score, np.zeros(laid_score.shape, np.int64)))
    np.testing.assert_equal(verdict.score, np.nan_to_num(panel().result))
    np.testing.assert_equal(verdict.expected_low, panel().result)

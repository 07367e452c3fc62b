"""Several stalls that raise one goods together are told; seasons, frosts and one dear stall are not."""

from __future__ import annotations

import numpy as np
import pytest

from aedilis.vocabulary import Scope
from detectors.coordinated import Coordinated
from tests.unit.detectors.boards import DAY, MONDAY, Told, board, tell


def calm(**size: int) -> np.ndarray:
    """Prices that wander little from day to day."""
    return board(noise=0.01, **size) ** 0.3


def test_a_joint_rise_is_told_for_its_column_only() -> None:
    prices = calm(things=6)
    prices[100:, :4, 2] *= 1.2
    prices[101:, 4, 2] *= 1.2
    told = tell(Coordinated(), prices)
    assert told.detector.scope is Scope.ZONE
    assert {column for _, column in told.anywhere()} == {2}
    day, kind = told.opened(2)[0]
    assert (day, kind) == (100, "coordinated")
    assert len(told.opened(2)) == 1
    assert MONDAY + 96 * DAY <= told.verdict.starts_at[day, 2] <= MONDAY + 100 * DAY
    assert prices[100, :, 2].mean() > told.verdict.expected_high[day, 2]


def test_it_ends_when_the_new_price_is_the_old_one() -> None:
    prices = calm(things=6)
    prices[100:, :, 2] *= 1.2
    assert (tell(Coordinated(), prices).verdict.score[106:, 2] < 0.7).all()


def seasonal(prices: np.ndarray) -> None:
    prices[60:120, :, 2] *= np.linspace(1, 1.8, 60)[:, None]
    prices[120:, :, 2] *= 1.8


def all_goods(prices: np.ndarray) -> None:
    prices[100:] *= 1.2


def all_goods_of_some(prices: np.ndarray) -> None:
    prices[100:, :3] *= 1.2


def two_stalls(prices: np.ndarray) -> None:
    prices[100:, :2, 2] *= 1.2


def each_its_own_way(prices: np.ndarray) -> None:
    prices[100:, :, 2] *= np.array([1.06, 1.1, 1.18, 1.3, 1.5, 1.9])


def a_fall(prices: np.ndarray) -> None:
    prices[100:, :, 2] *= 0.85


@pytest.mark.parametrize("change", [seasonal, all_goods, all_goods_of_some, two_stalls, each_its_own_way, a_fall])
def test_what_is_no_agreement(change) -> None:  # type: ignore[no-untyped-def]
    prices = calm(things=6)
    change(prices)
    assert tell(Coordinated(), prices).anywhere() == []


def test_a_rise_that_wholesale_explains() -> None:
    names = (
        "price/a/Retail",
        "price/a/Wholesale",
        "price/b/Retail",
        "price/c/Retail",
        "price/d/Retail",
        "price/e/Retail",
    )
    prices = calm(things=6)
    prices[100:, :, 0] *= 1.2

    def told() -> Told:
        return tell(Coordinated(), prices, names)

    assert {column for _, column in told().anywhere()} == {0}
    prices[100:, :, 1] *= 1.2
    assert told().anywhere() == []


def test_goods_that_always_move_together_are_not_accused() -> None:
    """Of these a joint step is the habit."""
    prices = calm(things=6)
    prices[:, :, 2] *= np.exp(0.1 * np.random.default_rng(5).normal(size=160))[:, None]
    assert tell(Coordinated(), prices).anywhere() == []


def test_what_goes_on_is_told_once() -> None:
    prices = calm(things=6)
    prices[100:, :4, 2] *= 1.2
    prices[102:, :, 2] *= 1.2
    assert len(tell(Coordinated(), prices).opened(2)) == 1

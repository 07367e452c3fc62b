"""Short weight judges one bag by the law in force at its time."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.short_weight import ShortWeight
from tests.unit.detectors.alone import MONDAY, watch


@pytest.mark.parametrize(
    ("price", "up_to", "tolerance"), [(3, 1000, 20), (6, 4000, 80), (20, 2500, 5), (30, 15000, 15), (500, 500, 1)]
)
def test_the_tolerance_of_price_and_weight(price: float, up_to: float, tolerance: float) -> None:
    verdict = watch(ShortWeight(), [tolerance, 0, -tolerance, -tolerance - 0.1], price=price, up_to=up_to)
    assert (verdict.score >= 0.9).tolist() == [False, False, False, True]
    assert verdict.expected_low.tolist() == [-tolerance] * 4
    assert verdict.facts is not None
    assert verdict.facts[:, 0].tolist() == [tolerance, 0], "read in copies of the order only"


def test_before_the_law_nothing_is_short() -> None:
    then = np.datetime64("2004-11-30T15:59:59", "us").astype(np.int64), np.datetime64("2004-11-30T16:00:00", "us")
    verdict = watch(ShortWeight(), [-300.0, -300.0], time=[then[0], then[1].astype(np.int64)], price=3)
    assert verdict.score.tolist() == [0, 1]
    assert np.isnan(verdict.expected_low[0])


def test_without_a_price_or_beyond_the_law_nothing_is_judged() -> None:
    assert watch(ShortWeight(), [-300.0]).score.tolist() == [0]
    assert watch(ShortWeight(), [-300.0], price=3, up_to=30_000).score.tolist() == [0]


def test_the_margin_of_the_verifying_scale_and_the_side_that_loses() -> None:
    verdict = watch(ShortWeight(), [-24.0, -26.0], price=3, up_to=1000, margin=5)
    assert (verdict.score == 1).tolist() == [False, True]
    verdict = watch(ShortWeight(), [-300.0, 300.0], time=[MONDAY, MONDAY + 1], price=3, loss="above")
    assert verdict.score.tolist() == [0, 1]
    assert verdict.expected_high.tolist() == [80, 80]

"""A slipped point is told at once, and once; what stays becomes the price."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.core.columns import table
from detectors.core.interface import Floats
from detectors.core.runs import runs
from detectors.decimal_point import DecimalPoint
from tests.unit.detectors.boards import DATASTREAM, DAY, MONDAY


def scores(*prices: float, **declared: Any) -> Floats:
    detector, many = DecimalPoint(), len(prices)
    parameters = table([detector.parameters_of(declared, DATASTREAM)] * many, detector.parameters)
    given = runs(np.zeros(many, np.intp), MONDAY + np.arange(many) * DAY, np.array(prices))
    return detector.update(detector.fresh(1), parameters, given).score


@pytest.mark.parametrize("slip", [10.0, 0.1, 100.0])
def test_a_slip_is_told_and_what_follows_is_not(slip: float) -> None:
    score = scores(100, 110, 110 * slip, 105, 90)
    assert (score >= 0.95).tolist() == [False, False, True, False, False]
    assert score[[1, 3, 4]].max() < 0.1


def test_a_dear_day_is_none() -> None:
    assert scores(100, 200, 90, 30).max() < 0.7


def test_what_stays_becomes_the_price() -> None:
    score = scores(100, 1000, 1010, 1020, 1000, 100)
    assert (score >= 0.95).tolist() == [False, True, True, False, False, True]


def test_no_price_says_nothing() -> None:
    assert scores(100, 0, -5, 101).max() < 0.1


def test_the_factor_is_declared() -> None:
    assert scores(100, 600)[1] >= 0.95
    assert scores(100, 600, factor=8.0)[1] < 0.95

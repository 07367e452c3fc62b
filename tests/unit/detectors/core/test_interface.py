"""Declared parameters are checked, and what is wrong is said in full."""

from __future__ import annotations

import math
from typing import Any

import pytest

from detectors.core.interface import Declared


def declared(value: Any) -> Declared:
    return Declared("some", {"it": 1, "other": 2}, {"it": value})


def test_the_default_stands_where_nothing_is_declared() -> None:
    assert Declared("some", {"it": 1, "other": 2}, {"it": 3}).number("other") == 2


@pytest.mark.parametrize(
    ("limits", "value", "expected"),
    [
        ({}, "3", "a number"),
        ({}, math.nan, "a number"),
        ({"least": 0}, -1, "a number from 0"),
        ({"above": 0}, 0, "a number above 0"),
        ({"above": 0, "most": 1}, 1.5, "a number above 0 up to 1"),
        ({"least": 0}, True, "a number from 0"),
    ],
)
def test_numbers(limits: dict[str, float], value: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=f"^detector some: expected it to be {expected}, got ") as refused:
        declared(value).number("it", **limits)
    assert repr(value) in str(refused.value)


@pytest.mark.parametrize(("limits", "value"), [({}, -1e9), ({"least": 0}, 0), ({"above": 0}, 1e-9), ({"most": 1}, 1)])
def test_good_numbers(limits: dict[str, float], value: float) -> None:
    found = declared(value).number("it", **limits)
    assert found == value
    assert type(found) is float


def test_counts_may_be_written_with_a_point() -> None:
    assert declared(24.0).count("it", least=0) == 24
    for value in (2.5, -1, math.inf, "2", True):
        with pytest.raises(ValueError, match="a whole number from 0 to 10"):
            declared(value).count("it", least=0, most=10)


def test_words() -> None:
    assert declared("day").word("it", ("none", "day")) == "day"
    for value in ("year", 1, None):
        with pytest.raises(ValueError, match="one of none, day"):
            declared(value).word("it", ("none", "day"))

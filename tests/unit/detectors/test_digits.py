"""Digits finds results that were rounded by hand, and lets others be."""

from __future__ import annotations

import numpy as np

from detectors.digits import Digits
from tests.unit.detectors.alone import MINUTE, MONDAY, opened, scores, watch


def told(n: int, by_hand: float, step: float, seed: int = 1) -> np.ndarray:
    """Deviations in steps of 0.1 g; a share of them rounded to `step`."""
    chance = np.random.default_rng(seed)
    values = chance.normal(0, 3, n)
    return np.round(np.where(chance.random(n) < by_hand, step * np.rint(values / step), values), 1)


def test_a_digit_that_comes_too_often_is_found_and_named() -> None:
    verdict = watch(Digits(), np.concatenate([told(300, 0, 1), told(100, 0.8, 1)]), division=0.1)
    at = opened(verdict)
    assert at is not None
    assert 310 < at < 370
    assert verdict.facts is not None
    assert verdict.facts[1, at] == 0
    assert abs((verdict.starts_at[at] - MONDAY) / (15 * MINUTE) - 300) < 10
    assert abs(verdict.facts[0, at] - (at - 299)) < 10
    assert opened(watch(Digits(), told(300, 1.0, 0.5), division=0.1)) is not None


def test_any_digit_will_do() -> None:
    verdict = watch(Digits(), np.full(100, 12.7), division=0.1)
    assert verdict.facts is not None
    assert verdict.facts[1, -1] == 7


def test_even_digits_and_small_preferences_are_usual() -> None:
    for by_hand in (0, 0.08):
        many = told(20_000, by_hand, 1).reshape(1_000, 20)
        assert scores(Digits(), many, division=0.1).max() < 0.9
    assert opened(watch(Digits(), np.arange(1_000) / 10.0, division=0.1)) is None


def test_the_division_says_which_digit_is_the_last() -> None:
    weights = 5.0 * np.random.default_rng(2).integers(50, 600, 300)
    assert opened(watch(Digits(), weights, division=5)) is None
    assert opened(watch(Digits(), weights, division=1)) is not None


def test_nothing_on_the_pan_has_no_digit() -> None:
    assert opened(watch(Digits(), np.zeros(300), division=0.1)) is None

"""Bias finds scales that give too little, seldom accuses others, and ends when they weigh right again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from detectors.over_bias import OverBias
from detectors.short_bias import ShortBias
from tests.unit.detectors.alone import MONDAY, opened, scores, watch


def rounded(bias: float, n: int, seed: int = 1) -> npt.NDArray[np.float64]:
    """Deviations of a scale with divisions of 5 g."""
    return np.random.default_rng(seed).uniform(-2.5, 2.5, n) + bias


def test_short_weight_is_found_and_since_when() -> None:
    verdict = watch(ShortBias(), np.concatenate([rounded(0, 500), rounded(-20, 60)]))
    at = opened(verdict)
    assert at is not None
    assert 503 <= at < 530
    assert abs((verdict.starts_at[at] - MONDAY) / 900e6 - 500) <= 1
    assert verdict.facts is not None
    assert verdict.facts[0, at] == pytest.approx(at - 499, abs=1)
    assert verdict.facts[1, at] == pytest.approx(-20, abs=1.5)
    assert verdict.expected_low[at] == -7.5


def test_it_ends_soon_after_the_scale_is_right_again() -> None:
    score = watch(ShortBias(), np.concatenate([rounded(-20, 500), rounded(0, 60)])).score
    assert score[499] > 0.9
    assert (score[540:] < 0.1).all()


def test_the_side_that_loses_is_declared() -> None:
    for detector, loss, bias, found in (
        (ShortBias(), "below", -20, True),
        (ShortBias(), "below", 20, False),
        (ShortBias(), "above", 20, True),
        (OverBias(), "below", 20, True),
        (OverBias(), "below", -20, False),
        (OverBias(), "above", -20, True),
    ):
        assert (opened(watch(detector, rounded(bias, 200), loss=loss)) is not None) is found


def test_what_is_allowed_is_no_bias() -> None:
    many = np.random.default_rng(1).uniform(-2.5, 2.5, (1_000, 20))
    assert scores(ShortBias(), many - 7.4).max() < 0.9
    assert (scores(ShortBias(), many - 9.5).max(axis=0) >= 0.9).all()
    assert scores(ShortBias(), many - 9.5, allowed=2.5).max() < 0.9


def test_gross_errors_of_honest_scales_accuse_nobody() -> None:
    chance = np.random.default_rng(2)
    shape = 1_000, 50
    wrong = np.where(chance.random(shape) < 0.1, -1000.0, chance.uniform(-2.5, 2.5, shape))
    assert scores(ShortBias(), wrong).max() < 0.9
    assert scores(ShortBias(), 3 * chance.standard_t(2, shape)).max() < 0.9


@pytest.mark.parametrize("every", [900_000_000, 8 * 3_600_000_000])
def test_false_accusations_are_bounded_in_time_however_often_it_is_weighed(every: int) -> None:
    """Scales whose mean gain is just 0, the worst that are in order: one in ten years asked for, for thousands of years."""
    chance = np.random.default_rng(5)
    edge = np.where(chance.random((1_000, 300)) < 1 / 6, -1000.0, 1000.0)
    accused = scores(ShortBias(), edge, every=every, years=10.0) >= 0.9
    first = np.where(accused.any(axis=0), accused.argmax(axis=0), len(edge))
    years = first.sum() * every / 365.25 / 86_400e6
    assert accused.any(axis=0).sum() <= years / 10.0 + 3.0 * np.sqrt(years / 10.0)

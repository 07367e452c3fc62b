"""Cold chain counts time, dose and warmth beyond the limits, and the mean kinetic temperature is Haynes's."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.cold_chain import ColdChain, kinetic, spoiling
from tests.unit.detectors.alone import HOUR, MINUTE, MONDAY, opened, watch

VACCINES = {"high": 8.0, "high_minutes": 600.0, "low": -0.5, "low_minutes": 60.0}


def test_ten_hours_above_eight_degrees() -> None:
    verdict = watch(ColdChain(), [5.0] * 8 + [9.0] * 60 + [5.0], **VACCINES)
    at = opened(verdict)
    assert at == 8 + 40
    assert verdict.starts_at[at] == MONDAY + 8 * 15 * MINUTE
    assert verdict.score[-1] == 0
    assert opened(watch(ColdChain(), [9.0] * 40, **VACCINES)) is None, "not yet"
    assert verdict.facts is not None
    assert verdict.facts[:2, at].tolist() == [600, 600]


def test_an_hour_of_frost_is_the_other_kind() -> None:
    verdict = watch(ColdChain(), [3.0] * 8 + [-0.5] * 8, **VACCINES)
    at = opened(verdict)
    assert at == 12
    assert verdict.kind is not None
    assert ColdChain.kinds[verdict.kind[at]] == "too_cold"
    assert verdict.kind[0] == 0


def test_hysteresis_holds_what_dips_to_the_limit() -> None:
    dips = [9.0, 7.8] * 30
    assert opened(watch(ColdChain(), dips, **VACCINES)) == 40
    assert opened(watch(ColdChain(), dips, **VACCINES, hysteresis=0.1)) is None


def test_degree_minutes_tell_a_hot_hour_before_the_time_is_up() -> None:
    verdict = watch(ColdChain(), [5.0] + [28.0] * 8, **VACCINES, degree_minutes=1000.0)
    at = opened(verdict)
    assert at == 5, "20 K for 60 minutes, from the first result above"
    assert verdict.evidence is not None
    assert verdict.evidence[1, at] == pytest.approx(1.2)
    assert verdict.evidence[0, at] == pytest.approx(0.1)


def test_mean_kinetic_temperature() -> None:
    """By hand: half of the time at 5 °C and half at 25 °C is as bad as always at 19.5 °C, not at 15 °C."""
    mixed = (spoiling(np.array([5.0])) + spoiling(np.array([25.0]))) / 2
    one_by_one = -10_000 / np.log((np.exp(-10_000 / 278.15) + np.exp(-10_000 / 298.15)) / 2) - 273.15  # ΔH/R rounded
    assert kinetic(mixed)[0] == pytest.approx(one_by_one, abs=0.02)
    assert kinetic(mixed)[0] == pytest.approx(19.7, abs=0.3)
    assert kinetic(spoiling(np.array([-40.0, 4.0, 60.0]))) == pytest.approx([-40, 4, 60])


def test_warm_days_are_told_by_it_and_a_warm_hour_is_not() -> None:
    many = 4 * 24 * 4
    cold = watch(ColdChain(), [4.0] * many, kinetic=6.0, days=2.0)
    assert opened(cold) is None
    assert cold.facts is not None
    assert cold.facts[2, -1] == pytest.approx(4.0)
    warm = watch(ColdChain(), [4.0, 9.0] * (many // 2), kinetic=6.0, days=2.0)
    assert warm.facts is not None
    assert warm.facts[2, -1] == pytest.approx(6.95, abs=0.15)
    assert opened(warm) == 2 * 96, "after two days"
    assert opened(watch(ColdChain(), [4.0] * many + [9.0] * 4, kinetic=6.0, days=2.0)) is None


def test_what_was_not_measured_is_not_known() -> None:
    time = MONDAY + np.array([0, 1, 2, 40, 41]) * HOUR
    verdict = watch(ColdChain(), [4.0, 4.0, 20.0, 4.0, 4.0], time=time, kinetic=6.0, days=1.0)
    assert verdict.facts is not None
    cold = (np.exp(-1 / 24) + 1) * np.exp(-38 / 24)  # hours at 4 °C, forgotten by and by; then one at 20 °C
    mean = (cold * spoiling(np.array([4.0])) + spoiling(np.array([20.0]))) / (cold + 1)
    assert verdict.facts[2, 3] == pytest.approx(kinetic(mean)[0])


def test_limits_in_order() -> None:
    with pytest.raises(ValueError, match="expected low < high"):
        watch(ColdChain(), [1.0], low=8, high=2)

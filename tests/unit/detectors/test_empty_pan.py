"""Empty pan finds a zero that moved, whatever is weighed in between."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.empty_pan import EmptyPan
from tests.unit.detectors.alone import MINUTE, opened, scores, watch

KINDS = EmptyPan.kinds


def pan(zero: float, n: int = 600, seed: int = 1) -> np.ndarray:
    """A scale with divisions of 1 g that is empty two times in three."""
    chance = np.random.default_rng(seed)
    return np.where(chance.random(n) < 1 / 3, chance.integers(200, 3000, n), np.rint(zero + chance.normal(0, 0.4, n)))


@pytest.mark.parametrize(("zero", "kind"), [(-3.0, "zero_below"), (3.0, "zero_above")])
def test_a_moved_zero_is_found_on_its_side(zero: float, kind: str) -> None:
    verdict = watch(EmptyPan(), np.concatenate([pan(0), pan(zero)]), every=5 * MINUTE, division=2)
    at = opened(verdict)
    assert at is not None
    assert at > 600
    assert verdict.kind is not None
    assert KINDS[verdict.kind[at]] == kind
    assert verdict.facts is not None
    assert verdict.facts[1, at] == pytest.approx(zero, abs=0.5)


def test_a_slow_drift_below_zero_is_found() -> None:
    drift = np.concatenate([np.zeros(300), np.linspace(0, -8, 1_000)])
    verdict = watch(EmptyPan(), np.rint(pan(0, 1_300) + np.where(pan(0, 1_300) < 100, drift, 0)), division=2)
    at = opened(verdict)
    assert at is not None
    assert -3 < drift[at] < -1


def test_a_good_zero_and_goods_are_calm() -> None:
    assert scores(EmptyPan(), pan(0, 20_000).reshape(1_000, 20), division=2).max() < 0.9
    assert opened(watch(EmptyPan(), np.full(300, 250.0))) is None


def test_the_band_must_hold_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="expected band to be wider"):
        watch(EmptyPan(), [0.0], division=50)

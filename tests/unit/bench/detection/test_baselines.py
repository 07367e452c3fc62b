"""Baselines say more of a spike than of the rest, and a rest leaves only what is new."""

from __future__ import annotations

import numpy as np
import pytest

from bench.detection.baselines import rested, seasonal_profile, windowed_gaussian


@pytest.mark.parametrize("baseline", [windowed_gaussian, seasonal_profile])
def test_a_spike_has_the_highest_score(baseline: object) -> None:
    chance = np.random.default_rng(1)
    values = 50 + chance.normal(0, 1, 24 * 60)
    values[1_000] = 90.0
    scores = baseline(values, np.arange(len(values)) * 3600.0, 200)  # type: ignore[operator]
    assert scores.shape == values.shape
    assert np.argmax(scores) == 1_000
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_rest_leaves_what_beats_all_of_the_last() -> None:
    scores = np.array([0.1, 0.3, 0.2, 0.3, 0.4, 0.1, 0.1, 0.1, 0.2])
    assert rested(scores, 3).tolist() == [0.1, 0.3, 0.0, 0.0, 0.4, 0.0, 0.0, 0.0, 0.2]

"""What is expected: the others' median, logarithms, and what a fault leaves behind in what was learned."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.core.interface import Floats
from detectors.parts import expectation

THREE = (4, 1)
"""Four Things, one column."""


def watched(result: Floats, lowest: float = 0.0) -> tuple[list[expectation.Seen], dict[str, Floats]]:
    """What was seen of results `(b, t)`, and the state at the end."""
    bins, things = result.shape
    state = {name: column.reshape(things, 1, *column.shape[1:]) for name, column in expectation.fresh(things).items()}
    low, floor = np.full((things, 1), lowest), np.ones((things, 1))
    seen = []
    for b in range(bins):
        now = result[b][:, None]
        one = expectation.look(state, expectation.scaled(now, low, floor), b % 24, np.full((things, 1), 2))
        expectation.learn(state, one, now, b % 24)
        seen.append(one)
    return seen, state


@pytest.mark.parametrize("things", [1, 2, 5, 8])
def test_the_median_of_the_others(things: int) -> None:
    chance = np.random.default_rng(things)
    z = np.round(chance.normal(0, 2, (things, 6)))  # with equal ones
    z[chance.random(z.shape) < 0.3] = np.nan
    median, count = expectation.others_median(z)
    for i in range(things):
        for j in range(6):
            others = [value for k, value in enumerate(z[:, j]) if k != i and not np.isnan(value)]
            assert count[i, j] == len(others)
            assert np.isnan(median[i, j]) if not others else median[i, j] == np.median(others)


def test_scaled_and_back() -> None:
    result, lowest = np.array([0.0, 3.0, 80.0, -4.0]), np.array([0.0, 0.0, -10.0, np.nan])
    floor = np.full(4, 5.0)
    y = expectation.scaled(result, lowest, floor)
    assert expectation.unscaled(y, lowest, floor) == pytest.approx(result)
    assert y[3] == -4, "without a lowest it is as it is"


def test_what_all_do_together_leaves_no_residual() -> None:
    day = 40 + 20 * np.sin(np.arange(400) / 24 * 2 * np.pi)
    result = day[:, None] * np.array([1.0, 1.5, 0.7, 2.0])
    result[300:] *= 5
    seen, _ = watched(result)
    assert max(float(np.abs(one.residual).max()) for one in seen[200:]) < 0.1
    assert seen[350].compared.all()


def test_a_fault_of_some_days_hardly_moves_what_is_expected() -> None:
    chance = np.random.default_rng(1)
    result = np.exp(4 + chance.normal(0, 0.1, (700, 4)))
    result[500:572, 0] *= 3
    seen, state = watched(result)
    assert float(seen[571].residual[0, 0]) > 0.8
    assert abs(float(seen[571].expected[0, 0]) - 4) < 0.3  # of 1.1
    assert float(state["size"][0, 0]) < 0.25


def test_silent_ones_learn_nothing_and_too_few_neighbours_say_nothing() -> None:
    result = np.full((100, 4), 10.0)
    result[60:, 1:3] = np.nan
    seen, state = watched(result)
    assert state["count"].ravel().tolist() == [100, 60, 60, 100]
    assert not seen[-1].compared.any()
    assert (seen[-1].common[[0, 3]] == 0).all()

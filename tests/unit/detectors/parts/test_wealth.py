"""Wealth grows only where bets are won, by no more than the days that pass, and begins anew after an alarm."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER
from detectors.parts import wealth

QUARTER = wealth.DAY // 96


def fresh(rows: int) -> Columns:
    state = np.zeros(rows, np.dtype(wealth.fields()))
    state["since"] = state["newest"] = NEVER
    return wealth.held(table(state, state.dtype), np.arange(rows))


def play(held: Columns, gains: npt.NDArray[np.float64], begin: int = 0, limit: float = 1000.0) -> list[float]:
    """Mean wealth after each bet, a quarter of an hour apart, of `(bets, rows)`."""
    found, rows = [], gains.shape[1]
    for i, gain in enumerate(gains, begin):
        time, every = np.full(rows, i * QUARTER), np.ones(rows, bool)
        wealth.bet(held, gain[None], wealth.STAKES, time, gain, np.full(rows, limit), every)
        found.append(float(held["wealth"].mean()))
    return found


def test_on_average_nobody_owns_more_than_the_days_that_passed() -> None:
    gains = np.where(np.random.default_rng(1).random((48, 40_000)) < 0.5, 1.0, -1.0)
    means = play(fresh(40_000), gains, limit=1e12)
    days = 1.0 + np.arange(48) / 96
    assert (np.array(means[:6]) < 1.1 * days[:6]).all()
    assert np.median(np.array(means) / days) < 1.1


def test_bets_that_are_won_reach_the_threshold_and_one_lost_is_seen() -> None:
    held = fresh(1)
    won = play(held, np.full((20, 1), -1.0))
    assert won[0] == pytest.approx(np.mean([1 + stake for stake in wealth.STAKES]), rel=1e-6)
    assert held["reached"][0]
    assert held["since"][0] == 0
    assert held["count"][0] == 20
    assert won[-1] == pytest.approx(1000, rel=1e-6), "no more than the threshold"


def test_an_alarm_lasts_until_all_is_lost_again_and_then_all_begins_anew() -> None:
    held = fresh(1)
    play(held, np.full((20, 1), -1.0))
    play(held, np.tile([[1.0], [-1.0]], (40, 1)), begin=20)
    assert held["reached"][0], "now and then one is lost"
    means = play(held, np.full((20, 1), 1.0), begin=100)
    assert not held["reached"][0]
    assert means[8] > 0
    assert means[9] == 0.0
    play(held, np.full((1, 1), -1.0), begin=120)
    assert held["since"][0] == 120 * QUARTER


def test_no_bet_changes_nothing() -> None:
    held = fresh(1)
    play(held, np.full((3, 1), -0.5))
    before = {name: column.tobytes() for name, column in held.items()}
    one = np.ones(1)
    wealth.bet(held, -one[None], wealth.STAKES, np.array([10 * QUARTER]), one, 1000 * one, np.zeros(1, bool))
    assert {name: column.tobytes() for name, column in held.items()} == before

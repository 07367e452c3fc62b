"""Tests of what the same goods elsewhere let expect: peers one after the other, whoever is asked about with whom."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.parts import elsewhere
from detectors.parts.elsewhere import BINS, LARGEST, RIDGE, SHRINK, WEIGHT

THINGS, COLUMNS = 6, 3
CHANCE = np.random.default_rng(5)
COMMON = np.cumsum(CHANCE.normal(0.0, 0.03, (1, COLUMNS, BINS)), axis=-1)
QUOTES = (
    4.0 + COMMON * CHANCE.uniform(0.2, 1.0, (THINGS, COLUMNS, 1)) + CHANCE.normal(0.0, 0.01, (THINGS, COLUMNS, BINS))
)
QUOTES[CHANCE.random(QUOTES.shape) < 0.2] = np.nan
QUOTES[1, :, :30] = np.nan
PAST = elsewhere.ring(QUOTES)
NOW = elsewhere.last(QUOTES) + CHANCE.normal(0.0, 0.05, (THINGS, COLUMNS))


def _fit(along: float, size: float, moves: np.ndarray, many: int) -> float:
    explained = along * along / size
    error = max(float(moves @ moves) - explained, 0.0) / many
    return along / size * max(0.0, 1.0 - SHRINK * error / max(explained, 1e-12))


def _stagewise(thing: int, column: int) -> float:
    """Every peer's moves are made anew after each step, as the formula says."""
    filled, places = PAST.filled[column], np.flatnonzero(PAST.quoted[column, thing])
    before, weight = PAST.before[column, thing, places], WEIGHT[places]
    theirs = np.nan_to_num(weight * (filled[:, places] - filled[:, before]))
    their_move = np.nan_to_num(NOW[:, column] - filled[:, PAST.newest[column, thing]])
    moves, theirs[thing] = theirs[thing].copy(), 0.0
    expected = 0.0
    for step in range(elsewhere.PEERS):
        along, size = theirs @ moves, (theirs * theirs).sum(axis=1) + RIDGE
        best = int((along * along / size).argmax())
        slope = _fit(along[best], size[best], moves, len(places))
        expected += slope * their_move[best]
        moves = moves - slope * theirs[best]
        if step == 0:
            apart = filled[thing, before] - filled[best, before]
            usual = np.nansum(apart) / len(places)
            apart = np.nan_to_num(weight * (apart - usual))
            homing = min(max(_fit(apart @ moves, apart @ apart + RIDGE, moves, len(places)), -1.0), 0.0)
            newest = PAST.newest[column, thing]
            expected += homing * np.nan_to_num(filled[thing, newest] - filled[best, newest] - usual)
            moves = moves - homing * apart
        shared = theirs @ theirs[best] / size[best]
        their_move = their_move - shared * their_move[best]
        theirs = theirs - shared[:, None] * theirs[best]
    return min(max(expected, -LARGEST), LARGEST)


def test_peers_are_taken_one_after_the_other() -> None:
    found = elsewhere.expected_moves(PAST, NOW, np.ones(NOW.shape, bool))
    assert np.abs(found).max() > 0.005
    for thing, column in np.ndindex(*NOW.shape):
        assert found[thing, column] == pytest.approx(_stagewise(thing, column), abs=1e-12)


def test_it_does_not_matter_who_else_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    every, side = np.ones(NOW.shape, bool), np.ones(NOW.shape)
    moves, apart = elsewhere.expected_moves(PAST, NOW, every), elsewhere.standing_apart(PAST, NOW, side, every)
    monkeypatch.setattr(elsewhere, "PAIRS", 2 * THINGS)
    some = CHANCE.random(NOW.shape) < 0.5
    np.testing.assert_array_equal(elsewhere.expected_moves(PAST, NOW, some)[some], moves[some])
    np.testing.assert_array_equal(elsewhere.standing_apart(PAST, NOW, side, some)[some], apart[some])
    assert not elsewhere.expected_moves(PAST, NOW, ~every).any()


def test_the_newest_quote_is_the_last_one_that_is_known() -> None:
    quotes = np.full((1, 2, BINS), np.nan)
    quotes[0, 0, [3, 9]] = 1.0, 2.0
    np.testing.assert_array_equal(elsewhere.last(quotes), [[2.0, np.nan]])

"""Hysteresis: an anomaly opens after some high scores in a row and closes after some low ones."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.core.decision import DECISION_PARAMETERS, DECISION_STATE, decide

SCORES = st.lists(st.sampled_from([0.0, 0.3, 0.59, 0.6, 0.75, 0.89, 0.9, 0.95, 1.0]), max_size=60)


def run(
    scores: list[float], n_open: int, n_close: int, limits: tuple[float, float] = (0.9, 0.6)
) -> list[tuple[int, int]]:
    """(index, +1 opened or -1 closed) of all changes of one row."""
    state = np.zeros(1, DECISION_STATE)
    parameters = np.array([(*limits, n_open, n_close)], DECISION_PARAMETERS)
    changes = []
    for i, score in enumerate(scores):
        time = np.array([i])
        opened, closed = decide(state, parameters, time, np.array([score]), time)
        assert not (opened[0] and closed[0])
        changes += [(i, 1)] * int(opened[0]) + [(i, -1)] * int(closed[0])
    return changes


def plain(scores: list[float], n_open: int, n_close: int) -> list[tuple[int, int]]:
    """The same in plain words."""
    changes, is_open = [], False
    for i in range(len(scores)):
        last = changes[-1][0] if changes else -1
        if not is_open:
            part = scores[max(i - n_open + 1, 0) : i + 1]
            if len(part) == n_open and all(score >= 0.9 for score in part):
                changes.append((i, 1))
                is_open = True
        else:
            part = scores[max(i - n_close + 1, last + 1) : i + 1]
            if len(part) == n_close and all(score < 0.6 for score in part):
                changes.append((i, -1))
                is_open = False
    return changes


@settings(max_examples=300, deadline=None)
@given(SCORES, st.integers(1, 4), st.integers(1, 4))
def test_it_is_the_plain_rule(scores: list[float], n_open: int, n_close: int) -> None:
    assert run(scores, n_open, n_close) == plain(scores, n_open, n_close)


@settings(max_examples=100, deadline=None)
@given(st.lists(SCORES.filter(len), min_size=1, max_size=5), st.integers(1, 3), st.integers(1, 3))
def test_rows_do_not_meet(many: list[list[float]], n_open: int, n_close: int) -> None:
    steps = min(len(scores) for scores in many)
    state = np.zeros(len(many), DECISION_STATE)
    parameters = np.array([(0.9, 0.6, n_open, n_close)] * len(many), DECISION_PARAMETERS)
    changes: list[list[tuple[int, int]]] = [[] for _ in many]
    for i in range(steps):
        time = np.full(len(many), i)
        opened, closed = decide(state, parameters, time, np.array([scores[i] for scores in many]), time)
        for row, mine in enumerate(changes):
            mine += [(i, 1)] * int(opened[row]) + [(i, -1)] * int(closed[row])
    assert changes == [run(scores[:steps], n_open, n_close) for scores in many]


def test_between_the_limits_nothing_flaps() -> None:
    assert run([0.95, 0.7, 0.95, 0.7, 0.95, 0.61], 1, 1) == [(0, 1)]
    assert run([0.89, 0.88, 0.7] * 5, 1, 1) == []


def test_the_start_is_that_of_the_first_high_score_the_peak_the_highest() -> None:
    state = np.zeros(1, DECISION_STATE)
    parameters = np.array([(0.9, 0.6, 3, 2)], DECISION_PARAMETERS)
    for i, score in enumerate([0.95, 0.1, 0.91, 0.97, 0.92, 0.99, 0.7, 0.1, 0.1]):
        time = np.array([i * 10])
        decide(state, parameters, time, np.array([score]), time - 3)
        if i == 4:
            assert state["open"][0]
            assert (state["starts_at"][0], state["opened_at"][0], state["peak"][0]) == (17, 40, 0.97)
    assert not state["open"][0]
    assert state["peak"][0] == 0.99
    assert state["starts_at"][0] == 17


def test_a_second_anomaly_does_not_inherit_the_peak() -> None:
    state = np.zeros(1, DECISION_STATE)
    parameters = np.array([(0.9, 0.6, 1, 1)], DECISION_PARAMETERS)
    for i, score in enumerate([1.0, 0.0, 0.92]):
        decide(state, parameters, np.array([i]), np.array([score]), np.array([i]))
    assert state["peak"][0] == 0.92


def test_a_close_above_open_counts_as_open() -> None:
    assert run([0.9, 0.9, 0.5], 1, 1, (0.9, 1.0)) == [(0, 1), (2, -1)]

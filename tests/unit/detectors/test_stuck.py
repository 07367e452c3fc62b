"""Stuck counts equal results in a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aedilis.vocabulary import Datastream, Thing
from detectors.core.columns import table
from detectors.core.runs import runs
from detectors.stuck import Stuck

DATASTREAM = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, 3_600_000_000)


def watch(values: list[float], **declared: Any) -> tuple[list[float], list[int]]:
    """Score and start of each result; the times are 0, 10, 20, …"""
    detector = Stuck()
    state = detector.fresh(1)
    parameters = table([detector.parameters_of(declared, DATASTREAM)], detector.parameters)
    scores, starts = [], []
    for i, value in enumerate(values):
        verdict = detector.update(state, parameters, runs(np.zeros(1, np.intp), np.array([i * 10]), np.array([value])))
        scores.append(float(verdict.score[0]))
        starts.append(int(verdict.starts_at[0]))
    return scores, starts


def test_the_count_th_equal_result_tells_and_the_first_is_the_start() -> None:
    scores, starts = watch([1, 2, 5, 5, 5, 5, 6], count=3)
    assert [score == 1 for score in scores] == [False, False, False, False, True, True, False]
    assert max(score for score in scores if score < 1) <= 0.5
    assert starts == [0, 10, 20, 20, 20, 20, 60]


def test_a_run_is_broken_by_any_other_result() -> None:
    assert max(watch([5, 5, 6, 5, 5, 6, 5, 5], count=3)[0]) < 1


def test_tolerance_is_measured_from_the_first_of_the_run() -> None:
    assert watch([5, 5.05, 4.95, 5.0], count=4, tolerance=0.1)[0][-1] == 1
    assert max(watch([5, 5.08, 5.16, 5.24, 5.32, 5.4], count=3, tolerance=0.1)[0]) < 1  # it creeps, so it lives


@pytest.mark.parametrize(
    ("limit", "value", "told"), [(0, 0.0, False), (3, 3.0, False), (3, 3.1, True), (-5, 0.0, True)]
)
def test_results_up_to_a_limit_are_no_sign(limit: float, value: float, told: bool) -> None:
    assert (max(watch([value] * 10, count=4, ignore_up_to=limit)[0]) == 1) is told


def test_ignored_results_do_not_lend_their_count() -> None:
    scores, starts = watch([0, 0, 0, 0, 2, 2, 2], count=3, ignore_up_to=1)
    assert [score == 1 for score in scores] == [False] * 6 + [True]
    assert starts[-1] == 40


def test_count_is_at_least_two() -> None:
    with pytest.raises(ValueError, match="expected count to be a whole number from 2"):
        Stuck().parameters_of({"count": 1}, DATASTREAM)

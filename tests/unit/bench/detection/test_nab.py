"""The rule of NAB: what is found early in a window counts most, what is missed or false costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.detection.nab import PROFILES, Scorer, Series, corpus, halves, rewards

DATA = Path(__file__).parents[5] / "shared" / "data" / "nab"
N, WINDOW = 1_000, (400, 499)


def series(*windows: tuple[int, int], category: str = "a") -> Series:
    return Series(category, "x.csv", Path("x.csv"), np.zeros(N), np.arange(N) * 300.0, windows)


def scored(row: int | None, *, profile: str = "standard") -> float:
    scores = np.zeros(N)
    if row is not None:
        scores[row] = 1.0
    return Scorer([series(WINDOW)]).at([scores], 0.5, profile, [0])


def test_the_first_row_of_a_window_is_worth_all_and_nothing_found_nothing() -> None:
    assert scored(400) == pytest.approx(100.0)
    assert scored(None) == 0.0
    assert 50 < scored(499) < scored(450) < scored(400)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_false_alarm_costs_its_weight_and_less_just_after_a_window(profile: str) -> None:
    hit, false, missed = PROFILES[profile]
    assert scored(200, profile=profile) == pytest.approx(-100 * false / (hit + missed))
    assert scored(200) < scored(505) < 0


def test_what_lies_in_the_probation_is_not_scored() -> None:
    assert scored(100) == 0.0


def test_of_several_in_a_window_the_best_counts() -> None:
    scores = np.zeros(N)
    scores[[420, 460]] = 1.0
    assert Scorer([series(WINDOW)]).at([scores], 0.5, "standard", [0]) == pytest.approx(scored(420))


def test_the_best_threshold_leaves_the_false_ones_out() -> None:
    scores = np.zeros(N)
    scores[[200, 410]] = 0.6, 0.9
    best, threshold = Scorer([series(WINDOW)]).best([scores], "standard", [0])
    assert (best, threshold) == (pytest.approx(scored(410)), 0.9)


def test_windows_are_numbered_and_rewards_fall() -> None:
    window, worth = rewards(N, [(100, 199), WINDOW])
    assert set(window[100:200]) == {0}
    assert set(window[400:500]) == {1}
    assert (np.diff(worth[400:500]) < 0).all()
    assert worth[50] == -1


def test_halves_part_each_category() -> None:
    files = [series(category=name) for name in "aaaabbbbb"]
    first, second = halves(files, 3)
    assert sorted(first + second) == list(range(9))
    assert sum(files[i].category == "a" for i in first) == 2
    assert halves(files, 3) == (first, second)
    assert halves(files, 4) != (first, second)


@pytest.mark.skipif(not DATA.exists(), reason="the corpus is not there: ../shared/data/nab")
def test_the_corpus_is_whole() -> None:
    found = corpus(DATA)
    assert (len(found), sum(len(one.values) for one in found)) == (58, 365_558)
    assert sum(len(one.windows) for one in found) == 116

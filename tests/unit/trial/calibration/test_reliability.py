"""A calibration is fitted by what was true, never falls, and is measured by how far off it is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.core.calibration import strength
from trial.calibration.reliability import FEWEST, Judged, bins, expected_error, fitted


def drawn(seed: int, n: int) -> list[Judged]:
    """Scores of which, at strength s, a share of 1 - 10^-(s/3) is true."""
    chance = np.random.default_rng(seed)
    strengths = chance.uniform(0.5, 5, n)
    true = chance.random(n) < 1 - 10 ** (-strengths / 3)
    return [Judged(1 - 10**-s, bool(one)) for s, one in zip(strengths.tolist(), true.tolist(), strict=True)]


def said(judged: list[Judged], by: list[Judged]) -> list[Judged]:
    line = fitted(by)
    assert line is not None
    return [Judged(line.at(strength(one.score)), one.true) for one in judged]


@pytest.mark.parametrize("seed", range(3))
def test_scores_say_how_many_were_true_of_others_too(seed: int) -> None:
    fit, other = drawn(seed, 4_000), drawn(seed + 100, 4_000)
    assert expected_error(other) > 0.15, "raw ones do not"
    assert expected_error(said(other, fit)) < 0.03


def test_too_few_make_no_line() -> None:
    assert fitted(drawn(0, FEWEST - 1)) is None


def test_nothing_is_ever_certain() -> None:
    line = fitted([Judged(1.0, True)] * 99)
    assert line is not None
    assert line.probability == (0.995,)
    never = fitted([Judged(1.0, False)] * 99)
    assert never is not None
    assert never.probability == (0.005,)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=FEWEST, max_size=200))
def test_any_line_rises_and_never_falls(pairs: list[tuple[float, bool]]) -> None:
    line = fitted([Judged(*pair) for pair in pairs])
    assert line is not None
    assert all(a <= b for a, b in itertools.pairwise(line.strength))
    assert all(a <= b for a, b in itertools.pairwise(line.probability))
    assert all(0 < one < 1 for one in line.probability)


def test_a_line_does_not_depend_on_the_order() -> None:
    judged = drawn(5, 500)
    assert fitted(judged) == fitted(judged[::-1])


def test_bins_hold_every_score_once() -> None:
    judged = [Judged(score, score > 0.6) for score in (0.0, 0.5, 0.55, 0.9, 0.97, 0.98, 1.0)]
    found = bins(judged)
    assert [(one.low, one.n) for one in found] == [(0.0, 1), (0.5, 2), (0.9, 1), (0.95, 1), (0.98, 2)]
    assert expected_error(judged) == pytest.approx((0 + 2 * 0.525 + 0.1 + 0.03 + 2 * 0.01) / 7)
    assert expected_error([]) == 0

"""What anomalies say for their score: never falling, within 0 and 1, and the raw score where nobody knows."""

from __future__ import annotations

import itertools

import pytest

from detectors.core import calibration
from detectors.core.calibration import STRONGEST, Line, Lines, calibrated, strength

LINE = Line((1.0, 2.0, 4.0), (0.5, 0.9, 0.98))


@pytest.mark.parametrize(
    ("at", "wanted"), [(0.0, 0.5), (1.0, 0.5), (1.5, 0.7), (2.0, 0.9), (3.0, 0.94), (4.0, 0.98), (9.0, 0.98)]
)
def test_a_line_is_straight_between_its_points_and_flat_beyond(at: float, wanted: float) -> None:
    assert LINE.at(at) == pytest.approx(wanted)


def test_a_line_of_one_point_is_flat() -> None:
    assert {Line((3.0,), (0.7,)).at(x) for x in (0.0, 3.0, 9.0)} == {0.7}


def test_strength_has_a_digit_for_each_nine() -> None:
    assert [round(strength(score), 9) for score in (0.0, 0.9, 0.99, 0.9999)] == [0, 1, 2, 4]
    assert strength(1.0) == strength(1 - 1e-12) == STRONGEST


def test_what_stands_in_no_table_says_its_raw_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "_lines", lambda: {"spike": {"spike": Lines(opened=LINE)}})
    assert calibrated("spike", "spike", 0.99, ended=False) == pytest.approx(0.9)
    raw = [("spike", "spike", True), ("spike", "step", False), ("other", "spike", False)]
    assert {calibrated(detector, kind, 0.97, ended=ended) for detector, kind, ended in raw} == {0.97}


def test_the_file_has_lines_that_never_fall() -> None:
    for kinds in calibration._lines().values():
        for line in (one for lines in kinds.values() for one in (lines.opened, lines.ended) if one):
            assert len(line.strength) == len(line.probability) > 0
            assert all(a < b for a, b in itertools.pairwise(line.strength))
            assert all(a <= b for a, b in itertools.pairwise(line.probability))
            assert 0 < line.probability[0] <= line.probability[-1] < 1

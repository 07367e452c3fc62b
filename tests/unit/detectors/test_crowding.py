"""Crowding holds those present against what a place has room for."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.crowding import Crowding
from tests.unit.detectors.alone import MINUTE, MONDAY, opened, watch

AREA = 100.0
"""m²: room for 200 at two persons a square metre."""


def present(values: list[float], **declared: float | str) -> list[float]:
    verdict = watch(Crowding(), values, area=AREA, **declared)
    assert verdict.facts is not None
    assert verdict.facts[1, 0] == 200
    return verdict.facts[0].tolist()  # type: ignore[no-any-return]


def test_by_littles_law_arrivals_times_stay_are_present() -> None:
    assert present([90.0] * 40)[-1] == pytest.approx(90 / 15 * 30)
    assert present([90.0] * 40, stay_minutes=60)[-1] == pytest.approx(90 / 15 * 60, rel=1e-3)
    assert present([90.0] * 40 + [0.0] * 20)[-1] == pytest.approx(0, abs=0.1)


def test_a_crowd_is_told_and_since_when() -> None:
    verdict = watch(Crowding(), [20.0] * 20 + [150.0] * 8 + [20.0] * 20, area=AREA)
    at = opened(verdict)
    assert at is not None
    assert 21 <= at <= 23
    assert set(verdict.starts_at[at:28].tolist()) == {MONDAY + 20 * 15 * MINUTE}, "when half of the room was taken"
    assert verdict.score[-1] < 0.5
    assert opened(watch(Crowding(), [90.0] * 40, area=AREA)) is None, "nine in ten"
    assert opened(watch(Crowding(), [500.0] * 40)) is None, "nobody said how large it is"


def test_comings_less_goings_add_up_and_miscounts_fade() -> None:
    net = [50.0] * 5 + [0.0] * 4
    assert present(net, counts="net", forget_hours=1e5)[-1] == pytest.approx(250, rel=0.01)
    assert present([*net, *[0.0] * 200], counts="net")[-1] < 1
    assert present([-50.0] * 5, counts="net") == [0] * 5


def test_those_counted_as_present_are_taken_at_their_word() -> None:
    assert present([10, 210, 5], counts="present") == [10, 210, 5]
    verdict = watch(Crowding(), [10, 199, 200, 300], counts="present", area=AREA)
    assert (verdict.score >= 0.9).tolist() == [False, False, True, True]
    assert np.diff(verdict.score).min() > 0

"""Days and nights are averaged as energies and held against their own limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from aedilis.vocabulary import Datastream, Thing
from detectors.core.columns import table
from detectors.core.interface import Verdict
from detectors.core.runs import runs
from detectors.noise_limit import NoiseLimit

MIDNIGHT = 1_767_571_200_000_000
QUARTER = 900_000_000
HOUR = 4
"""Observations."""
DATASTREAM = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, QUARTER)


def watch(levels: npt.NDArray[Any], at: npt.NDArray[Any] | None = None, **declared: Any) -> Verdict:
    detector = NoiseLimit()
    own = table(
        [detector.parameters_of({"day_db": 55.0, "night_db": 45.0} | declared, DATASTREAM)], detector.parameters
    )
    at = np.arange(len(levels)) if at is None else at
    given = runs(np.zeros(len(levels), np.intp), MIDNIGHT + at * QUARTER, levels)
    return detector.update(detector.fresh(1), {name: c[given.at] for name, c in own.items()}, given)


def two_days(day: float, night: float) -> npt.NDArray[np.float64]:
    hour = np.arange(48 * HOUR) / HOUR % 24
    return np.where((hour >= 6) & (hour < 22), day, night)


def test_each_period_is_judged_when_it_is_over_against_its_own_limit() -> None:
    seen = watch(two_days(56, 44))
    assert set(seen.score[: 22 * HOUR].tolist()) <= {v for v in seen.score.tolist() if v <= 0.5}
    assert (seen.score[22 * HOUR : 30 * HOUR] == 1).all(), "the day was too loud"
    assert (seen.starts_at[22 * HOUR : 30 * HOUR] == MIDNIGHT + 6 * HOUR * QUARTER).all()
    assert (seen.score[30 * HOUR : 46 * HOUR] <= 0.5).all(), "the night was not"
    assert seen.facts is not None
    assert seen.facts[:, 22 * HOUR].tolist() == pytest.approx([56, 55])
    assert seen.facts[:, 30 * HOUR].tolist() == pytest.approx([44, 45])


def test_the_limit_itself_is_allowed() -> None:
    assert watch(two_days(54.999, 44.999)).score.max() <= 0.5
    assert watch(two_days(50, 45.001)).score.max() == 1


def test_one_loud_hour_weighs_as_energy() -> None:
    levels = two_days(40, 40)
    levels[23 * HOUR : 24 * HOUR] = 60  # one of eight hours: 60 - 9 dB
    seen = watch(levels)
    assert (seen.score[30 * HOUR : 46 * HOUR] == 1).all()
    assert seen.facts is not None
    assert seen.facts[0, 30 * HOUR] == pytest.approx(60 - 10 * np.log10(8), abs=0.4)


def test_the_night_is_local() -> None:
    seen = watch(two_days(40, 50), utc_offset_minutes=120)
    assert (seen.score[28 * HOUR : 44 * HOUR] == 1).all()
    assert seen.starts_at[28 * HOUR] == MIDNIGHT + 20 * HOUR * QUARTER


def test_with_too_few_observations_nothing_is_judged() -> None:
    at = np.concatenate([np.arange(15 * HOUR), np.arange(22 * HOUR, 24 * HOUR)])  # nine of sixteen hours of the day
    seen = watch(np.full(len(at), 90.0), at)
    assert seen.score[at >= 22 * HOUR].max() <= 0.5
    assert np.isnan(seen.expected_high[-1])

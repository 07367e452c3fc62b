"""A room that warms by Newton's law has failed, one that is warm at once has an open door; each tells its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from detectors.cooling_failure import CoolingFailure
from detectors.door import Door
from tests.unit.detectors.alone import MINUTE, MONDAY, opened, watch

Floats = npt.NDArray[np.float64]
BEFORE = 2 * 96


def room(warmer: float, hours: float, lasts: float, seed: int = 1, noise: float = 1.0) -> Floats:
    """Two days of calm, then it nears `warmer` with a time constant, for so long, and is cooled again."""
    since = (np.arange(4 * 96) - BEFORE) / 4.0
    nears = warmer * (1.0 - np.exp(-np.clip(since, 0.0, lasts) / hours)) * np.exp(-np.maximum(since - lasts, 0.0) / 0.4)
    chance = np.random.default_rng(seed)
    usual = 0.5 * np.sin(np.arange(4 * 96) + seed) + chance.normal(0, 0.25, 4 * 96)
    return 3.0 + noise * usual + nears


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_compressor_that_stands_still(seed: int) -> None:
    told = room(15.0, 3.0, 6.0, seed)
    verdict = watch(CoolingFailure(), told)
    at = opened(verdict)
    assert at is not None
    assert 3 <= at - BEFORE <= 8, "within two hours, long before it is warm"
    assert abs(verdict.starts_at[at] - (MONDAY + BEFORE * 15 * MINUTE)) <= 45 * MINUTE
    assert (verdict.score[BEFORE + 9 : BEFORE + 24] >= 0.9).all(), "until it is repaired"
    assert (verdict.score[BEFORE + 34 :] < 0.6).all()
    assert verdict.evidence is not None
    assert verdict.evidence[:, at].min() >= 0
    assert (watch(Door(), told).score[BEFORE + 7 :] < 0.9).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_door_left_open(seed: int) -> None:
    told = room(6.0, 0.3, 1.5, seed)
    at = opened(watch(Door(), told))
    assert at is not None
    assert 1 <= at - BEFORE <= 3
    assert opened(watch(CoolingFailure(), told)) is None


def test_a_door_open_by_a_hand_is_told_by_its_shape() -> None:
    """It rises no faster than a closed room might."""
    told = room(4.0, 0.3, 1.5, noise=0.0)
    assert opened(watch(Door(), told)) == BEFORE + 5
    assert opened(watch(CoolingFailure(), told)) is None


def test_a_bump_on_a_swell_is_nothing() -> None:
    bump = [4.2, 5.2, 5.3, 5.1, 5.3, 5.4, 5.2, 5.4, 5.2, 5.3, 5.1, 5.9, 7.3, 5.5, 5.3, 5.6, 4.9, 4.3]
    for detector in (CoolingFailure(), Door()):
        assert opened(watch(detector, [*[4.0, 4.1] * 96, *bump])) is None


def test_a_door_that_stays_open_is_a_failure() -> None:
    told = room(8.0, 0.3, 6.0)
    at = opened(watch(CoolingFailure(), told))
    assert at is not None
    assert 8 <= at - BEFORE <= 11, "two hours"
    assert opened(watch(CoolingFailure(), told, door_minutes=600)) is None


def test_what_a_room_does_every_day_is_calm() -> None:
    calm = room(0.0, 1.0, 1.0)
    swell = calm + 1.6 * np.sin(np.arange(len(calm)) / 96 * 2 * np.pi).clip(0)
    swell[250] += 1.5
    for detector in (CoolingFailure(), Door()):
        assert opened(watch(detector, swell)) is None


def test_a_new_setting_is_learned_after_two_days() -> None:
    moved = np.concatenate([room(0.0, 1.0, 1.0), room(0.0, 1.0, 1.0) + 5.0])
    verdict = watch(CoolingFailure(), moved)
    assert opened(verdict) is not None
    assert (verdict.score[4 * 96 + 194 :] < 0.6).all()


def test_warm_after_a_long_silence_nobody_saw_it_rise() -> None:
    told = np.concatenate([room(0.0, 1.0, 1.0)[:BEFORE], np.full(12, 12.0)])
    time = MONDAY + (np.arange(len(told)) + np.where(np.arange(len(told)) >= BEFORE, 100, 0)) * 15 * MINUTE
    verdict = watch(CoolingFailure(), told, time=time)
    at = opened(verdict)
    assert at is not None
    assert at > BEFORE + 7
    assert verdict.starts_at[at] == time[BEFORE]

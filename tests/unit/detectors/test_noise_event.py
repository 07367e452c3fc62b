"""A noise event lasts for minutes; a bang, the rush hour and what is loud each week are none. Levels are averaged as energies."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from aedilis.vocabulary import Datastream, Thing
from detectors.core.columns import table
from detectors.core.interface import Verdict
from detectors.core.runs import runs
from detectors.noise_event import NoiseEvent, _leq

MONDAY = 1_767_571_200_000_000
FIVE = 300_000_000
HOUR, DAY = 12, 288
"""Observations."""
AT = 10 * DAY + 22 * HOUR
DATASTREAM = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, FIVE)


def street(days: int = 12, seed: int = 1) -> npt.NDArray[np.float64]:
    """dB every five minutes: quiet nights, rush hours of working days."""
    at = np.arange(days * DAY)
    hour = at / HOUR % 24
    work = (at // DAY % 7 < 5) * (np.exp(-(((hour - 8) / 1.5) ** 2)) + np.exp(-(((hour - 18) / 2) ** 2)))
    return 50 + 15 * work + np.random.default_rng(seed).normal(0, 1, len(at))


def watch(levels: npt.NDArray[Any], at_once: int | None = None, **declared: Any) -> Verdict:
    detector = NoiseEvent()
    state = detector.fresh(1)
    own = table([detector.parameters_of(declared, DATASTREAM)], detector.parameters)
    verdicts = []
    for begin in range(0, len(levels), at_once or len(levels)):
        at = np.arange(begin, min(begin + (at_once or len(levels)), len(levels)))
        given = runs(np.zeros(len(at), np.intp), MONDAY + at * FIVE, levels[at])
        verdicts.append(detector.update(state, {name: c[given.at] for name, c in own.items()}, given))
    names = ("score", "expected_low", "expected_high", "starts_at", "facts")
    parts = {name: np.concatenate([getattr(v, name) for v in verdicts], axis=-1) for name in names}
    return Verdict(**parts)


def with_event(db: float, minutes: int, at: int = AT) -> npt.NDArray[np.float64]:
    levels = street()
    levels[at : at + minutes // 5] += db
    return levels


def test_levels_are_averaged_as_energies() -> None:
    assert _leq(np.array([[60.0, 60, 60, 60, 60]])) == pytest.approx(60)
    assert _leq(np.array([[80.0, 40, 40, 40, 40]])) == pytest.approx(80 - 10 * np.log10(5), abs=0.01)


def test_a_party_is_told_with_its_beginning_and_its_level() -> None:
    seen = watch(with_event(15, 60))
    [known] = np.flatnonzero((seen.score[1:] >= 0.9) & (seen.score[:-1] < 0.9)) + 1
    assert AT + 3 <= known <= AT + 5
    assert abs(seen.starts_at[known] - (MONDAY + AT * FIVE)) <= FIVE
    assert seen.facts is not None
    leq, above = seen.facts[:, AT + 10]
    assert leq == pytest.approx(65, abs=1.5)
    assert above == pytest.approx(15, abs=2)
    assert seen.expected_high[known] == pytest.approx(56, abs=2)
    assert seen.score[AT + 18] < 0.6, "it is over"


@pytest.mark.parametrize(("db", "minutes", "told"), [(40, 5, False), (40, 10, False), (10, 30, True), (3, 60, False)])
def test_it_takes_decibels_and_minutes(db: float, minutes: int, told: bool) -> None:
    assert bool(watch(with_event(db, minutes)).score.max() >= 0.9) is told


def test_a_calm_street_is_calm_and_the_rush_hour_is_usual_on_working_days_only() -> None:
    for seed in range(2):
        assert watch(street(14, seed)).score.max() < 0.9
    levels = street(14)
    levels[13 * DAY :] += street(1, 9) - 50
    assert watch(levels).score[13 * DAY :].max() >= 0.9


def test_what_is_loud_each_day_becomes_usual() -> None:
    levels = street(28)
    at = np.arange(len(levels))
    levels[(at // HOUR % 24 >= 20) & (at // HOUR % 24 < 22) & (at // DAY % 7 < 5) & (at >= 7 * DAY)] += 8
    score = watch(levels).score
    assert score[7 * DAY : 12 * DAY].max() >= 0.9
    assert score[24 * DAY :].max() < 0.9


def test_after_a_silence_old_levels_do_not_count() -> None:
    levels = street()
    levels[AT - 3 : AT] += 15
    at = np.concatenate([np.arange(AT), np.arange(AT, len(levels)) + 5 * HOUR])
    detector = NoiseEvent()
    own = table([detector.parameters_of({}, DATASTREAM)], detector.parameters)
    given = runs(np.zeros(len(at), np.intp), MONDAY + at * FIVE, levels)
    verdict = detector.update(detector.fresh(1), {name: c[given.at] for name, c in own.items()}, given)
    assert verdict.score[AT + 1 : AT + 5].max() == 0


def test_one_by_one_is_the_same_as_all_at_once() -> None:
    levels = with_event(15, 60)
    whole = watch(levels, minutes=37)
    parts = watch(levels, at_once=1, minutes=37)
    for name in ("score", "expected_high", "starts_at", "facts"):
        assert getattr(parts, name).tobytes() == getattr(whole, name).tobytes(), name


def test_what_it_keeps_is_small() -> None:
    assert NoiseEvent.state.itemsize <= 600

"""Routine finds hours that go unlike any kind of day; a holiday that goes like a Sunday is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from aedilis.vocabulary import Datastream, Thing
from detectors.core.columns import table
from detectors.core.interface import Verdict
from detectors.core.runs import runs
from detectors.routine import Routine

MONDAY = 1_767_571_200_000_000
HOUR = 3_600_000_000
DAYS, DAY = 42, 36
"""DAY: a Tuesday."""
DATASTREAM = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, HOUR)


def visitors(seed: int = 1, *, holidays: tuple[int, ...] = ()) -> npt.NDArray[np.float64]:
    """An hour of a market: a day of work, more on Saturdays, shut on Sundays and holidays."""
    chance = np.random.default_rng(seed)
    at = np.arange(DAYS * 24)
    day, hour = at // 24, at % 24
    crowd = np.where((hour >= 6) & (hour < 18), 400 * np.sin((hour - 6) / 12 * np.pi), 0.0)
    crowd *= np.choose(np.maximum(day % 7 - 4, 0), [1.0, 1.6, 0.0]) * ~np.isin(day, holidays)
    return np.round(crowd + chance.normal(size=len(at)) * np.sqrt(crowd + 0.01 * crowd**2))


def watch(results: npt.NDArray[np.float64], at_once: int | None = None, **declared: Any) -> Verdict:
    detector = Routine()
    state = detector.fresh(1)
    own = table([detector.parameters_of({"floor": 3.0} | declared, DATASTREAM)], detector.parameters)
    verdicts = []
    for begin in range(0, len(results), at_once or len(results)):
        at = np.arange(begin, min(begin + (at_once or len(results)), len(results)))
        given = runs(np.zeros(len(at), np.intp), MONDAY + at * HOUR, results[at])
        verdicts.append(detector.update(state, {name: c[given.at] for name, c in own.items()}, given))
    names = ("score", "expected_low", "expected_high", "starts_at", "kind", "facts")
    return Verdict(**{name: np.concatenate([getattr(v, name) for v in verdicts], axis=-1) for name in names})


def opened(seen: Verdict) -> list[int]:
    high = seen.score >= 0.9
    return np.flatnonzero(high[1:] & ~high[:-1]).tolist()


def test_a_calm_routine_is_calm() -> None:
    for seed in range(4):
        assert opened(watch(visitors(seed))) == []


@pytest.mark.parametrize(("times", "kind"), [(2.5, "above_usual"), (0.3, "below_usual")])
def test_hours_unlike_any_day_are_told_once_with_their_kind_and_beginning(times: float, kind: str) -> None:
    results = visitors()
    begin = DAY * 24 + 9
    results[begin : begin + 6] *= times
    seen = watch(results)
    [known] = opened(seen)
    known += 1
    assert begin + 3 <= known <= begin + 6
    assert abs(seen.starts_at[known] - (MONDAY + begin * HOUR)) <= HOUR
    assert seen.kind is not None
    assert Routine.kinds[seen.kind[known]] == kind
    assert seen.facts is not None
    came, usual = seen.facts[:, known]
    assert came / usual == pytest.approx(times, rel=0.3)
    assert seen.expected_low[known] < usual < seen.expected_high[known]
    assert seen.score[(DAY + 1) * 24] < 0.6


def test_a_holiday_is_learned_without_a_calendar() -> None:
    results = visitors(holidays=(DAY, DAY + 2))
    assert opened(watch(results)) == []
    assert len(opened(watch(results, weekdays=True))) == 2


def test_the_days_after_a_holiday_are_as_ever() -> None:
    results = visitors(holidays=(DAY,))
    results[(DAY + 1) * 24 + 9 : (DAY + 1) * 24 + 15] *= 2.5
    assert len(opened(watch(results))) == 1


def test_nothing_is_told_before_three_days_of_a_kind_were_seen() -> None:
    results = visitors()
    results[48:72] *= 5
    assert watch(results).score[: 3 * 24].max() == 0


def test_one_by_one_is_the_same_as_all_at_once() -> None:
    results = visitors(holidays=(30,))
    results[DAY * 24 + 9 : DAY * 24 + 15] *= 2.5
    whole, parts = watch(results), watch(results, at_once=1)
    for name in ("score", "expected_low", "expected_high", "starts_at", "kind", "facts"):
        assert getattr(parts, name).tobytes() == getattr(whole, name).tobytes(), name


def test_what_it_keeps_is_small() -> None:
    assert Routine.state.itemsize <= 600

"""Days of work and of rest, rush hours, market hours, holidays, and when prices are written."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from simulation import habits


def at(text: str) -> np.ndarray:
    return np.array([int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())])


def day(text: str) -> np.ndarray:
    return np.array([(date.fromisoformat(text) - date(1970, 1, 1)).days])


@pytest.mark.parametrize(
    ("when", "weekday", "holiday"),
    [("2026-01-05", 0, False), ("2026-01-06", 1, True), ("2026-08-15", 5, True), ("2027-12-26", 6, True)],
)
def test_the_calendar(when: str, weekday: int, holiday: bool) -> None:
    assert habits.weekday(day(when))[0] == weekday
    assert habits.holiday(day(when))[0] == holiday


def test_traffic_has_rush_hours_and_rests_on_sundays_and_holidays() -> None:
    monday, holiday, sunday = (habits.traffic(at(f"2026-01-{n:02d}T08:00"))[0] for n in (5, 6, 11))
    assert monday > 2 * habits.traffic(at("2026-01-05T11:00"))[0]
    assert monday > 5 * habits.traffic(at("2026-01-06T03:00"))[0]
    assert max(holiday, sunday) < monday / 3


def test_nothing_steps_at_midnight_but_the_crowd() -> None:
    seconds = at("2026-01-01T00:00") + np.arange(0, 28 * 86_400, 300)
    for habit in (habits.traffic, habits.heating, habits.rest):
        assert np.abs(np.diff(habit(seconds))).max() < 0.06


def test_halls_are_open_by_day_and_not_on_sundays() -> None:
    assert habits.crowd(at("2026-01-05T10:30"))[0] == 1
    assert habits.crowd(at("2026-01-10T10:30"))[0] > 1.5
    for closed in ("2026-01-05T05:59", "2026-01-05T15:00", "2026-01-06T10:30", "2026-01-11T10:30"):
        assert habits.crowd(at(closed))[0] == 0, closed


@pytest.mark.parametrize(
    ("now", "written"),
    [
        ("2026-01-05T05:59", "2026-01-04T14:00"),
        ("2026-01-05T06:00", "2026-01-05T06:00"),
        ("2026-01-05T09:59", "2026-01-05T08:00"),
        ("2026-01-05T23:00", "2026-01-05T14:00"),
    ],
)
def test_prices_are_written_by_day(now: str, written: str) -> None:
    assert habits.last_priced(at(now)) == at(written)

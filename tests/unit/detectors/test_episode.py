"""An episode is told once, of many Things together, and real ones are found with few others."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from detectors.episode import Episode
from tests.unit.detectors.zone import HOUR, Watched, watch

AIR = Path(__file__).parents[4] / "shared" / "data" / "air"
DAYS, THINGS = 60, 8


def calm(seed: int = 3) -> npt.NDArray[np.float64]:
    """Hours of a street's fine dust: days, weather and each Thing's own."""
    chance = np.random.default_rng(seed)
    hours = np.arange(DAYS * 24)
    weather = np.zeros(len(hours))
    for i in range(1, len(hours)):
        weather[i] = 0.9 * weather[i - 1] + 0.07 * chance.normal()
    city = 50 * np.exp(weather) * (1 + 0.3 * np.sin(hours / 24 * 2 * np.pi))
    return (city[:, None] * np.exp(0.15 * chance.normal(size=(len(hours), THINGS))))[:, :, None]


def with_rise(things: int, hours: int, times: float, at: int = 40 * 24) -> npt.NDArray[np.float64]:
    results = calm()
    results[at : at + hours, :things] *= times
    return results


def test_a_calm_zone_is_calm() -> None:
    for seed in range(5):
        assert watch(Episode(), calm(seed)).opened() == []


def test_a_rise_of_all_is_told_once_from_its_beginning_until_it_is_over() -> None:
    seen = watch(Episode(), with_rise(THINGS, 60, 5))
    [(began, known, ended)] = seen.opened()
    assert abs(began - 40 * 24) <= 3
    assert 40 * 24 + 6 <= known <= 40 * 24 + 24
    assert 40 * 24 + 60 <= ended <= 40 * 24 + 60 + 24
    measured, above, times = seen.facts[:, known, 0]
    assert (measured, above) == (8, 8)
    assert 3 < times < 9


def test_a_lull_does_not_part_an_episode() -> None:
    results = with_rise(THINGS, 72, 5)
    results[40 * 24 + 30 : 40 * 24 + 36] /= 5
    assert len(watch(Episode(), results).opened()) == 1


@pytest.mark.parametrize(("things", "hours", "told"), [(3, 60, False), (4, 60, False), (5, 60, True), (8, 3, False)])
def test_it_takes_more_than_half_of_the_things_and_hours(things: int, hours: int, told: bool) -> None:
    assert bool(watch(Episode(), with_rise(things, hours, 5)).opened()) is told


def test_a_new_level_becomes_usual() -> None:
    results = calm()
    results[30 * 24 :] *= 3
    seen = watch(Episode(), results, memory_days=10)
    assert len(seen.opened()) == 1
    assert seen.opened()[0][2] < len(results)


def test_what_comes_each_day_at_its_hour_is_usual() -> None:
    results = np.full((DAYS * 24, THINGS, 1), 50.0) + np.random.default_rng(1).normal(0, 5, (DAYS * 24, THINGS, 1))
    rush = np.isin(np.arange(DAYS * 24) % 24, (7, 8, 9, 17, 18, 19))
    results[rush] *= 3
    assert watch(Episode(), results).opened() == []
    results[40 * 24 : 42 * 24] = np.maximum(results[40 * 24 : 42 * 24], 145)  # rush hour for two days
    assert len(watch(Episode(), results).opened()) == 1


def test_too_few_things_tell_nothing_and_silence_ends_it() -> None:
    results = with_rise(THINGS, 200, 5)
    results[:, 2:] = np.nan
    assert watch(Episode(), results).score.max() == 0
    results = with_rise(THINGS, 400, 5)
    results[40 * 24 + 40 : 40 * 24 + 60, 1:] = np.nan
    first, second = watch(Episode(), results).opened()
    assert first[2] == 40 * 24 + 40 + 12
    assert second[0] >= 40 * 24 + 60


def test_one_bin_at_a_time_is_the_same_as_all_at_once() -> None:
    chance = np.random.default_rng(5)
    results = np.concatenate([with_rise(THINGS, 60, 5), 1e300 * calm(1), np.full((DAYS * 24, THINGS, 1), 7.0)], axis=2)
    results[chance.random(results.shape) < 0.3] = np.nan
    whole = watch(Episode(), results)
    for at_once in (1, 7):
        parts = watch(Episode(), results, at_once=at_once)
        assert parts.score.tobytes() == whole.score.tobytes()
        assert parts.starts_at.tobytes() == whole.starts_at.tobytes()
        assert parts.facts.tobytes() == whole.facts.tobytes()
        assert parts.kept == whole.kept
    assert ((whole.score >= 0) & (whole.score <= 1)).all()
    assert (whole.starts_at <= whole.time[:, None]).all()
    order = chance.permutation(THINGS)
    assert watch(Episode(), results[:, order]).score.tobytes() == whole.score.tobytes()


def test_what_it_keeps_is_small() -> None:
    assert Episode.own.itemsize <= 600


def test_bad_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="detector episode: expected height to be"):
        watch(Episode(), calm()[:2], height=9.0)


# ---------------------------------------------------------------- a real city

RED_ALERTS = [("2015-12-07", "2015-12-10"), ("2015-12-19", "2015-12-22")]
KNOWN = [*RED_ALERTS, ("2014-01-15", "2014-01-17"), ("2014-02-20", "2014-02-26"), ("2014-10-07", "2014-10-11")]
FIRST = datetime(2013, 3, 1, tzinfo=UTC)
POLLUTANTS = ("PM2.5", "PM10", "SO2", "NO2", "CO", "O3")


@cache
def beijing() -> Watched:
    files = sorted(AIR.glob("*.csv"))
    if not files:
        pytest.skip(f"the recorded data are not here: {AIR}")
    stations = []
    for file in files:
        with file.open(newline="") as lines:
            rows = csv.reader(lines)
            header = next(rows)
            at = [header.index(name) for name in POLLUTANTS]
            stations.append([[float(row[i].replace("NA", "nan")) for i in at] for row in rows])
    results = np.array(stations).transpose(1, 0, 2)
    local = round(FIRST.timestamp() * 1e6) + np.arange(len(results)) * HOUR
    return watch(Episode(), results, time=local - 8 * HOUR)


def test_known_episodes_of_a_real_city_are_found() -> None:
    fine = beijing().opened(0)
    for first, last in KNOWN:
        begin = (datetime.fromisoformat(first).replace(tzinfo=UTC) - FIRST) // timedelta(hours=1)
        end = (datetime.fromisoformat(last).replace(tzinfo=UTC) - FIRST) // timedelta(hours=1) + 24
        assert any(began < end and known < end and ended > begin for began, known, ended in fine), first


def test_a_real_city_has_about_four_episodes_a_month_over_all_pollutants() -> None:
    seen = beijing()
    months = (len(seen.time) / 24 - 30) / 30.44
    found = [one for column in range(len(POLLUTANTS)) for one in seen.opened(column)]
    assert 2 < len(found) / months < 4.5

"""Spike finds what stands out, and leaves alone what the hour, the rest or a new level explains."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from aedilis.vocabulary import Datastream, Thing
from detectors.core.columns import table
from detectors.core.runs import runs
from detectors.spike import DAY, HOUR, Spike, _places

MONDAY = 1_767_571_200_000_000
FIVE = 5 * 60_000_000
OPEN = 0.95

Columns = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]


def datastream(interval: int) -> Datastream:
    return Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, interval)


def watch(values: Any, *, interval: int = HOUR, times: npt.NDArray[np.int64] | None = None, **declared: Any) -> Columns:
    """Score and band of each result of one Datastream."""
    detector = Spike()
    state = detector.fresh(1)
    parameters = table([detector.parameters_of(declared, datastream(interval))], detector.parameters)
    if times is None:
        times = MONDAY + np.arange(len(values)) * interval
    verdicts = [
        detector.update(state, parameters, runs(np.zeros(1, np.intp), times[[i]], np.array([float(value)])))
        for i, value in enumerate(values)
    ]
    return tuple(
        np.array([getattr(v, name)[0] for v in verdicts]) for name in ("score", "expected_low", "expected_high")
    )  # type: ignore[return-value]


def noise(n: int, size: float = 1.0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(7).normal(0, size, n)


def test_a_spike_is_found_at_once_and_leaves_no_trace() -> None:
    values = 50 + noise(300)
    low, high = watch(values)[1:]
    values[200] += 40
    score, low_with, high_with = watch(values)
    assert score[200] >= OPEN
    assert values[200] > high_with[200]
    assert np.delete(score, 200).max() < 0.9
    assert low_with[201] == pytest.approx(low[201], abs=1.5)
    assert high_with[201] == pytest.approx(high[201], abs=1.5)


def test_a_score_of_0_95_is_the_edge_of_the_band() -> None:
    values = 50 + noise(100)
    _, low, high = watch(values)
    for edge in (low[99], high[99]):
        score = watch([*values[:99], edge], threshold=8.0)[0]
        assert score[99] == pytest.approx(0.95)
    assert low[99] < values[99] < high[99]


def test_the_band_is_unknown_in_warm_up_and_holds_the_calm_afterwards() -> None:
    values = 50 + noise(300)
    score, low, high = watch(values, warm_up=72)
    assert np.isnan(low[:72]).all()
    assert np.isnan(high[:72]).all()
    assert (score[:72] == 0).all()
    assert (low[72:] < values[72:]).all()
    assert (high[72:] > values[72:]).all()
    assert (high[150:] - low[150:]).max() < 40  # and is no wider than it need be


def test_a_level_that_stays_is_taken_after_patience() -> None:
    values = np.r_[np.full(200, 10.0), np.full(100, 60.0)] + noise(300)
    score = watch(values, patience=12)[0]
    high = np.flatnonzero(score >= OPEN)
    assert high[0] == 200
    assert high[-1] <= 211
    assert score[213:].max() < 0.7


def test_a_level_that_returns_within_patience_is_one_anomaly() -> None:
    values = np.full(300, 10.0) + noise(300)
    values[200:220] += 50
    score = watch(values, patience=24)[0]
    assert (score[200:220] >= OPEN).all()
    assert score[220:].max() < 0.7


def test_a_slow_rise_is_no_spike() -> None:
    values = 50 + noise(600) + np.r_[np.zeros(200), np.arange(400) * 2.0]
    assert watch(values)[0].max() < OPEN


def test_hours_begin_without_a_step() -> None:
    """Five-minute results of a strong day, from the first one on: what full hours alone would cut into stairs."""
    minutes = np.arange(4 * 288)
    values = 20 + 15 * np.sin(minutes / 288 * 2 * np.pi) + noise(len(minutes), 0.05)
    score = watch(values, interval=FIVE, share=0.0)[0]
    assert score.max() < 0.7


def test_the_season_is_learned() -> None:
    """After some weeks the band is ahead of a step that comes each day at the same hour."""
    hours = np.arange(60 * 24)
    values = np.where(hours % 24 == 8, 20.0, 10.0) + noise(len(hours), 0.5)
    middle = {}
    for season in ("none", "day"):
        _, low, high = watch(values, season=season, warm_up=24)
        middle[season] = (low + high)[hours % 24 == 8][-7:] / 2
    assert np.abs(middle["day"] - 20).max() < 2
    assert np.abs(middle["none"] - 10).max() < 2


def test_what_comes_back_each_day_is_told_for_some_weeks_at_most() -> None:
    """A lamp that switches on for an hour each evening: fifty times the noise."""
    hours = np.arange(60 * 24)
    values = np.where((hours % 24 == 20) & (hours > 10 * 24), 60.0, 10.0) + noise(len(hours), 1)
    high = np.flatnonzero(watch(values)[0] >= OPEN)
    assert (high % 24 == 20).all(), "the hour after it is calm"
    assert high.min() // 24 == 10
    assert high.max() // 24 < 40
    values[50 * 24 + 3] = 60
    assert watch(values)[0][50 * 24 + 3] >= OPEN, "at another hour it is a spike"


def test_weekends_have_a_season_of_their_own() -> None:
    hours = np.arange(16 * 7 * 24)
    workday = (hours // 24) % 7 < 5
    values = np.where((hours % 24 == 8) & workday, 20.0, 10.0) + noise(len(hours), 0.5)
    saturdays = (hours % 168 == 5 * 24 + 8) & (hours > 10 * 168)
    missed = {}
    for season in ("day", "week"):
        _, low, high = watch(values, season=season)
        missed[season] = np.abs((low + high)[saturdays] / 2 - 10).mean()
    assert missed["week"] < 2 < 5 < missed["day"]


@pytest.mark.parametrize(
    ("season", "offset", "time", "places"),
    [
        ("day", 0, MONDAY + 8 * HOUR + HOUR // 4, (8, 9, 0.25)),
        ("day", 480, MONDAY + HOUR // 2, (8, 9, 0.5)),
        ("day", 330, MONDAY + 18 * HOUR, (23, 0, 0.5)),
        ("day", -60, MONDAY, (23, 0, 0.0)),
        ("none", 0, MONDAY + 8 * HOUR, (0, 0, 0.0)),
        ("week", 0, MONDAY + 8 * HOUR, (8, 9, 0.0)),
        ("week", 0, MONDAY + 5 * DAY - HOUR // 2, (23, 24, 0.5)),
        ("week", 0, MONDAY + 7 * DAY - HOUR // 2, (47, 0, 0.5)),
        ("day", 0, -HOUR // 2, (23, 0, 0.5)),
    ],
)
def test_the_place_in_the_season_is_that_of_the_local_day(
    season: str, offset: int, time: int, places: tuple[int, int, float]
) -> None:
    detector = Spike()
    declared = {"season": season, "utc_offset_minutes": offset}
    parameters = table([detector.parameters_of(declared, datastream(HOUR))], detector.parameters)
    (first, second), part = _places(np.array([time]), parameters["offset"], parameters["season"])
    assert (first[0], second[0], part[0]) == places


def test_rest_does_not_make_the_scale_small() -> None:
    """A price that stands for weeks, and then moves as it always did."""
    values = np.full(400, 100.0)
    for i in range(0, 300, 5):
        values[i:] += 8.0 if (i // 5) % 2 else -8.0  # moves of 8, then a hundred quotes without one
    values[399] += 8.0
    assert watch(values, interval=DAY, season="none", share=0.0)[0].max() < OPEN
    values[399] += 192.0
    assert watch(values, interval=DAY, season="none", share=0.0)[0][399] >= OPEN


def test_nights_without_visitors_do_not_make_mornings_a_spike() -> None:
    steps = np.arange(10 * 96)
    hour = (steps % 96) / 4
    crowd = np.maximum(0, np.sin((hour - 6) / 9 * np.pi)) * ((hour >= 6) & (hour < 15)) * 120
    values = np.round(crowd * (1 + 0.2 * np.random.default_rng(1).uniform(-1, 1, len(steps))))
    declared: dict[str, Any] = {"interval": HOUR // 4, "share": 0.1, "floor": 2.0}
    assert watch(values, **declared)[0].max() < OPEN
    values[9 * 96 + 8] = 150  # at two in the night
    assert watch(values, **declared)[0][9 * 96 + 8] >= OPEN


def test_silence_makes_it_less_certain() -> None:
    values = 50 + noise(201)
    values[200] = 70
    times = MONDAY + np.arange(201) * HOUR
    near = watch(values, times=times)
    times[200] += 30 * HOUR
    far = watch(values, times=times)
    assert near[0][200] >= OPEN > far[0][200]
    assert far[2][200] - far[1][200] > 4 * (near[2][200] - near[1][200])
    times[200] += 30 * 365 * DAY
    longest = watch(values, times=times)
    assert longest[2][200] - longest[1][200] < 10 * (near[2][200] - near[1][200])


def test_it_is_less_certain_until_a_season_was_seen() -> None:
    values = 50 + noise(500)
    _, low, high = watch(values, interval=FIVE, share=0.0)
    day = 288
    width = high - low
    assert np.median(width[day - 40 : day]) > 1.5 * np.median(width[day : day + 40])


def test_less_than_the_floor_is_nothing() -> None:
    values = np.full(200, 20.0)
    values[150] = 20.4
    assert watch(values, share=0.0, floor=0.1)[0].max() < OPEN
    values[150] = 21.4
    assert watch(values, share=0.0, floor=0.1)[0][150] >= OPEN
    assert watch(values, share=0.0, floor=0.0)[0][150] >= OPEN
    assert watch(values, share=0.05, floor=0.0)[0].max() < OPEN


def test_the_band_ends_where_the_property_does() -> None:
    values = np.abs(2 + noise(200))
    _, low, high = watch(values)
    assert np.nanmin(low) < 0
    assert np.nanmax(high) > 6
    _, low, high = watch(values, lowest=0, highest=6)
    assert np.nanmin(low) == 0
    assert np.nanmax(high) == 6


def test_one_monstrous_result_is_found_and_forgotten() -> None:
    values = 50 + noise(1500)
    values[100] = 1e300
    score, low, high = watch(values)
    assert score[100] >= OPEN
    assert np.isfinite(high[100:]).all()
    assert score[103:].max() < OPEN
    values[100], values[3] = 50, 1e300  # before it knows anything
    score, low, high = watch(values)
    assert (high - low)[-1] < 1000


def test_wild_times_are_learned() -> None:
    """Twenty times the noise from one day on: it cries at first and then no more."""
    values = 50 + np.r_[noise(300, 1), noise(700, 20)]
    score = watch(values)[0]
    assert (score[300:330] >= OPEN).any()
    assert (score[500:] >= OPEN).sum() <= 1


def test_follow_is_how_much_of_a_surprise_the_level_takes_over() -> None:
    values = np.r_[50 + noise(200, 1), 53.0, 53.0]
    for follow, expected in ((1.0, 53.0), (0.1, 50.5)):
        _, low, high = watch(values, follow=follow, season="none")
        assert (low[-1] + high[-1]) / 2 == pytest.approx(expected, abs=0.6)

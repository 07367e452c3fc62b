"""Street stations and masts: air follows traffic, sun, rain and wind; instruments tell what they can measure."""

from datetime import UTC, datetime

import numpy as np
import pytest

from simulation.chance import Chance, Floats
from simulation.habits import traffic
from simulation.layout import cells, group
from simulation.masts import Masts
from simulation.stations import Stations

YEAR = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) + np.arange(0, 365 * 86_400, 3600)
HOUR = YEAR // 3600 % 24
GROUP = group("Station", 40, cells(1_500), 0.0)


@pytest.fixture(scope="module")
def air() -> dict[str, Floats]:
    """Property → results of a year, shape (times, Things)."""
    results = Stations(Chance(3), GROUP).results(YEAR)
    return {series.name: results[:, :, i] for i, series in enumerate(Stations.series)}


def together(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_a_year_is_plausible(air: dict[str, Floats]) -> None:
    means = {"PM2.5": (6, 20), "PM10": (10, 35), "NO2": (12, 40), "O3": (40, 80), "LAeq": (50, 65)}
    for name, (low, high) in means.items():
        assert low < air[name].mean() < high, name
    assert air["PM2.5"].max() < 100
    assert 50 < air["O3"].max() < 250
    assert (air["PM10"] > air["PM2.5"]).mean() > 0.99


def test_air_follows_what_makes_it(air: dict[str, Floats]) -> None:
    street = np.broadcast_to(traffic(YEAR)[:, None], air["NO2"].shape)
    assert together(air["NO2"], street) > 0.5
    assert together(air["LAeq"], street) > 0.8
    assert together(air["O3"], air["NO2"]) < -0.3
    summer, winter = (np.abs((YEAR - YEAR[0]) / 86_400 - day) < 30 for day in (200, 30))
    assert air["O3"][summer & (HOUR == 14)].mean() > 1.4 * air["O3"][winter & (HOUR == 14)].mean()
    assert air["PM2.5"][winter & (HOUR == 20)].mean() > 1.3 * air["PM2.5"][summer & (HOUR == 20)].mean()


def test_neighbours_are_more_alike_than_far_stations(air: dict[str, Floats]) -> None:
    apart = np.hypot(GROUP.x - GROUP.x[:, None], GROUP.y - GROUP.y[:, None])
    pairs = np.triu(np.ones_like(apart, bool), 1)
    for name in ("PM2.5", "NO2", "TEMP"):
        own = air[name] - air[name].mean(axis=1, keepdims=True)
        own = own - np.stack([own[hour == HOUR].mean(axis=0) for hour in range(24)])[HOUR]
        alike = np.corrcoef(own.T)
        near, far = alike[pairs & (apart < 0.8)].mean(), alike[pairs & (apart > 4)].mean()
        assert near > far + 0.15, name


def test_instruments_tell_steps_within_their_range() -> None:
    stations = Stations(Chance(3), GROUP)
    results = np.full((1, 40, 8), 31.23456)
    results[0, 0], results[0, 1], results[0, 2, 0] = 1e9, -1e9, np.nan
    told = stations.told(results)
    assert told[0, 5].tolist() == [31.2, 31.2, 31.2, 31.2, 31.23, 31.2, 850, 31.2]
    assert told[0, 0].tolist() == [series.high for series in Stations.series]
    assert told[0, 1].tolist() == [series.low for series in Stations.series]
    payload = stations.payload("2026-01-05T00:00:00Z", 2, told[0, 2].tolist())
    assert list(payload)[:5] == ["time", "zone", "longitude", "latitude", "PM10"]
    assert payload["zone"] == GROUP.zones[2]


def test_a_thing_alone_has_the_results_that_it_has_among_others(air: dict[str, Floats]) -> None:
    alone = Stations(Chance(3), GROUP.only(6)).results(YEAR[:50])
    assert np.allclose(alone[:, 0, 4], air["TEMP"][:50, 6], atol=1e-9)


def test_masts_tell_wind_rain_and_sun() -> None:
    masts = Masts(Chance(3), group("Mast", 4, cells(1_500), 1.0))
    wind, way, rain, sun = np.moveaxis(masts.told(masts.results(YEAR)), 2, 0)
    assert 2 < wind.mean() < 6
    assert way.min() >= 0
    assert way.max() <= 360
    assert 200 < 6 * rain.mean(axis=1).sum() < 1500  # mm a year, from one of six observations an hour
    assert sun[HOUR == 12].mean() > 300 > 0 == sun[HOUR == 1].max()

"""The weather is what it may be, is alike where places are near, and crosses the city."""

from datetime import UTC, datetime

import numpy as np
import pytest

from simulation.chance import Chance
from simulation.weather import FRONT_M_S, Weather, clear_sky

YEAR = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) + np.arange(0, 365 * 86_400, 3600)
PLACES = np.array([0.0, 0.3, 8.0]), np.array([0.0, 0.3, -4.0])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_year_is_plausible(seed: int) -> None:
    sky = Weather(Chance(seed), *PLACES).at(YEAR)
    bounds = {
        "temperature": (-12, 42),
        "humidity": (5, 99),
        "pressure": (960, 1050),
        "wind": (0.5, 25),
        "wind_from": (0, 360),
        "sun": (0, 1100),
        "rain": (0, 15),
    }
    for name, (low, high) in bounds.items():
        values = getattr(sky, name)
        assert values.shape == (len(YEAR), 3)
        assert low <= values.min(), name
        assert values.max() <= high, name
    month = (YEAR - YEAR[0]) // (30 * 86_400)
    winter, summer = sky.temperature[month == 0].mean(), sky.temperature[month == 6].mean()
    assert 3 < winter < 13
    assert 20 < summer < 29
    assert 0.03 < (sky.rain > 0).mean() < 0.25
    assert sky.sun[sky.rain > 0.5].mean() < 0.7 * sky.sun.mean()


def test_days_are_warm_and_dry_and_nights_are_dark() -> None:
    sky = Weather(Chance(1), *PLACES).at(YEAR)
    hour = YEAR // 3600 % 24
    assert sky.temperature[hour == 14].mean() > sky.temperature[hour == 4].mean() + 4
    assert sky.humidity[hour == 14].mean() < sky.humidity[hour == 4].mean() - 10
    assert sky.wind[hour == 14].mean() > sky.wind[hour == 2].mean()
    assert sky.sun[hour == 0].max() == 0


def test_the_sun_is_high_in_june() -> None:
    noon = {m: clear_sky(np.array([int(datetime(2026, m, 21, 11, tzinfo=UTC).timestamp())]))[0] for m in (6, 12)}
    assert 950 < noon[6] < 1050  # Haurwitz at a height of 71 degrees
    assert 380 < noon[12] < 480


def test_near_places_are_alike() -> None:
    near, far = [], []
    for seed in range(8):
        field = Weather(Chance(seed), *PLACES).field("warmth", YEAR, 12)
        correlations = np.corrcoef(field.T)[0]
        near.append(correlations[1])
        far.append(correlations[2])
        assert 0.4 < field.std() < 1.2
    assert min(near) > 0.9
    assert np.mean(far) < 0.4


def test_a_front_comes_from_the_west() -> None:
    chance = Chance(1)
    west, east = Weather(chance, np.array([-5.0]), np.zeros(1)), Weather(chance, np.array([5.0]), np.zeros(1))
    late = round(10_000 * np.sin(np.radians(100)) / FRONT_M_S)
    assert np.allclose(west.rain(YEAR), east.rain(YEAR + late), atol=0.01)
    assert not np.allclose(west.rain(YEAR), east.rain(YEAR), atol=0.01)


def test_a_river_has_the_rain_of_the_last_days() -> None:
    weather = Weather(Chance(1), *PLACES)
    rain, runoff = weather.rain(YEAR)[:, 0], weather.runoff(YEAR)[:, 0]
    assert runoff.mean() == pytest.approx(rain.mean(), rel=0.05)
    lags = [np.corrcoef(rain[: len(rain) - lag], runoff[lag:])[0, 1] for lag in range(24)]
    assert 3 < int(np.argmax(lags)) < 13

"""What an incident does to results, and how a plume spreads."""

import numpy as np
import pytest

from simulation.chance import Chance
from simulation.incidents import (
    Change,
    Drifting,
    Otherwise,
    Rounded,
    Scaled,
    Shaking,
    Shifted,
    Smoke,
    Warming,
    plume,
    silent,
    stuck,
)

SECONDS = np.arange(0, 12 * 3600, 900)
CALM = 20.0 + np.sin(SECONDS / 5000)


def first() -> float:
    return 17.5


def test_faults_of_a_sensor() -> None:
    assert np.isnan(silent(SECONDS, CALM, first)).all()
    assert (stuck(SECONDS, CALM, first) == 17.5).all()
    assert np.allclose(Shifted(-4.0)(SECONDS, CALM, first) - CALM, -4)
    assert np.allclose(Scaled(1.5)(SECONDS, CALM, first), 1.5 * CALM)
    drift = Drifting(6.0, 0, 12 * 3600)(SECONDS, CALM, first) - CALM
    assert drift[0] == 0
    assert drift[24] == pytest.approx(3)
    noise = Shaking(2.0, Chance(1), "1-1")(np.arange(5000), np.zeros(5000), first)
    assert noise.std() == pytest.approx(2, rel=0.05)


def test_other_results_are_told() -> None:
    assert (Otherwise(lambda seconds: 2.0 * seconds)(SECONDS, CALM, first) == 2.0 * SECONDS).all()


def test_a_hand_rounds_its_share_of_results() -> None:
    seconds, calm = np.arange(5000), np.arange(5000) / 7 % 1 + 0.001
    told = Rounded(1.0, 0.8, Chance(1), "1-1")(seconds, calm, first)
    by_hand = told != calm
    assert by_hand.mean() == pytest.approx(0.8, abs=0.02)
    assert np.isin(told[by_hand], (0.0, 1.0)).all()


def test_a_cold_room_warms_by_its_time_constant_until_it_is_repaired() -> None:
    failing = Warming(15.0, 0, 6 * 3600, 3 * 3600.0, 0.4 * 3600)
    warmer = failing(SECONDS, CALM, first) - CALM
    assert warmer[12] == pytest.approx(15 * (1 - np.exp(-1)))
    assert warmer.argmax() == 24
    assert warmer[24] == pytest.approx(failing.peak)
    assert warmer[32] < 0.1 < warmer[26]


def test_smoke_comes_stays_and_goes() -> None:
    smoke = Smoke(50.0, 900, 8 * 900)(SECONDS, CALM, first) - CALM
    assert smoke[:9].tolist() == pytest.approx([0, 0, 50, 50, 50, 50, 50, 25, 0])
    assert not smoke[9:].any()


def test_a_plume_thins_down_the_wind_and_to_its_sides() -> None:
    x = np.array([-500.0, 500, 1000, 2000, 4000, 8000])
    middle = plume(x, np.zeros(6), 60.0, 3.0)
    assert middle[0] == 0
    assert (np.diff(middle[1:]) < 0).all()
    assert middle[3] == pytest.approx(1e6 * 60 / (np.pi * 3 * np.hypot(80, 238.5) * np.hypot(80, 221.4)), rel=0.001)
    assert plume(x[3:4], np.array([500.0]), 60.0, 3.0)[0] < 0.2 * middle[3]
    assert plume(x, np.zeros(6), 60.0, 6.0) == pytest.approx(middle / 2)


def test_a_label_tells_all() -> None:
    change = Change("1-4", "offset", 0, 6, 4, 1_767_571_200, 1_767_574_800, Shifted(2.0), {"size": 2.0, "unit": "Cel"})
    assert change.label("Station 07", "TEMP") == {
        "incident": "1-4",
        "kind": "offset",
        "thing": "Station 07",
        "datastream": "TEMP",
        "starts_at": "2026-01-05T00:00:00+00:00",
        "ends_at": "2026-01-05T01:00:00+00:00",
        "size": 2.0,
        "unit": "Cel",
    }

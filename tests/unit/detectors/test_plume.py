"""A plume tells where it comes from and how fast, on made and on simulated smoke; what comes to all at once is none."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pytest

from detectors.plume import Plume
from simulation.city import City
from tests.unit.detectors.zone import MONDAY, watch

FIVE = 300_000_000
BINS, AT = 500, 400
"""AT: the bin in which the first Thing is touched."""
EAST = np.array([-0.9, -0.3, 0.0, 0.4, 0.9, 0.1, -0.6, 0.5])
NORTH = np.array([0.2, 0.8, -0.7, 0.1, -0.4, 0.3, -0.5, 0.9])


def smoke(
    from_deg: float, m_s: float, *, height: float = 40.0, seed: int = 1, things: int = 8
) -> npt.NDArray[np.float64]:
    """Fine dust of a calm street; smoke comes within a quarter of an hour and stays two hours."""
    chance = np.random.default_rng(seed)
    calm = 15 + 2 * np.sin(np.arange(BINS) / 288 * 2 * np.pi)[:, None] + chance.normal(0, 0.5, (BINS, 8))
    along = -EAST * math.sin(math.radians(from_deg)) - NORTH * math.cos(math.radians(from_deg))
    arrives = AT * 300 + 1000 * (along - along.min()) / m_s
    since = np.arange(BINS)[:, None] * 300 - arrives
    share = np.minimum(np.clip(since / 900, 0, 1), np.clip((9000 - since) / 1800, 0, 1))
    touched = np.arange(8) < things
    return (calm + height * share * touched)[:, :, None]


def seen(results: npt.NDArray[np.float64], **declared: float) -> list[tuple[int, npt.NDArray[np.float64]]]:
    """When each plume began, and its facts."""
    found = watch(Plume(), results, interval=FIVE, east=EAST, north=NORTH, **declared)
    return [(began, found.facts[:, known, 0]) for began, known, _ in found.opened()]


@pytest.mark.parametrize(("from_deg", "m_s"), [(0, 2), (90, 2), (215, 1.5), (300, 3), (45, 5), (170, 8)])
def test_direction_and_speed_lie_within_their_errors(from_deg: float, m_s: float) -> None:
    [(began, facts)] = seen(smoke(from_deg, m_s))
    assert abs(began - AT) <= 3
    direction, direction_error, speed, speed_error, things = facts.tolist()
    assert abs((direction - from_deg + 180) % 360 - 180) <= min(3 * direction_error, 30)
    assert m_s / 1.6 <= speed <= 1.6 * m_s
    assert abs(speed - m_s) <= 4 * speed_error
    assert things == 8


def test_what_comes_to_all_at_once_is_none() -> None:
    for seed in range(5):
        assert seen(smoke(0, 1e9, seed=seed)) == []


def test_a_rise_in_any_order_is_seldom_one() -> None:
    told = 0
    for seed in range(12):
        results = smoke(270, 1.5, seed=seed)
        told += len(seen(results[:, np.random.default_rng(seed).permutation(8)]))
    assert told <= 2


def test_a_calm_zone_a_touch_of_three_and_a_slight_rise_are_none() -> None:
    assert seen(smoke(0, 2, height=0)) == []
    assert seen(smoke(0, 2, things=3)) == []
    assert len(seen(smoke(0, 2, things=5))) == 1
    assert seen(smoke(0, 2, height=4)) == []


def test_a_thing_that_is_late_for_its_own_reasons_is_left_out() -> None:
    results = smoke(270, 2)
    results[:, 3] = np.roll(results[:, 3], 6, axis=0)
    [(_, facts)] = seen(results)
    assert abs(facts[0] - 270) < 15
    assert facts[4] == 7


def test_things_without_a_location_are_left_out() -> None:
    east = EAST.copy()
    east[:2] = np.nan
    found = watch(Plume(), smoke(270, 2), interval=FIVE, east=east, north=NORTH)
    [(_, known, _)] = found.opened()
    assert found.facts[4, known, 0] == 6
    assert watch(Plume(), smoke(270, 2), interval=FIVE, east=np.nan, north=np.nan).score.max() == 0


def test_bins_that_are_left_out_are_empty_ones() -> None:
    results = smoke(270, 2)
    results[[AT - 9, AT - 8, AT + 9]] = np.nan
    there = np.isfinite(results[:, 0, 0])
    whole = watch(Plume(), results, interval=FIVE, east=EAST, north=NORTH)
    parts = watch(Plume(), results[there], interval=FIVE, east=EAST, north=NORTH, time=whole.time[there])
    assert parts.score.max() >= 0.9
    assert parts.facts.tobytes() == whole.facts[:, there].tobytes()


def test_one_bin_at_a_time_is_the_same_as_all_at_once() -> None:
    chance = np.random.default_rng(5)
    columns = [smoke(250, 2), 1e300 * smoke(0, 1), np.full((BINS, 8, 1), 7.0), smoke(90, 3)]
    results = np.concatenate(columns, axis=2)
    results[chance.random(results.shape) < 0.02] = np.nan
    time = MONDAY + np.cumsum(np.where(chance.random(BINS) < 0.01, 3, 1)) * FIVE
    whole = watch(Plume(), results, interval=FIVE, east=EAST, north=NORTH, time=time)
    assert whole.score.max() >= 0.9
    for at_once in (1, 9):
        parts = watch(Plume(), results, interval=FIVE, east=EAST, north=NORTH, time=time, at_once=at_once)
        for name in ("score", "starts_at", "facts"):
            assert getattr(parts, name).tobytes() == getattr(whole, name).tobytes(), name
        assert parts.kept == whole.kept
    assert ((whole.score >= 0) & (whole.score <= 1)).all()
    assert (whole.starts_at <= whole.time[:, None]).all()


def test_what_it_keeps_is_small() -> None:
    assert Plume.state.itemsize <= 600


def test_a_fire_of_the_simulated_city() -> None:
    """Its label tells the wind."""
    start = datetime(2026, 1, 5, tzinfo=UTC)
    city = City(1, start)
    fires = [label for label in city.labels(datetime(2026, 2, 2, tzinfo=UTC)) if label["kind"] == "plume"]
    fire = fires[0]
    stations = city.parts[0]
    rows = np.flatnonzero(np.array(stations.group.zones) == "centre")
    first = int(datetime.fromisoformat(fire["starts_at"]).timestamp()) // 3600
    results = np.concatenate([city.hour(hour)[0] for hour in range(first - 30, first + 3)])[:, rows, :1]
    found = watch(
        Plume(), results, interval=FIVE, east=stations.group.x[rows], north=stations.group.y[rows],
        time=(first - 30) * 3600 * 1_000_000 + np.arange(len(results)) * FIVE,
    )  # fmt: skip
    [(_, known, _)] = found.opened()
    direction, _, speed, _, _ = found.facts[:, known, 0].tolist()
    assert abs((direction - fire["wind_from_deg"] + 180) % 360 - 180) <= 30
    assert 0.5 <= speed / fire["wind_m_s"] <= 2

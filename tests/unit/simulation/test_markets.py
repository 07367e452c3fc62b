"""Prices keep to ticks and to each other, scales round, cold rooms breathe, visitors come while it is open."""

from datetime import UTC, datetime

import numpy as np
import pytest

from simulation import habits
from simulation.chance import Chance, Floats
from simulation.layout import cells, group
from simulation.markets import DIVISION, GOODS, TICK, Markets, bag, deviation

MARKETS = Markets(Chance(3), group("Market", 30, cells(1_500), 0.0))
MONDAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
FORTNIGHT = MONDAY + np.arange(0, 14 * 86_400, 900)
NAMES = [series.name for series in Markets.series]


@pytest.fixture(scope="module")
def fortnight() -> Floats:
    """Told results, shape (times, halls, series)."""
    return MARKETS.told(MARKETS.results(FORTNIGHT))


def test_prices_keep_to_ticks_and_change_only_when_they_are_written(fortnight: Floats) -> None:
    prices = fortnight[:, :, : len(GOODS)]
    assert np.allclose(prices / TICK, np.rint(prices / TICK))
    assert prices[0, 0, 0] == round(prices[0, 0, 0], 2)
    changed = (np.diff(prices, axis=0) != 0).any(axis=(1, 2))
    hours = FORTNIGHT[1:][changed] % 86_400 / 3600
    assert set(hours) == {6, 8, 10, 12, 14}
    assert (prices.std(axis=0) > 0).mean() > 0.9


def test_prices_move_together() -> None:
    written = MONDAY + 12 * 3600 + np.arange(0, 720 * 86_400, 2 * 86_400)
    prices = np.log(MARKETS.results(written)[:, :, : len(GOODS)])
    season = np.stack([np.cos(habits.year(written)), np.sin(habits.year(written)), np.ones(len(written))], axis=1)
    flat = prices.reshape(len(written), -1)
    left = (flat - season @ np.linalg.lstsq(season, flat, rcond=None)[0]).reshape(prices.shape)
    halls = np.mean([np.corrcoef(left[:, :, i].T)[np.triu_indices(30, 1)].mean() for i in range(len(GOODS))])
    between = np.corrcoef(left.mean(axis=1).T)
    same = np.array([[one.family == other.family for other in GOODS] for one in GOODS])
    pairs = np.triu(np.ones_like(same), 1)
    assert halls > 0.5, "one good in all halls"
    assert between[pairs & same].mean() > between[pairs & ~same].mean() + 0.2, "substitutes"
    assert between[pairs & ~same].mean() > 0.15, "all goods, by the wholesale market"


def test_prices_have_seasons() -> None:
    tomatoes = NAMES.index("price/tomatoes")
    days = MONDAY + np.arange(0, 730 * 86_400, 86_400)
    price, month = MARKETS.results(days)[:, :, tomatoes].mean(axis=1), (days - MONDAY) // 86_400 % 365 // 30
    assert price[month == 1].mean() > 1.3 * price[month == 7].mean()


def test_scales_err_by_their_last_digit(fortnight: Floats) -> None:
    scales = fortnight[:, :, [i for i, name in enumerate(NAMES) if name.startswith("scale/")]]
    assert np.abs(scales.mean(axis=(0, 1))).max() < 1.5
    assert 1.2 < scales.std(axis=0).mean() < 2.2  # 5 g / sqrt(12), and a little
    assert np.abs(scales).max() < 15


def test_a_short_bag_lacks_its_share() -> None:
    hall, scale, chance = np.array([4]), np.array([2]), Chance(3)
    weight = bag(chance, hall, scale, FORTNIGHT)
    lacks = deviation(chance, hall, scale, FORTNIGHT) - deviation(chance, hall, scale, FORTNIGHT, short=0.02)
    assert 250 <= weight.min() < weight.max() <= 3000
    assert np.abs(lacks - 0.02 * weight).max() < DIVISION
    assert abs((lacks - 0.02 * weight).mean()) < 0.5


def test_cold_rooms_stay_cold_and_are_never_at_rest(fortnight: Floats) -> None:
    rooms = fortnight[:, :, [i for i, name in enumerate(NAMES) if name.startswith("cold-room/")]]
    assert -1 < rooms.min() < rooms.max() < 9
    assert rooms.std(axis=0).min() > 0.3
    assert rooms.std(axis=0).max() < 1.2


def test_visitors_come_while_it_is_open(fortnight: Floats) -> None:
    visitors = fortnight[:, :, [i for i, name in enumerate(NAMES) if name.startswith("visitors/")]].mean(axis=(1, 2))
    noon = {day: visitors[day * 96 + 40 : day * 96 + 50].mean() for day in range(14)}
    assert noon[0] > 50
    assert noon[5] > 1.2 * noon[4], "Saturday"
    assert noon[6] == noon[1] == 0, "Sunday and the Epiphany"
    assert visitors[: 6 * 4].max() == 0
    assert (fortnight[:, :, -2:] == np.rint(fortnight[:, :, -2:])).all()


def test_a_record_for_each_place() -> None:
    results = [float(i) for i in range(len(NAMES))]
    results[2] = float("nan")
    payload = MARKETS.payload("2026-01-05T00:00:00Z", 4, results)
    assert payload["zone"] == MARKETS.group.zones[4]
    assert len(payload["records"]) == len(NAMES) - 1
    assert payload["records"][0] == {"time": "2026-01-05T00:00:00Z", "place": "beans", "price": 0.0}
    assert payload["records"][-1] == {"time": "2026-01-05T00:00:00Z", "place": "2", "visitors": len(NAMES) - 1}

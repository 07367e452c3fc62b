"""Market halls: prices at the stalls, scales under verification, cold rooms, visitors at the doors."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np

from simulation import habits
from simulation.chance import Chance, Floats, Integers
from simulation.layout import Group
from simulation.part import Part, Series

SCALES, COLD_ROOMS, DOORS = 12, 5, 2
TICK = 0.05
"""EUR: stalls write no other prices."""
DIVISION = 5.0
"""g: the last digit of a stall's scale (class III up to 15 kg, OIML R 76-1:2006)."""


class Goods(NamedTuple):
    """What is sold. Goods of one `family` stand in for each other: their prices go together."""

    name: str
    family: str
    price: float  # EUR/kg, usual
    season: float  # how much dearer at its worst, as a share
    dearest: float  # month of it, 1 to 12


GOODS = (
    Goods("beans", "vegetables", 4.5, 0.25, 2),
    Goods("carrots", "vegetables", 1.8, 0.1, 5),
    Goods("tomatoes", "vegetables", 3.2, 0.35, 2),
    Goods("potatoes", "roots", 1.5, 0.1, 5),
    Goods("onions", "roots", 1.7, 0.15, 4),
    Goods("lemons", "fruit", 2.6, 0.2, 8),
    Goods("apples", "fruit", 2.3, 0.15, 7),
    Goods("cabbage", "vegetables", 1.9, 0.15, 8),
    Goods("pumpkin", "vegetables", 2.1, 0.2, 6),
    Goods("eggs", "poultry", 5.2, 0.05, 12),
    Goods("chicken", "poultry", 7.5, 0.04, 8),
    Goods("beef", "meat", 18.0, 0.03, 12),
    Goods("mackerel", "fish", 9.5, 0.12, 1),
    Goods("prawns", "fish", 24.0, 0.1, 12),
    Goods("rice", "grain", 3.0, 0.02, 9),
    Goods("flour", "grain", 1.4, 0.02, 6),
    Goods("lentils", "grain", 3.4, 0.03, 6),
    Goods("cheese", "dairy", 14.5, 0.03, 12),
    Goods("butter", "dairy", 11.0, 0.04, 12),
)
_FAMILIES = sorted({goods.family for goods in GOODS})


def _columns() -> tuple[tuple[Series, str, str], ...]:
    """(series, the key of the payload, the place) of all that a hall has."""
    found = [(Series(f"price/{goods.name}", "EUR/kg", 1 / TICK, TICK, 900), "price", goods.name) for goods in GOODS]
    kinds = (
        (SCALES, "scale", "weight_bias", "g", 10, -1500, 1500),
        (COLD_ROOMS, "cold-room", "temperature", "Cel", 100, -35, 45),
        (DOORS, "visitors", "visitors", "1", 1, 0, 15_000),
    )
    for many, name, key, unit, steps, low, high in kinds:
        found += [(Series(f"{name}/{i}", unit, steps, low, high), key, str(i)) for i in range(1, many + 1)]
    return tuple(found)


def bag(chance: Chance, hall: Integers, scale: Integers, seconds: Integers) -> Floats:
    """g: what the stall said that a bag holds which was weighed again."""
    return 250.0 + 2750.0 * chance.uniform("weighed", hall, scale, seconds)


def deviation(
    chance: Chance, hall: Integers, scale: Integers, seconds: Integers, short: Floats | float = 0.0
) -> Floats:
    """g: what verification shows less what the stall said; each bag holds less than was said by the share `short`.

    The scale rounds by its last digit, has a zero and a gain of its own, and bags are of any weight.
    """
    weight = bag(chance, hall, scale, seconds)
    zero = 1.2 * chance.bell("zero", hall, scale)
    gain = 0.0008 * chance.bell("gain", hall, scale)
    return DIVISION * np.rint((weight * (1.0 - short) * (1.0 + gain) + zero) / DIVISION) - weight


class Markets(Part):
    """Every quarter of an hour."""

    name: ClassVar[str] = "Market"
    topic: ClassVar[str] = "market"
    interval: ClassVar[int] = 900
    series: ClassVar[tuple[Series, ...]] = tuple(series for series, _, _ in _columns())
    _PLACES = tuple((key, place) for _, key, place in _columns())

    def __init__(self, chance: Chance, group: Group) -> None:
        super().__init__(chance, group)
        self._dear = 0.07 * self._own("dear")
        self._size = np.exp(0.25 * self._own("size"))

    def results(self, seconds: Integers) -> Floats:
        """See `Part.results`."""
        rain = self._weather.rain(seconds)
        crowd = habits.crowd(seconds)[:, None] * self._size * (1.0 - 0.3 * rain / (rain + 1.0))
        parts = (self._prices(seconds), self._scales(seconds), self._cold_rooms(seconds, crowd))
        return np.concatenate((*parts, self._visitors(seconds, crowd)), axis=2)

    def payload(self, time: str, row: int, results: list[float]) -> dict[str, Any]:
        """See `Part.payload`: a record for each place."""
        records = [
            {"time": time, "place": place, key: result}
            for (key, place), result in zip(self._PLACES, results, strict=True)
            if result == result
        ]
        return {**self._places[row], "records": records}

    def _prices(self, seconds: Integers) -> Floats:
        """EUR/kg, shape (times, Things, goods): written every two hours while the hall is open.

        All follow one wholesale market and its transport; a family moves together, and each hall goes its own way a
        little.
        """
        written = habits.last_priced(seconds)
        wander, goods = self._chance.wander, np.arange(len(GOODS))
        family = np.array([_FAMILIES.index(one.family) for one in GOODS])
        dearest = np.array([(one.dearest - 0.5) / 12.0 for one in GOODS]) * 2.0 * np.pi
        season = np.array([one.season for one in GOODS]) * np.cos(habits.year(written)[:, None] - dearest)
        wholesale = 0.03 * wander("wholesale", written, 200)[:, None]
        wholesale = wholesale + 0.05 * wander("family", written[:, None], 120, family)
        wholesale = wholesale + 0.03 * wander("goods", written[:, None], 96, goods)
        weekend = np.where(habits.weekday(written // habits.DAY) >= 4, 0.02, 0.0)[:, None]
        local = self._dear[:, None] + 0.025 * wander("stall", written[:, None, None], 48, self._number[:, None], goods)
        usual = np.array([one.price for one in GOODS])
        return usual * np.exp((season + wholesale + weekend)[:, None, :] + local)

    def _scales(self, seconds: Integers) -> Floats:
        """g, shape (times, Things, scales)."""
        return deviation(self._chance, self._number[:, None], np.arange(SCALES), seconds[:, None, None])

    def _cold_rooms(self, seconds: Integers, crowd: Floats) -> Floats:
        """Cel, shape (times, Things, rooms): the compressor comes and goes, doors let warmth in, ice is thawed."""
        numbers = (self._number[:, None], np.arange(COLD_ROOMS))
        at = seconds[:, None, None]
        aim = 3.0 + 0.7 * self._chance.bell("aim", *numbers)
        cycle = 2400.0 + 1500.0 * self._chance.uniform("compressor", *numbers)
        turn = at / cycle % 1.0
        compressor = 0.5 * np.abs(4.0 * turn - 2.0) - 0.5
        since = (at - 6 * 3600 * self._chance.uniform("thaw", *numbers)) % (6 * 3600)
        thaw = 1.2 * np.exp(-(((since - 1800.0) / 1500.0) ** 2))
        doors = 0.5 * crowd[:, :, None]
        return aim + compressor + thaw + doors + 0.25 * self._chance.bell("door", *numbers, at)

    def _visitors(self, seconds: Integers, crowd: Floats) -> Floats:
        """In a quarter of an hour, shape (times, Things, doors)."""
        noise = self._chance.bell("door count", self._number[:, None], np.arange(DOORS), seconds[:, None, None])
        expected = 110.0 * crowd[:, :, None]
        return expected + noise * np.sqrt(expected + 0.004 * expected**2)

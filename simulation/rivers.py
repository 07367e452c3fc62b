"""River gauges: the water rises hours after the rain, turbid and thin, and takes the warmth of the last days."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from simulation import habits
from simulation.chance import Chance, Floats, Integers
from simulation.layout import Group
from simulation.part import Part, Series


class Gauges(Part):
    """Every quarter of an hour."""

    name: ClassVar[str] = "Gauge"
    topic: ClassVar[str] = "river"
    interval: ClassVar[int] = 900
    series: ClassVar[tuple[Series, ...]] = (
        Series("LEVEL", "m", 1000, 0, 15),
        Series("TURBIDITY", "{NTU}", 10, 0, 2000),
        Series("CONDUCTIVITY", "uS/cm", 1, 20, 3000),
        Series("WTEMP", "Cel", 100, 0, 35),
        Series("OXYGEN", "mg/L", 100, 0, 18),
        Series("PH", "[pH]", 100, 4, 10),
    )
    _NOISE = np.array([0.003, 0.25, 2.0, 0.02, 0.04, 0.015])

    def __init__(self, chance: Chance, group: Group) -> None:
        super().__init__(chance, group)
        self._bed = 1.2 + 0.15 * self._own("bed")
        self._salt = 520.0 + 30.0 * self._own("salt")

    def results(self, seconds: Integers) -> Floats:
        """See `Part.results`."""
        water = self._weather.runoff(seconds)
        year, now = habits.year(seconds)[:, None], habits.hour(seconds)[:, None]
        slow = self._chance.wander("river", seconds, 72)[:, None]
        day = np.cos((now - 17.0) / 12.0 * np.pi)
        warmth = 14.0 - 6.5 * np.cos(year - 0.5) + 1.2 * slow + 0.4 * day
        full = 14.652 - 0.41022 * warmth + 0.007991 * warmth**2 - 0.000077774 * warmth**3  # Elmore and Hayes 1960
        columns = (
            self._bed + 0.06 * slow + 1.1 * water**0.6,
            5.0 + slow + 90.0 * water**1.3,
            self._salt / (1.0 + 0.8 * water) + 8.0 * slow,
            warmth,
            full * (0.93 + 0.05 * day),  # plants breathe out by day
            7.9 + 0.1 * day - 0.2 * np.minimum(water, 2.0),
        )
        return np.stack(np.broadcast_arrays(*(column + 0.0 * self._bed for column in columns)), axis=2) + self._noise(
            seconds, self._NOISE
        )

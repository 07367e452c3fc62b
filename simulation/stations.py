"""Street stations: air, weather and noise at the road, from the traffic, the heating, the wind and the sun."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from simulation import habits
from simulation.chance import Chance, Floats, Integers
from simulation.layout import Group
from simulation.part import Part, Series

NO2_UG, O3_UG = 1.91, 2.00
"""ug/m3 of a ppb at 20 Cel and 1013 hPa (directive 2008/50/EC, annex VI)."""


class Stations(Part):
    """Every five minutes."""

    name: ClassVar[str] = "Station"
    topic: ClassVar[str] = "street"
    interval: ClassVar[int] = 300
    series: ClassVar[tuple[Series, ...]] = (
        Series("PM2.5", "ug/m3", 10, 0.5, 1000),
        Series("PM10", "ug/m3", 10, 1, 2000),
        Series("NO2", "ug/m3", 10, 0.5, 1000),
        Series("O3", "ug/m3", 10, 1, 1000),
        Series("TEMP", "Cel", 100, -40, 55),
        Series("RH", "%", 10, 2, 100),
        Series("PRES", "hPa", 100, 850, 1090),
        Series("LAeq", "dB(A)", 10, 30, 120),
    )
    _NOISE = np.array([0.5, 0.8, 1.2, 1.5, 0.1, 0.5, 0.06, 0.7])

    def __init__(self, chance: Chance, group: Group) -> None:
        super().__init__(chance, group)
        self._road = np.exp(0.3 * self._own("road"))
        self._shade = 0.4 * self._own("shade")

    def results(self, seconds: Integers) -> Floats:
        """See `Part.results`."""
        sky, field, wander = self._weather.at(seconds), self._weather.field, self._chance.wander
        day = 1.0 + 0.08 * wander("traffic", seconds, 6)[:, None]
        traffic = habits.traffic(seconds)[:, None] * day * self._road
        cold = np.clip((15.0 - sky.temperature) / 15.0, 0.0, 1.5)
        heating = habits.heating(seconds)[:, None] * cold
        # what is let out spreads with the wind, and up to the height that the sun makes: a box
        height = 0.6 + 1.2 * np.minimum(sky.sun / 700.0, 1.0)
        thick = 1.3 * np.exp(0.12 * field("thick", seconds, 5)) / ((0.5 + sky.wind / 3.0) * height) ** 0.7
        wet = sky.rain / (sky.rain + 1.0)
        # oxidant is what the region brings, and what traffic and sun add (Clapp and Jenkin 2001), ppb
        nox = 4.0 + thick * (26.0 * traffic + 5.0 * heating)
        oxidant = 34.0 + 4.0 * wander("oxidant", seconds, 40)[:, None] + 0.03 * sky.sun + 0.08 * nox
        no2 = nox * oxidant / (nox + oxidant + 0.02 * sky.sun)
        haze = 8.0 * np.exp(0.4 * wander("haze", seconds, 30)[:, None] + 0.1 * field("haze", seconds, 10))
        fine = (1.0 - 0.3 * wet) * haze + thick * (4.0 * traffic + 6.0 * heating)
        dust = (1.0 - 0.7 * wet) * (3.0 + 3.0 * thick * traffic + 0.4 * np.maximum(sky.wind - 6.0, 0.0))
        # powers add up: the town's murmur, the road, the wind at the microphone, rain
        power = 10.0**4.2 + 10.0**6.2 * traffic + 10.0 ** (2.5 + 0.22 * sky.wind) + 10.0**4.6 * wet
        columns = (
            fine,
            1.2 * fine + dust,
            NO2_UG * no2,
            O3_UG * (oxidant - no2),
            sky.temperature + self._shade,
            sky.humidity,
            sky.pressure,
            10.0 * np.log10(power),
        )
        return np.stack(columns, axis=2) + self._noise(seconds, self._NOISE)

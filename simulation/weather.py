"""One weather for the whole city: fronts cross it from the west, and each place has its share of what is local.

Functions of time and place only. `at` gives arrays of shape (times, places).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from simulation import habits
from simulation.chance import Chance, Floats, Integers
from simulation.layout import CENTRE

FRONT_HEADING = np.radians(100.0)
FRONT_M_S = 9.0
LAPSE = 0.0065
"""Cel a metre (International Standard Atmosphere)."""
_WAVES = 5
_WATERS = np.arange(72)
"""Hours of rain that a river remembers."""


class Sky(NamedTuple):
    """The weather, shape (times, places)."""

    temperature: Floats  # Cel
    humidity: Floats  # %
    pressure: Floats  # hPa
    wind: Floats  # m/s
    wind_from: Floats  # degrees
    sun: Floats  # W/m2, global radiation
    rain: Floats  # mm/h


class Weather:
    """The weather at some places."""

    def __init__(self, chance: Chance, x: Floats, y: Floats) -> None:
        self._chance = chance
        self._x, self._y = x, y  # km east and north of the centre
        metres = 1000.0 * (self._x * np.sin(FRONT_HEADING) + self._y * np.cos(FRONT_HEADING))
        self._behind = metres / FRONT_M_S  # seconds until the front is here
        self.altitude = 40.0 + 12.0 * self.field("hills", np.zeros(1, np.int64), 1.0)[0]
        """Metres."""

    def field(self, name: str, seconds: Integers, hours: float) -> Floats:
        """A smooth walk that differs from place to place, alike where places are near: waves of 4 to 12 km."""
        total = np.zeros((len(seconds), len(self._x)))
        for wave in range(_WAVES):
            length, heading, phase = self._chance.uniform(f"{name} waves", wave, np.arange(3))
            turns = 2.0 * np.pi / (4.0 + 8.0 * length)
            heading *= 2.0 * np.pi
            angle = turns * (self._x * np.sin(heading) + self._y * np.cos(heading)) + 2.0 * np.pi * phase
            total += self._chance.wander(name, seconds, hours, wave)[:, None] * np.cos(angle)
        return total * math.sqrt(2.0 / _WAVES)

    def at(self, seconds: Integers) -> Sky:
        """At these times, seconds since 1970."""
        here = seconds[:, None] - self._behind
        now, year = habits.hour(seconds)[:, None], habits.year(seconds)[:, None]
        wander = self._chance.wander
        front, wet = wander("front", here, 30), self._wet(here)
        rain = _shower(wet)
        cloud = np.clip(0.35 + 0.22 * wander("cloud", here, 9) + 0.2 * wet + 0.5 * rain / (rain + 0.5), 0.0, 1.0)
        sun = clear_sky(seconds)[:, None] * (1.0 - 0.75 * cloud**3.4)  # Kasten and Czeplak 1980
        day = np.cos((now - 14.5) / 12.0 * np.pi)
        mean = 15.5 - 8.5 * np.cos(year - 0.33) + 2.5 * front - LAPSE * self.altitude
        temperature = mean + (4.8 - 3.0 * cloud) * day + 0.6 * self.field("warmth", seconds, 12) - 0.6 * rain
        dew = mean - 5.0 + 2.0 * np.cos(year - 0.33) + 2.0 * wander("damp", here, 24) + 1.5 * wet
        dew = temperature - 0.5 - np.logaddexp(0.0, temperature - dew)
        breeze = 0.8 + 0.35 * np.maximum(day, -0.6)
        return Sky(
            temperature=temperature,
            humidity=100.0 * np.exp(_magnus(dew) - _magnus(temperature)),
            pressure=1016.0
            + 5.0 * wander("pressure", here, 60)
            - 2.0 * front
            + 0.6 * np.cos((now - 10.0) / 6.0 * np.pi)
            - 0.12 * self.altitude,
            wind=0.5 + 2.6 * np.exp(0.5 * wander("wind", here, 10)) * breeze,
            wind_from=(225.0 + 60.0 * wander("turn", here, 16)) % 360.0,
            sun=sun,
            rain=rain,
        )

    def rain(self, seconds: Integers) -> Floats:
        """mm/h, as in `at`."""
        return _shower(self._wet(seconds[:, None] - self._behind))

    def _wet(self, here: Floats) -> Floats:
        return self._chance.wander("wet", here, 8)

    def runoff(self, seconds: Integers) -> Floats:
        """mm/h of rain that reach a river: that of the last three days, by a unit hydrograph of six hours."""
        weights = _WATERS / 6.0 * np.exp(1.0 - _WATERS / 6.0)  # a gamma curve (Nash 1957, two reservoirs)
        before = seconds[:, None, None] - self._behind[:, None] - 3600 * _WATERS
        runoff: Floats = (_shower(self._wet(before)) * weights).sum(axis=2) / weights.sum()
        return runoff


def _shower(wet: Floats) -> Floats:
    """mm/h; about a tenth of the time it rains."""
    return 3.0 * np.maximum(wet - 1.15, 0.0) ** 1.3


def _magnus(temperature: Floats) -> Floats:
    """Logarithm of the saturation vapour pressure, up to a constant (Alduchov and Eskridge 1996)."""
    return 17.625 * temperature / (243.04 + temperature)


def clear_sky(seconds: Integers) -> Floats:
    """W/m2 of a cloudless sky (Haurwitz 1945), with the sun's declination by Cooper 1969."""
    declination = np.radians(23.45) * np.sin(habits.year(seconds) + 2.0 * np.pi * 284.0 / 365.0)
    latitude = np.radians(CENTRE[1])
    solar_hour = (habits.hour(seconds) + CENTRE[0] / 15.0 - 12.0) / 12.0 * np.pi
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(solar_hour)
    height = np.maximum(height, 1e-3)
    return np.where(height > 1e-3, 1098.0 * height * np.exp(-0.057 / height), 0.0)

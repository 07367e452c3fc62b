"""Weather masts: wind, rain and sun above the roofs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from simulation.chance import Floats, Integers
from simulation.part import Part, Series


class Masts(Part):
    """Every ten minutes."""

    name: ClassVar[str] = "Mast"
    topic: ClassVar[str] = "weather"
    interval: ClassVar[int] = 600
    series: ClassVar[tuple[Series, ...]] = (
        Series("WSPM", "m/s", 10, 0.1, 50),
        Series("WD", "deg", 1, 0, 360),
        Series("RAIN", "mm", 10, 0, 50),
        Series("SUN", "W/m2", 1, 0, 1400),
    )
    _NOISE = np.array([0.15, 4.0, 0.0, 0.0])

    def results(self, seconds: Integers) -> Floats:
        """See `Part.results`."""
        sky = self._weather.at(seconds)
        noise = self._noise(seconds, self._NOISE)
        gust, drop = (self._chance.bell(name, self._number, seconds[:, None]) for name in ("mast gust", "mast drop"))
        columns = (
            sky.wind * (1.0 + 0.07 * gust),
            sky.wind_from,
            sky.rain * (self.interval / 3600.0) * (1.0 + 0.25 * drop),
            sky.sun * (1.0 + 0.02 * drop),
        )
        results = np.stack(columns, axis=2) + noise
        results[:, :, 1] %= 360.0
        return results

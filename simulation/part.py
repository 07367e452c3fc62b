"""A part of the city: Things of one kind, the Datastreams that each of them has, and how they tell their results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np

from simulation.chance import Chance, Floats, Integers
from simulation.layout import Group
from simulation.weather import Weather


class Series(NamedTuple):
    """One column: a Datastream of each Thing."""

    name: str
    unit: str
    steps: float  # of the last digit, in one unit
    low: float
    high: float


class Part(ABC):
    """Things that speak at the same times, `interval` seconds apart."""

    name: ClassVar[str]
    topic: ClassVar[str]
    """The last level of the topic; the sensor type is told by it."""
    interval: ClassVar[int]
    series: ClassVar[tuple[Series, ...]]

    def __init__(self, chance: Chance, group: Group) -> None:
        self._chance = chance
        self.group = group
        self._number = group.number
        self._weather = Weather(chance, group.x, group.y)
        self._places: list[dict[str, object]] = [
            {"zone": zone, "longitude": place[0], "latitude": place[1]}
            for zone, place in zip(group.zones, group.places, strict=True)
        ]
        self._steps, self._low, self._high = (np.array(column) for column in list(zip(*self.series, strict=True))[2:])
        self._names = [one.name for one in self.series]

    @abstractmethod
    def results(self, seconds: Integers) -> Floats:
        """What is so and what instruments add to it, shape (times, Things, series), not yet rounded."""

    def told(self, results: Floats) -> Floats:
        """As the instruments tell it: within what they can measure, in steps of the last digit; NaN is not told."""
        told: Floats = np.rint(np.clip(results, self._low, self._high) * self._steps) / self._steps
        return told

    def payload(self, time: str, row: int, results: list[float]) -> dict[str, Any]:
        """What the Thing of this row sends. A result that is NaN is left out."""
        told = {name: result for name, result in zip(self._names, results, strict=True) if result == result}
        return {"time": time, **self._places[row], **told}

    def _noise(self, seconds: Integers, deviations: Floats) -> Floats:
        """What instruments add, shape (times, Things, series); `deviations` are those of the series."""
        columns = np.arange(len(deviations))
        return self._chance.bell(self.name, self._number[:, None], columns, seconds[:, None, None]) * deviations

    def _own(self, name: str) -> Floats:
        """A number of each Thing that stays, as from `Chance.bell`."""
        return self._chance.bell(f"{self.name} {name}", self._number)

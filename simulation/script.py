"""Which incidents befall the city, and when: the same script for each cycle of 28 days, played by other Things.

Three open each cycle, always the same. The others are spread over the rest, more of them in a bigger city. None begins
on a Thing before another one there is long over, and none goes beyond its cycle.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from simulation import layout
from simulation.chance import Chance
from simulation.incidents import (
    Act,
    Change,
    Drifting,
    Label,
    Otherwise,
    Rounded,
    Scaled,
    Shaking,
    Shifted,
    Smoke,
    Warming,
    iso,
    plume,
    silent,
    stuck,
)
from simulation.markets import Markets, deviation
from simulation.part import Part, Series
from simulation.rivers import Gauges
from simulation.stations import Stations
from simulation.weather import Weather

HOUR = 3_600
CYCLE = 28 * 24 * HOUR
CALM = 36 * HOUR
"""At the beginning of a cycle, but for what opens it."""
APART = 12 * HOUR
"""Between two incidents of one Thing."""
OPENERS = (
    ("stuck", "Station 07", "TEMP", 16, 12),
    ("gap", "Station 12", "*", 20, 8),
    ("surge", "Market 03", "price/tomatoes", 21, 6),
)
"""(kind, Thing, Datastream, hours after the cycle began, hours it lasts)."""
SURGE = 1.8
"""What the first surge makes of a price."""
SIZES = {
    "PM2.5": 25.0, "PM10": 40.0, "NO2": 40.0, "O3": 40.0, "TEMP": 5.0, "RH": -18.0, "PRES": 6.0, "LAeq": 10.0,
    "LEVEL": 0.5, "TURBIDITY": 25.0, "CONDUCTIVITY": -120.0, "WTEMP": 2.5, "OXYGEN": -2.5, "PH": -0.9,
}  # fmt: skip
"""What a fault of a sensor adds, in its unit; the sign keeps it within what can be."""
SMOKE = {"PM2.5": 1.0, "PM10": 1.15}
"""ug/m3 for each ug/m3 of fine smoke."""
LEAST_SMOKE = 5.0
"""ug/m3: a station that gets less is not touched."""
_ATTEMPTS = 40
_QUARTER = 900
SENSORS = (*(Stations,) * 5, Gauges)


@dataclass(frozen=True)
class Kind:
    """A kind of incident: how many a cycle in a city of the usual size, how many hours it lasts, what it befalls."""

    name: str
    many: int
    shortest: float
    longest: float
    parts: tuple[type[Part], ...] = SENSORS
    """One of them, each as likely."""
    prefix: str = ""
    """Of the names of its Datastreams."""


FAULTS = (
    Kind("stuck", 4, 6, 48),
    Kind("drift", 3, 96, 192),
    Kind("noise", 3, 36, 96),
    Kind("offset", 3, 72, 168),
    Kind("gap", 4, 6, 24),
    Kind("surge", 3, 12, 72, (Markets,), "price/"),
    Kind("short weight", 3, 72, 144, (Markets,), "scale/"),
    Kind("cooling", 3, 6, 14, (Markets,), "cold-room/"),
    Kind("short share", 3, 72, 144, (Markets,), "scale/"),
    Kind("zero drift", 2, 96, 192, (Markets,), "scale/"),
    Kind("digits", 2, 72, 144, (Markets,), "scale/"),
    Kind("door", 3, 1.75, 3, (Markets,), "cold-room/"),
    Kind("crowd", 2, 1.5, 4, (Markets,), "visitors/"),
)
"""A later one takes what the ones before it left free: a new one at the end moves none."""
SHARES = (0.01, 0.02, 0.05)
"""Of the weight, that stalls keep."""
BY_HAND, BY_HAND_SHARE = 1.0, 0.8
"""g: who writes deviations down by hand rounds so many of them so much."""
GATEWAY = Kind("gap", 1, 2, 6)
FIRE = Kind("plume", 2, 1.5, 3)

Thing = tuple[int, int]
"""(part, row)"""
Draw = Callable[[], float]
"""The next number from 0 to 1."""
Make = Callable[[Kind, int, int, str, Draw], list[Change]]
"""(kind, when it begins, seconds that it lasts, its name, chance) → changes."""


class Script:
    """All incidents of one city."""

    def __init__(self, chance: Chance, start: int, parts: Sequence[Part], datastreams: int) -> None:
        self._chance = chance
        self._start = start
        self._parts = parts
        self._datastreams = datastreams
        self._kind_of = {type(part): number for number, part in enumerate(parts)}
        things = [(number, row) for number, part in enumerate(parts) for row in range(len(part.group.names))]
        things.sort(key=lambda thing: parts[thing[0]].group.zones[thing[1]])  # a gateway serves neighbours
        sizes = [len(parts[number].series) for number, _ in things]
        self._gateways = [[things[i] for i in served] for served in layout.gateways(sizes)]
        self._cycle = lru_cache(maxsize=16)(self._play)

    def changes(self, begin: int, end: int) -> Iterator[Change]:
        """Those that touch [begin, end), seconds since 1970."""
        first = max(0, (begin - self._start) // CYCLE)
        for number in range(first, (end - self._start - 1) // CYCLE + 1):
            yield from (change for change in self._cycle(number) if change.begins < end and change.ends > begin)

    def labels(self, until: int) -> list[Label]:
        """Those that begin before `until`, in the order of their beginning."""
        return [
            change.label(*self._names(change))
            for number in range((until - self._start - 1) // CYCLE + 1)
            for change in self._cycle(number)
            if change.begins < until
        ]

    def _names(self, change: Change) -> tuple[str, str]:
        part = self._parts[change.part]
        name = "*" if change.column is None else part.series[change.column].name
        return part.group.names[change.row], name

    def _play(self, number: int) -> list[Change]:
        """One cycle, in the order of beginnings."""
        stage = _Stage(number)
        found = list(self._open(stage))
        size = self._datastreams / layout.USUAL
        found += self._spread(FIRE, round(FIRE.many * math.sqrt(size)), self._fire, stage)
        found += self._spread(GATEWAY, round(GATEWAY.many * size), self._gateway, stage)
        for kind in FAULTS:
            found += self._spread(kind, round(kind.many * size), self._fault, stage)
        return sorted(found, key=lambda change: (change.begins, change.part, change.row, change.column or 0))

    def _spread(self, kind: Kind, many: int, make: Make, stage: _Stage) -> Iterator[Change]:
        """So many of a kind, each in its part of the cycle, on the first Things drawn that are free then."""
        for index in range(many):
            for attempt in range(_ATTEMPTS):
                purpose = f"script {make.__name__} {kind.name}"
                draw = iter(self._chance.uniform(purpose, stage.cycle, index, attempt, np.arange(8)).tolist()).__next__
                lasts = round(HOUR * (kind.shortest + (kind.longest - kind.shortest) * draw())) // _QUARTER * _QUARTER
                after = CALM + (CYCLE - CALM - lasts - APART) * (index + draw()) / many
                at = (self._start + stage.cycle * CYCLE + round(after)) // _QUARTER * _QUARTER
                made = make(kind, at, lasts, stage.next_name(), draw)
                if stage.takes(made):
                    yield from made
                    break

    def _open(self, stage: _Stage) -> Iterator[Change]:
        acts: dict[str, Act] = {"stuck": stuck, "gap": silent, "surge": Scaled(SURGE)}
        for kind, thing, datastream, after, lasts in OPENERS:
            part, row = next(
                (number, part.group.names.index(thing))
                for number, part in enumerate(self._parts)
                if thing in part.group.names
            )
            names = [series.name for series in self._parts[part].series]
            column = None if datastream == "*" else names.index(datastream)
            act = acts[kind]
            details = {"factor": SURGE} if kind == "surge" else {}
            at = self._start + stage.cycle * CYCLE + after * HOUR
            made = Change(stage.next_name(), kind, part, row, column, at, at + lasts * HOUR, act, details)
            stage.takes([made])
            yield made

    def _gateway(self, kind: Kind, at: int, lasts: int, name: str, draw: Draw) -> list[Change]:
        served = int(draw() * len(self._gateways))
        details = {"gateway": served + 1}
        return [
            Change(name, kind.name, part, row, None, at, at + lasts, silent, details)
            for part, row in self._gateways[served]
        ]

    def _fire(self, kind: Kind, at: int, lasts: int, name: str, draw: Draw) -> list[Change]:
        """Smoke that crosses the city with the wind at its centre, which holds as long as the fire burns."""
        part = self._kind_of[Stations]
        group = self._parts[part].group
        sky = Weather(self._chance, np.zeros(1), np.zeros(1)).at(np.array([at]))
        wind, wind_from = max(1.5, float(sky.wind[0, 0])), float(sky.wind_from[0, 0])
        east, north = -np.sin(np.radians(wind_from)), -np.cos(np.radians(wind_from))  # where it blows to
        reach = float(np.hypot(group.x, group.y).max())
        before, aside = 0.8 * reach, (draw() - 0.5) * 0.6 * reach
        source = (-before * east - aside * north, -before * north + aside * east)
        along = (group.x - source[0]) * east + (group.y - source[1]) * north
        across = (group.y - source[1]) * east - (group.x - source[0]) * north
        peak = plume(1000 * along, 1000 * across, 20.0 * (1.0 + wind) * (1.0 + draw()), wind)
        details = {
            "unit": "ug/m3",
            "source": layout.degrees(*source),
            "wind_from_deg": round(wind_from),
            "wind_m_s": round(wind, 1),
        }
        found = []
        for row in np.flatnonzero(peak >= LEAST_SMOKE).tolist():
            begins = at + round(1000 * float(along[row]) / wind)
            ends = begins + lasts + 1800
            for column, series in enumerate(Stations.series):
                if series.name in SMOKE:
                    size = float(peak[row]) * SMOKE[series.name]
                    told = {"size": round(size, 1), "distance_km": round(float(along[row]), 2), **details}
                    act = Smoke(size, begins, ends)
                    found.append(Change(name, kind.name, part, row, column, begins, ends, act, told))
        return found

    def _fault(self, kind: Kind, at: int, lasts: int, name: str, draw: Draw) -> list[Change]:
        """Of one sensor, scale, stall or cold room."""
        number = self._kind_of[kind.parts[int(draw() * len(kind.parts))]]
        part, ends = self._parts[number], at + lasts
        row = int(draw() * len(part.group.names))
        columns = [i for i, series in enumerate(part.series) if series.name.startswith(kind.prefix)]
        column = columns[int(draw() * len(columns))]
        act, details = self._act(kind, part, row, column, (at, ends), name, draw)
        whole = kind.name == "gap" and draw() < 0.5
        return [Change(name, kind.name, number, row, None if whole else column, at, ends, act, details)]

    def _act(
        self, kind: Kind, part: Part, row: int, column: int, span: tuple[int, int], name: str, draw: Draw
    ) -> tuple[Act, Label]:
        """What a fault of this kind does there, and what its label tells of it."""
        series, (at, ends) = part.series[column], span
        size = SIZES.get(series.name, 0.0) * (0.3 + 1.2 * draw())
        match kind.name:
            case "stuck":
                return stuck, {}
            case "gap":
                return silent, {}
            case "surge":
                factor = round(1.15 + 0.65 * draw(), 2)
                return Scaled(factor), {"factor": factor}
            case "drift":
                return Drifting(size, at, ends), _sized(size, series)
            case "noise":
                return Shaking(abs(size) / 2, self._chance, name), _sized(abs(size) / 2, series)
            case "offset":
                return Shifted(size), _sized(size, series)
            case "short weight":
                size = -12.0 - 48.0 * draw()
                return Shifted(size), _sized(size, series)
            case "cooling":
                failing = Warming(12.0 + 6.0 * draw(), at, ends - 2 * HOUR, 3.0 * HOUR, 0.4 * HOUR)
                told = {"time_constant_s": failing.warms_s, "repaired_at": iso(failing.repaired)}
                return failing, _sized(failing.peak, series) | told
            case "short share":
                share = SHARES[int(len(SHARES) * draw())]
                hall, scale = (
                    part.group.number[row : row + 1],
                    np.array([int(series.name.removeprefix(kind.prefix)) - 1]),
                )
                return Otherwise(partial(deviation, self._chance, hall, scale, short=share)), {"share": share}
            case "zero drift":
                size = -10.0 - 20.0 * draw()
                return Drifting(size, at, ends), _sized(size, series)
            case "digits":
                return Rounded(BY_HAND, BY_HAND_SHARE, self._chance, name), {"step": BY_HAND, "share": BY_HAND_SHARE}
            case "door":
                opened = Warming(4.0 + 4.0 * draw(), at, ends - HOUR, 0.3 * HOUR, 0.3 * HOUR)
                told = {"time_constant_s": opened.warms_s, "closed_at": iso(opened.repaired)}
                return opened, _sized(opened.peak, series) | told
            case "crowd":
                size = float(round(700 + 500 * draw()))
                return Shifted(size), _sized(size, series)
        raise AssertionError(kind)


def _sized(size: float, series: Series) -> Label:
    return {"size": round(size, 3), "unit": series.unit}


class _Stage:
    """Which Things are taken in one cycle, and when."""

    def __init__(self, cycle: int) -> None:
        self.cycle = cycle
        self._named = 0
        self._taken: dict[Thing, list[tuple[int, int]]] = defaultdict(list)

    def next_name(self) -> str:
        """Of the next incident."""
        return f"{self.cycle + 1}-{self._named + 1}"

    def takes(self, changes: Sequence[Change]) -> bool:
        """Take the Things, if all are free."""
        for change in changes:
            for begins, ends in self._taken[change.part, change.row]:
                if change.begins < ends + APART and begins < change.ends + APART:
                    return False
        if not changes:
            return False
        for thing, span in {((one.part, one.row), (one.begins, one.ends)) for one in changes}:
            self._taken[thing].append(span)
        self._named += 1
        return True

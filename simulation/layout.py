"""Where a city's Things stand: zones, places, gateways, and how many of each kind a size asks for.

Zones are the cells of a lattice around the centre, named by the way to them. A zone stays below 2,000 Datastreams. Things
of a zone lie on a sunflower spiral, so that none stands where another does and neighbours are of one zone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from simulation.chance import Floats, Integers

CENTRE = (12.4964, 41.9028)
"""Longitude and latitude, degrees."""
USUAL = 1_500
"""Datastreams."""
ZONE_KM = 2.4
KM_A_DEGREE = (111.32 * math.cos(math.radians(CENTRE[1])), 111.13)
"""Of longitude and of latitude, here."""
_OF_A_ZONE = 1_000
_OF_A_GATEWAY = 500
_FEWEST_ZONES = 5
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


@dataclass(frozen=True)
class Group:
    """The Things of one kind. `x` and `y` are km east and north of the centre; `number` counts from 1."""

    names: tuple[str, ...]
    zones: tuple[str, ...]
    places: tuple[tuple[float, float], ...]  # longitude and latitude
    number: Integers
    x: Floats
    y: Floats

    def only(self, row: int) -> Group:
        """The Thing of this row alone."""
        one = slice(row, row + 1)
        return Group(self.names[one], self.zones[one], self.places[one], self.number[one], self.x[one], self.y[one])


def degrees(x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude of a place in km from the centre."""
    return round(CENTRE[0] + x / KM_A_DEGREE[0], 5), round(CENTRE[1] + y / KM_A_DEGREE[1], 5)


def number_of(usual: int, datastreams: int) -> int:
    """How many Things of a kind a city of this size has, where the usual one has so many."""
    return round(usual * datastreams / USUAL)


def cells(datastreams: int) -> list[tuple[int, int]]:
    """The zones of a city of this size: steps east and north, the nearest first."""
    wanted = max(_FEWEST_ZONES, math.ceil(datastreams / _OF_A_ZONE))
    found: list[tuple[int, int]] = []
    for ring in count():
        around = [(x, y) for x in range(-ring, ring + 1) for y in {ring - abs(x), abs(x) - ring}]
        found += sorted(around, key=lambda at: math.atan2(at[0], at[1]) % (2 * math.pi))
        if len(found) >= wanted:
            return found[:wanted]
    raise AssertionError


def zone_name(cell: tuple[int, int]) -> str:
    """`centre`, `north`, `south 2 east`, …"""
    ways = (("south", "north")[cell[1] > 0], abs(cell[1])), (("west", "east")[cell[0] > 0], abs(cell[0]))
    return " ".join(f"{way} {steps}" if steps > 1 else way for way, steps in ways if steps) or "centre"


def group(name: str, many: int, zones: Sequence[tuple[int, int]], turn: float) -> Group:
    """So many Things `name 01` …, dealt out to the zones; `turn` keeps kinds apart."""
    number = np.arange(1, many + 1)
    home = [zones[i % len(zones)] for i in range(1, many + 1)]
    within = number // len(zones)
    angle = within * _GOLDEN_ANGLE + turn
    away = 0.45 * ZONE_KM * np.sqrt((within + 0.5) / (many // len(zones) + 1))
    x, y = np.array(home).T * ZONE_KM + away * np.array([np.cos(angle), np.sin(angle)])
    return Group(
        tuple(f"{name} {i:02d}" for i in range(1, many + 1)),
        tuple(zone_name(cell) for cell in home),
        tuple(degrees(*at) for at in zip(x.tolist(), y.tolist(), strict=True)),
        number,
        x,
        y,
    )


def gateways(sizes: Sequence[int]) -> list[list[int]]:
    """Things that send through one gateway, some 500 Datastreams each; `sizes` are the Datastreams of each Thing."""
    total = sum(sizes)
    many = max(1, round(total / _OF_A_GATEWAY))
    found: list[list[int]] = [[] for _ in range(many)]
    before = 0
    for thing, size in enumerate(sizes):
        found[min(many - 1, before * many // total)].append(thing)
        before += size
    return found

"""Zones, places and gateways, at every size."""

import itertools
import math
from collections import Counter

import pytest

from simulation.city import PARTS
from simulation.layout import CENTRE, ZONE_KM, cells, gateways, group, number_of, zone_name


@pytest.mark.parametrize("size", [1_000, 1_500, 10_000, 100_000])
def test_zones_stay_small_and_things_apart(size: int) -> None:
    zones = cells(size)
    assert len(set(map(zone_name, zones))) == len(zones) >= 5
    filled: Counter[str] = Counter()
    places = set()
    for kind, usual, turn in PARTS:
        things = group(kind.name, number_of(usual, size), zones, turn)
        assert len(set(things.names)) == len(things.names) == number_of(usual, size)
        for zone in things.zones:
            filled[zone] += len(kind.series)
        places |= set(things.places)
        for x, y, zone in zip(things.x, things.y, things.zones, strict=True):
            cell = zones[[zone_name(one) for one in zones].index(zone)]
            assert math.hypot(x - ZONE_KM * cell[0], y - ZONE_KM * cell[1]) < ZONE_KM / 2
    assert abs(sum(filled.values()) / size - 1) < 0.02
    assert max(filled.values()) < 2_000
    assert len(places) == sum(number_of(usual, size) for _, usual, _ in PARTS)


def test_zones_are_named_by_the_way_to_them() -> None:
    assert [zone_name(cell) for cell in cells(1_500)] == ["centre", "north", "east", "south", "west"]
    assert zone_name((-1, 2)) == "north 2 west"


def test_places_are_where_the_names_say() -> None:
    things = group("Station", 40, cells(1_500), 0.0)
    for place, zone in zip(things.places, things.zones, strict=True):
        east, north = place[0] - CENTRE[0], place[1] - CENTRE[1]
        assert {"north": north, "south": -north, "east": east, "west": -east}.get(zone, 1) > 0.005
    one = things.only(6)
    assert (one.names, one.places, one.number.tolist()) == (("Station 07",), things.places[6:7], [7])


def test_a_gateway_serves_neighbours_in_the_list_some_500_datastreams() -> None:
    sizes = [8, 38, 4, 6] * 27
    served = gateways(sizes)
    assert list(itertools.chain(*served)) == list(range(len(sizes)))
    assert len(served) == 3
    assert all(450 < sum(sizes[i] for i in things) < 550 for things in served)

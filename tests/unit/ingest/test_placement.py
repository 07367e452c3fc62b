"""Neighbours share a partition, a move keeps it, and what was written before is taken over."""

import pytest

from aedilis.identity import datastream_id, thing_id
from aedilis.settings import Settings
from aedilis.vocabulary import Clock, Datastream, Location, Thing
from ingest import placement as module
from ingest.placement import Placement

ROME, OSTIA = Location(12.5, 41.9), Location(12.28, 41.73)


def placement(partitions: int = 4) -> Placement:
    return Placement(Settings(home="", data_clock_agencies=("demo",)), partitions)


def place(at: Placement, name: str, zone: str | None = "north", agency: str = "demo") -> Thing:
    return at.thing(agency, name, zone, None)[0]


def observe(at: Placement, thing: Thing, name: str = "x", **changed: object) -> Datastream:
    declared = {"unit": "1", "sensor_type": "t", "version": 1, "interval": 60, **changed}
    return at.datastream(thing, name, name, **declared)  # type: ignore[arg-type]


def test_a_thing_is_placed_once() -> None:
    at = placement()
    thing, changed = at.thing("demo", "a", "north", ROME)
    assert changed
    assert thing == Thing(thing_id("demo", "a"), "demo", "a", "demo/north", 0, Clock.DATA, ROME)
    assert at.thing("demo", "a", "north", ROME) == (thing, False)
    assert at.thing("demo", "a", None, None) == (thing, False)


def test_replays_have_the_clock_of_their_data() -> None:
    assert place(placement(), "a").clock == Clock.DATA
    assert place(placement(), "a", agency="north").clock == Clock.WALL


def test_neighbours_share_a_partition_and_zones_spread() -> None:
    at = placement()
    partitions = {zone: {place(at, f"{zone}{i}", zone).partition for i in range(3)} for zone in "abcd"}
    assert all(len(found) == 1 for found in partitions.values())
    assert {min(found) for found in partitions.values()} == {0, 1, 2, 3}


def test_the_same_zone_of_another_agency_is_another() -> None:
    at = placement()
    assert place(at, "a", "north", "one").partition != place(at, "a", "north", "two").partition


def test_without_a_zone() -> None:
    assert place(placement(), "a", None).zone == "demo/unplaced"


def test_the_least_loaded_partition_is_taken() -> None:
    at = placement(2)
    big = place(at, "a", "big")
    for i in range(10):
        observe(at, big, f"d{i}")
    zones = [place(at, f"b{i}", f"small{i}").partition for i in range(5)]
    assert big.partition == 0
    assert set(zones) == {1}


def test_a_move_changes_zone_and_place_but_not_the_partition() -> None:
    at = placement()
    before = place(at, "a", "north")
    place(at, "b", "south")
    moved, changed = at.thing("demo", "a", "south", OSTIA)
    assert changed
    assert (moved.zone, moved.location, moved.partition) == ("demo/south", OSTIA, before.partition)
    assert at.thing("demo", "a", "south", OSTIA) == (moved, False)
    again, changed = at.thing("demo", "a", None, ROME)
    assert changed
    assert (again.zone, again.location) == ("demo/south", ROME)


def test_a_zone_that_is_full_goes_on_under_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ZONE_LIMIT", 2)
    at = placement()
    first = place(at, "a")
    for name in ("x", "y", "z"):
        observe(at, first, name)
    second = place(at, "b")
    assert (first.zone, second.zone) == ("demo/north", "demo/north#2")
    assert second.partition != first.partition
    assert at.thing("demo", "b", "north", None) == (second, False), "its zone is north still"
    for name in ("x", "y"):
        observe(at, second, name)
    assert place(at, "c").zone == "demo/north#3"


def test_what_was_placed_before_is_taken_over() -> None:
    first = placement()
    things = [place(first, f"{zone}{i}", zone) for zone in "abc" for i in range(2)]
    later = placement()
    for thing in things:
        later.learn(thing)
    for thing in things:
        assert later.thing("demo", thing.name, thing.zone.rpartition("/")[2], None) == (thing, False)
    assert place(later, "a9", "a").partition == things[0].partition
    assert place(later, "new", "new").partition == 3


def test_a_datastream_is_the_same_object_until_something_in_it_changes() -> None:
    at = placement()
    thing = place(at, "a")
    first = observe(at, thing)
    assert first.id == datastream_id("demo", "a", "x")
    assert observe(at, thing) is first
    for changed in ({"version": 2}, {"sensor_type": "u"}, {"unit": "kg"}):
        other = observe(at, thing, **changed)
        assert other is not first
        assert other.id == first.id
        assert observe(at, thing, **changed) is other
    moved, _ = at.thing("demo", "a", "south", None)
    assert observe(at, moved).thing is moved

"""Neighbours share a partition, a move keeps it, and what was written before is taken over."""

import msgspec
import pytest

from aedilis.identity import thing_id
from aedilis.settings import Settings
from aedilis.vocabulary import Clock, Location, Thing
from ingest import placement as module
from ingest.placement import Placed, Placement
from sensors.device import Place

ROME, OSTIA = Location(12.5, 41.9), Location(12.28, 41.73)


def placement(partitions: int = 4) -> Placement:
    return Placement(Settings(home="", data_clock_agencies=("demo",)), partitions)


def settle(at: Placement, agency: str, name: str, zone: str | None, location: Location | None) -> Thing:
    return at.settle(agency, name, Place(zone, location)).placed.thing


def place(at: Placement, name: str, zone: str | None = "north", agency: str = "demo") -> Thing:
    return settle(at, agency, name, zone, None)


def kept(at: Placement) -> Placement:
    """As after a restart: what was written is learned."""
    later = placement(4)
    for placed in at.changed():
        later.learn(msgspec.json.decode(msgspec.json.encode(placed), type=Placed))
    return later


def observe(at: Placement, thing: Thing) -> None:
    """One more of its Datastreams is seen."""
    at.count(at.home(thing.agency, thing.name))


def test_a_thing_is_placed_once() -> None:
    at = placement()
    thing = settle(at, "demo", "a", "north", ROME)
    assert thing == Thing(thing_id("demo", "a"), "demo", "a", "demo/north", 0, Clock.DATA, ROME)
    assert [one.thing for one in at.changed()] == [thing]
    assert settle(at, "demo", "a", "north", ROME) is thing
    assert settle(at, "demo", "a", None, None) is thing
    assert at.changed() == []


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
    for _ in range(10):
        observe(at, big)
    zones = [place(at, f"b{i}", f"small{i}").partition for i in range(5)]
    assert big.partition == 0
    assert set(zones) == {1}


def test_a_move_changes_zone_and_place_but_not_the_partition() -> None:
    at = placement()
    before = place(at, "a", "north")
    place(at, "b", "south")
    at.changed()
    moved = settle(at, "demo", "a", "south", OSTIA)
    assert (moved.zone, moved.location, moved.partition) == ("demo/south", OSTIA, before.partition)
    assert [one.thing for one in at.changed()] == [moved]
    assert settle(at, "demo", "a", "south", OSTIA) is moved
    again = settle(at, "demo", "a", None, ROME)
    assert (again.zone, again.location) == ("demo/south", ROME)
    assert [one.thing for one in at.changed()] == [again]


def test_a_thing_that_moved_says_nothing_of_where_its_new_neighbours_are() -> None:
    at = placement()
    place(at, "a", "north")
    neighbour = place(at, "b", "south")
    place(at, "a", "south")
    assert place(kept(at), "c", "south").partition == neighbour.partition


def test_names_with_slashes_and_numbers_are_zones_of_their_own() -> None:
    at = placement()
    assert place(at, "a", "b/c", "a").zone != place(at, "a", "c", "a/b").zone
    numbered = place(at, "n", "Zone #5")
    at.changed()
    assert place(at, "n", "Zone #5") is numbered
    assert at.changed() == []


def test_a_clock_that_was_set_otherwise_is_renewed() -> None:
    at = placement()
    assert place(at, "a", agency="south").clock == Clock.WALL
    later = Placement(Settings(home="", data_clock_agencies=("south",)), 4)
    for placed in at.changed():
        later.learn(placed)
    assert place(later, "a", agency="south").clock == Clock.DATA
    assert len(later.changed()) == 1


def test_a_zone_that_is_full_goes_on_under_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ZONE_LIMIT", 2)
    at = placement()
    first = place(at, "a")
    for _ in range(3):
        observe(at, first)
    second = place(at, "b")
    assert (first.zone, second.zone) == ("demo/north", "demo/north#2")
    assert second.partition != first.partition
    assert settle(at, "demo", "b", "north", None) is second, "its zone is north still"
    for _ in range(2):
        observe(at, second)
    assert place(at, "c").zone == "demo/north#3"


def test_what_was_placed_before_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    first = placement()
    things = [place(first, f"{zone}{i}", zone) for zone in "abc" for i in range(2)]
    later = kept(first)
    for thing in things:
        assert settle(later, "demo", thing.name, thing.zone.rpartition("/")[2], None) == thing
    assert later.changed() == []
    assert place(later, "a9", "a").partition == things[0].partition
    assert place(later, "new", "new").partition == 3


def test_a_restart_does_not_forget_how_full_a_zone_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ZONE_LIMIT", 2)
    at = placement()
    full = place(at, "a")
    for _ in range(2):
        observe(at, full)
    later = kept(at)
    observe(later, place(later, "a"))  # seen again, counted once
    assert later.changed() == []
    assert place(later, "b").zone == "demo/north#2"
    moved = place(later, "c", "south")
    assert place(later, "c", "north").zone == "demo/north#2", "a move keeps to the limit"
    assert moved.partition == place(later, "c", "north").partition


def test_who_moved_is_told_once() -> None:
    at = placement()
    home = at.settle("demo", "a", Place("north", ROME))
    assert at.renewed() == []
    at.settle("demo", "a", Place("north", OSTIA))
    assert at.renewed() == [home]
    at.settle("demo", "a", Place(None, None))
    assert at.renewed() == []

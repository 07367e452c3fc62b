"""Neighbours share a partition, a move keeps it, and what was written before is taken over."""

from typing import Any

import msgspec
import pytest

from aedilis.identity import thing_id
from aedilis.settings import Settings
from aedilis.vocabulary import Clock, Location, Thing
from ingest import placement as module
from ingest.mqtt import Message
from ingest.placement import Placed, Placement
from registry.things import Entry
from sensors.declaration import SensorType
from sensors.device import Place
from tests.unit.sensors.declaring import declare

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


HOUR = 3_600_000_000


def said(at: Placement, hour: float, zone: str | None = None, location: Location | None = None) -> Thing:
    return at.settle("demo", "a", Place(zone, location), int(hour * HOUR)).placed.thing


def entry(**told: Any) -> Entry:
    return Entry("demo", "a", by="somebody", **{"at": 100 * HOUR, **told})


def test_what_the_registry_says_goes_before_the_message() -> None:
    at = placement()
    at.tell(entry(zone="south", longitude=OSTIA.longitude, latitude=OSTIA.latitude, title="The pier"))
    thing = said(at, 1, "north", ROME)
    assert (thing.zone, thing.location, thing.title) == ("demo/south", OSTIA, "The pier")
    assert said(at, 2, "west", ROME) is thing


def test_a_thing_that_is_there_is_moved_by_the_registry_at_once_and_keeps_its_partition() -> None:
    at = placement()
    before = said(at, 1, "north", ROME)
    at.settle("demo", "b", Place("south"))
    at.changed()
    at.tell(entry(zone="south", title="A"))
    (moved,) = (one.thing for one in at.changed())
    assert (moved.zone, moved.location, moved.title, moved.since) == ("demo/south", ROME, "A", 100 * HOUR)
    assert (moved.id, moved.partition) == (before.id, before.partition)
    assert [home.placed.thing for home in at.renewed()] == [moved]
    at.tell(entry(zone="south", title="A"))
    assert at.changed() == [], "the same once more changes nothing"


def test_what_was_taken_back_is_the_messages_again() -> None:
    at = placement()
    said(at, 1, "north", ROME)
    at.tell(entry(zone="south", title="A"))
    at.tell(entry(at=101 * HOUR))
    thing = at.home("demo", "a").placed.thing
    assert (thing.zone, thing.title) == ("demo/north", "")
    assert said(at, 2, "west").zone == "demo/west", "though the clock of a replay is far behind that of the registry"


def test_a_message_that_is_older_than_the_move_moves_nothing() -> None:
    at = placement()
    said(at, 1, "north", ROME)
    moved = said(at, 5, "south", OSTIA)
    assert moved.since == 5 * HOUR
    assert said(at, 3, "north", ROME) is moved
    assert said(at, 6, "north", ROME).since == 6 * HOUR


def test_a_receiver_that_wanders_does_not_move_its_thing() -> None:
    at = placement()
    thing = said(at, 1, None, ROME)
    assert said(at, 2, None, Location(ROME.longitude + 0.0002, ROME.latitude)) is thing
    assert said(at, 3, None, Location(ROME.longitude + 0.0004, ROME.latitude)).since == 3 * HOUR
    at.tell(entry(longitude=ROME.longitude + 0.0003, latitude=ROME.latitude))
    assert at.home("demo", "a").placed.thing.location == Location(ROME.longitude + 0.0003, ROME.latitude)


def test_a_zone_of_the_registry_leaves_the_location_to_the_messages() -> None:
    at = placement()
    at.tell(entry(zone="south"))
    said(at, 1, "north", ROME)
    moved = said(at, 2, "north", OSTIA)
    assert (moved.zone, moved.location, moved.since) == ("demo/south", OSTIA, 2 * HOUR)


def test_a_restart_takes_over_what_the_registry_moved_meanwhile() -> None:
    first = placement()
    said(first, 1, "north", ROME)
    later = kept(first)
    later.tell(entry(zone="south"))
    assert [one.thing.zone for one in later.changed()] == ["demo/south"]


def test_who_may_speak() -> None:
    turned_away: list[str] = []
    at = Placement(Settings(home=""), turned_away=lambda agency, name, kind, message: turned_away.append(name))
    free, strict = declare(), declare(thing={"appear": "approved"})
    message = Message(b"t", b"", 0, 1, 1, 1)

    def lets_in(kind: SensorType) -> bool:
        return at.lets_in("demo", "a", kind, message)

    assert (lets_in(free), lets_in(strict)) == (True, False)
    at.tell(entry(title="named, not approved"))
    assert (lets_in(free), lets_in(strict)) == (True, False)
    at.tell(entry(approved=True))
    assert (lets_in(free), lets_in(strict)) == (True, True)
    at.tell(entry(approved=False))
    assert (lets_in(free), lets_in(strict)) == (False, False)
    assert turned_away == ["a"] * 4

"""Fields of a Thing as they are read from text, and who waits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aedilis.identity import thing_id
from aedilis.settings import Settings
from aedilis.vocabulary import Location
from registry.things import Entry, Stranger, Things, key_of, read_fields


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({"title": " The pier "}, {"title": "The pier"}),
        ({"zone": "", "title": ""}, {"zone": None, "title": None}),
        ({"longitude": "12.5", "latitude": "-41"}, {"longitude": 12.5, "latitude": -41.0}),
        ({"longitude": "", "latitude": ""}, {"longitude": None, "latitude": None}),
        ({"approved": "YES"}, {"approved": True}),
        ({"approved": "0"}, {"approved": False}),
    ],
)
def test_fields(given: dict[str, str], values: dict[str, Any]) -> None:
    assert read_fields(given) == (values, [])


@pytest.mark.parametrize(
    ("given", "columns"),
    [
        ({"title": "x" * 201}, ["title"]),
        ({"title": "a\nb"}, ["title"]),
        ({"zone": "\0"}, ["zone"]),
        ({"longitude": "nan", "latitude": "inf"}, ["longitude", "latitude"]),
        ({"longitude": "1"}, ["latitude"]),
        ({"latitude": "1", "longitude": " "}, ["longitude"]),
        ({"approved": "perhaps", "colour": "red"}, ["approved", "colour"]),
    ],
)
def test_faults(given: dict[str, str], columns: list[str]) -> None:
    faults = read_fields(given)[1]
    assert [fault.column for fault in faults] == columns
    assert all(fault.expected and fault.mend for fault in faults)


def test_an_entry_knows_its_thing_and_where_it_is() -> None:
    entry = Entry("demo", "a", longitude=1.0, latitude=2.0)
    assert (entry.id, entry.location) == (thing_id("demo", "a"), Location(1.0, 2.0))
    assert Entry("demo", "a", longitude=1.0).location is None
    assert key_of("a/b", "c") != key_of("a", "b/c")


def test_each_record_is_taken_in_its_turn_and_a_removed_one_says_nothing_more() -> None:
    heard: list[Entry] = []
    things = Things(Settings(home=""), heard.append)
    told = Entry("demo", "a", zone="north", approved=True)
    things._told("demo/a", msgspec.json.encode(told))
    assert (things.get("demo", "a"), things.entries()) == (told, [told])
    things._told("demo/a", None)
    things._told("demo/nobody", None)
    assert heard == [told, Entry("demo", "a")]
    assert things.get("demo", "a") == Entry("demo", "a")


def test_those_who_wait_come_latest_first_until_they_are_approved() -> None:
    things = Things(Settings(home=""))
    for at, name in enumerate("abc"):
        stranger = Stranger("demo", name, "air", f"city/demo/{name}/air", 0, at, 1)
        things._waits(key_of("demo", name), msgspec.json.encode(stranger))
    things._told("demo/b", msgspec.json.encode(Entry("demo", "b", approved=True)))
    things._waits("demo/c", None)
    assert [one.thing for one in things.strangers()] == ["a"]
    assert [one.thing for one in things.strangers(all_of_them=True)] == ["b", "a"]

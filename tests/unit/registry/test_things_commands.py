"""What `aedilis things list` shows of those who speak, were told of, wait or are held."""

from __future__ import annotations

import msgspec
import pytest
from click.testing import CliRunner

from aedilis.errors import ThingsError
from aedilis.settings import Settings
from aedilis.vocabulary import Location, Thing
from registry.things import Entry, Stranger, Things, key_of
from registry.things_commands import _listed, things


def registry(*entries: Entry, waits: tuple[str, ...] = ()) -> Things:
    made = Things(Settings(home=""))
    for entry in entries:
        made._told(key_of(entry.agency, entry.thing), msgspec.json.encode(entry))
    for name in waits:
        one = Stranger("demo", name, "air", f"city/demo/{name}/air", 1, 2, 3)
        made._waits(key_of("demo", name), msgspec.json.encode(one))
    return made


def test_each_thing_stands_once_with_what_is_told_before_what_it_says() -> None:
    known = [Thing(1, "demo", "a", "demo/north", 0, location=Location(1, 2), title="A")]
    told = registry(
        Entry("demo", "a", zone="south"), Entry("demo", "b", approved=True), Entry("demo", "c", approved=False)
    )
    rows = {row["thing"]: row for row in _listed(told, known, waiting=False)}
    assert {name: row["state"] for name, row in rows.items()} == {"a": "speaks", "b": "silent", "c": "held"}
    assert (rows["a"]["zone"], rows["a"]["longitude"], rows["a"]["title"]) == ("south", 1, "A")
    assert all(set(rows["a"]) <= set(row) for row in rows.values())


def test_those_who_wait() -> None:
    told = registry(Entry("demo", "b", approved=True), Entry("demo", "c", approved=False), waits=("a", "b", "c"))
    rows = _listed(told, [], waiting=True)
    assert [(row["thing"], row["state"], row["messages"]) for row in rows] == [("a", "waiting", 3), ("c", "held", 3)]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["set", "demo", "a"], "--title"),
        (["set", "demo", "a", "--longitude", "500", "--latitude", "x"], "latitude: expected degrees"),
        (["set", "demo", "", "--title", "A"], "thing: expected a name"),
        (["approve", "demo", "a", "\0"], "thing: expected a name"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_asked(arguments: list[str], what: str) -> None:
    with pytest.raises(ThingsError, match=what):
        CliRunner().invoke(things, arguments, catch_exceptions=False)

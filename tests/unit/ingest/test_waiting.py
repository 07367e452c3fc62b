"""Who waits is listed, within bounds, and leaves when approved or silent for long."""

from __future__ import annotations

import msgspec
import pytest

from aedilis.settings import Settings
from ingest import waiting
from ingest.mqtt import Message, Share
from ingest.waiting import WaitingBook
from registry.things import Entry, Stranger, Things
from tests.unit.sensors.declaring import compiled

AIR = compiled(name="air", topic="city/{agency}/{thing}/air")
SECOND = 1_000_000
DAY = 86_400 * SECOND
START = 20_000 * DAY


def made(**settings: str) -> tuple[WaitingBook, Things]:
    given = Settings(home="", **settings)  # type: ignore[arg-type]
    things = Things(given)
    return WaitingBook(things, Share(given, [AIR])), things


def note(book: WaitingBook, thing: str, at: int) -> None:
    book.note("demo", thing, "air", Message(f"city/demo/{thing}/air".encode(), b"{}", at, 1, 1, 1))


def written(book: WaitingBook, things: Things, at: int) -> dict[str, Stranger | None]:
    """What is due, after the topic has brought it back."""
    records = book.due(at)
    for key, value in records:
        things._waits(key, value)
    return {key: value and msgspec.json.decode(value, type=Stranger) for key, value in records}


def test_who_speaks_is_told_at_once_and_then_each_minute() -> None:
    book, things = made()
    note(book, "a", START)
    first = Stranger("demo", "a", "air", "city/demo/a/air", START, START, 1)
    assert written(book, things, START) == {"demo/a": first}
    for second in range(1, 60):
        note(book, "a", START + second * SECOND)
        assert written(book, things, START + second * SECOND) == {}
    note(book, "a", START + 60 * SECOND)
    (again,) = written(book, things, START + 60 * SECOND).values()
    assert again is not None
    assert (again.first_at, again.last_at, again.messages) == (START, START + 60 * SECOND, 61)


def test_who_is_approved_or_silent_for_long_leaves() -> None:
    book, things = made()
    note(book, "a", START)
    note(book, "b", START)
    written(book, things, START)
    things._told("demo/a", msgspec.json.encode(Entry("demo", "a", approved=True)))
    assert written(book, things, START + DAY) == {"demo/a": None}
    assert written(book, things, START + 7 * DAY) == {}
    assert written(book, things, START + 8 * DAY) == {"demo/b": None}
    assert things.strangers() == []


def test_a_flood_of_strangers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST", 3)
    book, things = made()
    for number in range(100):
        note(book, f"t{number}", START)
    assert list(written(book, things, START)) == ["demo/t0", "demo/t1", "demo/t2"]
    things._told("demo/t1", msgspec.json.encode(Entry("demo", "t1", approved=True)))
    written(book, things, START + SECOND)
    note(book, "t50", START + 2 * SECOND)
    assert list(written(book, things, START + 2 * SECOND)) == ["demo/t50"], "there is room again"


def test_after_a_restart_those_of_before_are_known_and_of_others_left_alone() -> None:
    things = made()[1]
    for agency in ("demo", "other"):
        one = Stranger(agency, "a", "air", f"city/{agency}/a/air", START, START, 5)
        things._waits(f"{agency}/a", msgspec.json.encode(one))
    given = Settings(home="", agencies=("!other",))
    book = WaitingBook(things, Share(given, [AIR]))
    book.adopt()
    assert book.due(START + SECOND) == []
    note(book, "a", START + 2 * SECOND)
    (told,) = (value for _, value in book.due(START + 70 * SECOND))
    assert told is not None
    assert msgspec.json.decode(told, type=Stranger).messages == 6
    assert book.due(START + 8 * DAY) == [("demo/a", None)]

"""What every payload format must do, found by scanning."""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import sensors.formats
from sensors.declaration import Time
from sensors.format import Decode, Format, Raw, Record, all_formats
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import NOW, RecordedSession

each_format = pytest.mark.parametrize("format_", all_formats().values(), ids=lambda format_: format_.name)

DOCS = Path(__file__).parents[2] / "docs" / "payload-formats.md"
DEEP = 100_000
MEGABYTE = 1_000_000


class Line:
    """The example's decoder after its announcements; each call is a message on the example's topic."""

    def __init__(self, format_: Format, before: Iterable[tuple[str, bytes]] | None = None) -> None:
        self.example = format_.example
        self.speaks = format_.name != "json"  # whose records are the device's, whatever their keys begin with
        self.session = RecordedSession()
        self.kept: dict[str, tuple[str, bytes]] = {}  # the latest of each key, in the order of the log
        self.decode: Decode = format_.decoder(format_.Options.model_validate(dict(self.example.options)))
        for topic, payload in self.example.before if before is None else before:
            self(payload, topic)

    def __call__(self, payload: bytes, topic: str | None = None) -> list[Record]:
        topic, told = topic or self.example.topic, len(self.session.kept)
        records = list(self.decode(Raw(payload, topic, fields(self.example.template), NOW), self.session))
        for key in self.session.kept[told:]:
            self.kept.pop(key, None)
            self.kept[key] = (topic, payload)
        return records


def fields(template: str) -> dict[str, str]:
    """Some value for each placeholder that stands alone."""
    return {level.strip("{.}"): "x" for level in template.split("/") if level.startswith("{")}


def ended(line: Line, payload: bytes, topic: str | None = None) -> list[Record] | Refused:
    """What a message came to; any other exception fails the test."""
    try:
        records = line(payload, topic)
    except Refused as told:
        refused = told
    else:
        for record in records:
            assert_plain(record, line.speaks)
        return records
    assert refused.detail, payload[:50]
    return refused


def assert_plain(record: Record, speaks: bool) -> None:
    assert isinstance(record, dict)
    for key, value in record.items():
        assert isinstance(key, str)
        if speaks and key.startswith(("@thing", "@id", "@unit:", "@flag:", "@fault")):
            assert isinstance(value, str), f"{key} is text"
        else:
            assert isinstance(value, dict | list | str | int | float | bool | None), key


@each_format
def test_is_described(format_: Format) -> None:
    module = importlib.import_module(format_.decoder.__module__)
    assert (module.__doc__ or "").strip(), "the file has a docstring"
    assert module.__name__ == f"sensors.formats.{format_.name.replace('-', '_')}", "the file has the name of the format"
    assert format_.title
    assert format_.time is None or isinstance(format_.time, Time)
    assert format_.Options.model_config.get("extra") == "forbid"
    assert format_.Options.model_config.get("frozen")


@each_format
def test_stands_in_the_docs(format_: Format) -> None:
    rows = [row for row in DOCS.read_text().splitlines() if row.startswith(f"| `{format_.name}` |")]
    assert len(rows) == 1, f"add a row for {format_.name} to {DOCS.name}"
    options = set(re.findall(r"`(\w+)`", rows[0].rsplit("|", 2)[1]))
    assert options == set(format_.Options.model_fields)


def test_names_are_unique() -> None:
    files = [module.name for module in pkgutil.iter_modules(sensors.formats.__path__)]
    assert len(all_formats()) == len(files)


@each_format
def test_the_example_holds(format_: Format) -> None:
    assert Line(format_)(format_.example.payload) == [dict(record) for record in format_.example.records]


@each_format
def test_the_same_again_is_the_same(format_: Format) -> None:
    """A record belongs to whom it was given: what is done to it shows in no other."""
    line = Line(format_)
    first = line(format_.example.payload)
    for record in first:
        spoil(record)
    assert line(format_.example.payload) == [dict(record) for record in format_.example.records]


@each_format
def test_a_restart_forgets_nothing_that_was_kept(format_: Format) -> None:
    line = Line(format_)
    assert bool(line.kept) == bool(format_.example.before)
    again = Line(format_, line.kept.values())
    assert again(format_.example.payload) == [dict(record) for record in format_.example.records]


def spoil(value: Any) -> None:
    if isinstance(value, dict):
        for inner in value.values():
            spoil(inner)
        value.clear()
    elif isinstance(value, list):
        value.clear()


def cut(payload: bytes) -> Iterator[bytes]:
    for length in range(len(payload)):
        yield payload[:length]
        yield payload[length:]


def garbled(payload: bytes, chance: random.Random) -> Iterator[bytes]:
    """The payload with some bytes changed, left out or doubled."""
    for _ in range(300):
        spoilt = bytearray(payload)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(spoilt) or 1)
            spoilt[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        yield bytes(spoilt)


GARBAGE = (
    b"",
    b" \r\n\t",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"null",
    b"true",
    b"7",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 5_000,
    b'"text"',
    b"[]",
    b"{}",
    b"[null]",
    b"[[]]",
    b'{"a":null}',
    b'{"":""}',
    b'{"@time":1,"@thing":2,"@unit:a":3,"@fault":4}',
    b'{"a":"\\ud800"}',
    b"<observation/>",
    b"2020-01-01,4,5,6",
    b"##0000",
    bytes(range(256)),
)
DEEPLY = (
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b"[" * 900 + b"]" * 900,
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b"(" * DEEP,
    b"\x92\x01\x7f" * (DEEP // 3),
)
MEGABYTES = (
    b"0" * MEGABYTE,
    b"a" * MEGABYTE,
    b" " * MEGABYTE,
    b"\xff" * MEGABYTE,
    b"a|1|" * (MEGABYTE // 4),
    b"a=1;" * (MEGABYTE // 4),
    b"##0000&&" * (MEGABYTE // 8),
    b"1,2\n" * (MEGABYTE // 4),
    b'"' * MEGABYTE,
    b"[" + b"{}," * (MEGABYTE // 4) + b"{}]",
    b'{"a":"' + b"1" * MEGABYTE + b'"}',
)


@each_format
def test_a_message_cut_anywhere_ends_with_a_reason_or_records(format_: Format) -> None:
    line = Line(format_)
    for payload in cut(format_.example.payload):
        ended(line, payload)


@each_format
def test_garbage_ends_with_a_reason_or_records(format_: Format) -> None:
    chance = random.Random(1)
    line = Line(format_)
    for payload in (*GARBAGE, *(chance.randbytes(chance.randint(1, 200)) for _ in range(300))):
        ended(line, payload)
    for payload in garbled(format_.example.payload, chance):
        ended(line, payload)


@each_format
def test_garbled_announcements_end_with_a_reason_or_records(format_: Format) -> None:
    chance = random.Random(2)
    for topic, announcement in format_.example.before:
        line = Line(format_)
        for payload in (*cut(announcement), *GARBAGE, *DEEPLY, *garbled(announcement, chance)):
            ended(line, payload, topic)
            ended(line, format_.example.payload)


@each_format
def test_nothing_is_no_message(format_: Format) -> None:
    assert isinstance(ended(Line(format_), b""), Refused)


@each_format
def test_deep_nesting_ends_with_a_reason_or_records(format_: Format) -> None:
    line = Line(format_)
    for payload in DEEPLY:
        ended(line, payload)


@each_format
@pytest.mark.timeout(60)
def test_a_megabyte_ends(format_: Format) -> None:
    """Linear work for a message: quadratic would take minutes."""
    line = Line(format_)
    for payload in MEGABYTES:
        ended(line, payload)


@each_format
@pytest.mark.parametrize("topic", ["", "/", "a", "a/b/c/d/e/f/g/h", "x//y", "$SYS/x", "\udcff/x"], ids=ascii)
def test_another_topic_ends_with_a_reason_or_records(format_: Format, topic: str) -> None:
    line = Line(format_)
    ended(line, format_.example.payload, topic)

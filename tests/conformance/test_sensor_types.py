"""Every sensor type gives for its examples what it says, and survives whatever else is sent to it; found by scanning."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aedilis.settings import Settings
from aedilis.vocabulary import Reject, RejectReason
from ingest.mqtt import Message, Share
from ingest.placement import Placement
from ingest.reader import Reader
from sensors.batch import Batch, Channels
from sensors.compile import compile_type
from sensors.declaration import SensorType
from sensors.examples import check_examples
from sensors.registry import load

TYPES = load()
COMPILED = {name: compile_type(declared) for name, declared in TYPES.items()}
PLAIN = {
    name: declared
    for name, declared in TYPES.items()
    if declared.payload.format == "json" and declared.thing.name_from is None
}
"""Those of which a message can be taken apart and changed without asking a format."""
SETTINGS = Settings(home="")
NOW = time.time_ns() // 1000
each_type = pytest.mark.parametrize("declared", TYPES.values(), ids=TYPES)
each_plain_type = pytest.mark.parametrize("declared", PLAIN.values(), ids=PLAIN)


@each_type
def test_examples(declared: SensorType) -> None:
    check_examples(COMPILED[declared.name], NOW)


@each_type
def test_examples_show_each_property_and_what_goes_wrong(declared: SensorType) -> None:
    compiled = COMPILED[declared.name]
    shown = set()
    for one in declared.examples:
        if one.observations:
            decoded = compiled.decode(compiled.matches(one.topic) or {}, one.raw(), NOW, topic=one.topic)
            shown |= {observation.observed_property for observation in decoded.observations}
    assert shown == {prop.name for prop in declared.properties}
    wrong = [
        one for one in declared.examples if one.refused or one.rejects or any(o.quality > 1 for o in one.observations)
    ]
    assert wrong, "a device's faults are what one wants to know before it has them"
    assert declared.description


class Read(NamedTuple):
    """What came of one message."""

    rejects: Sequence[Reject]
    datastreams: list[str]


def through_ingest(payload: bytes, topic: str) -> Read:
    """As ingest reads it: every type is asked, nothing may be raised, and no fault may be ours. Twice, because the
    second time it takes the short way of what was seen before.
    """
    types = [*COMPILED.values()]
    channels, batch = Channels(types), Batch()
    share = Share(SETTINGS, types)
    reader = Reader(SETTINGS, "ingest-test", types, share, channels, Placement(SETTINGS), batch)
    message = Message(topic.encode("utf-8", "surrogateescape"), payload, NOW, 1, 1, 1)
    rejects = reader.read(message)
    assert rejects is not None
    first = channels.judged(batch)
    batch.clear()
    assert reader.read(message) == rejects
    for one, other in zip(first, channels.judged(batch), strict=True):
        np.testing.assert_array_equal(one, other)
    assert RejectReason.DECODER_FAILED not in {reject.reason for reject in rejects}
    silent = any(one.format_speaks and one.matches(topic) is not None for one in types)  # it may be an announcement
    assert rejects or len(batch) or silent, "gone without a word"
    for reject in rejects:
        assert all(problem.detail for problem in reject.problems)
        assert reject.payload_size == len(payload)
    return Read(rejects, [channels.seen[number].name for number in first.channel])


def good_payloads(declared: SensorType) -> list[tuple[str, bytes]]:
    """(topic, payload) of the examples that give observations; each type has some."""
    found = [(one.topic, one.raw()) for one in declared.examples if one.observations]
    assert found
    return found


def good_messages(declared: SensorType) -> list[tuple[str, dict[str, Any]]]:
    """(topic, content) of the same."""
    return [(topic, json.loads(payload)) for topic, payload in good_payloads(declared)]


def edited(declared: SensorType, key: str, value: object) -> list[tuple[str, bytes]]:
    """The good examples with this key set wherever it stands; `...` as value leaves the key out."""
    made = []
    for topic, content in good_messages(declared):
        records = content.get(declared.payload.records, []) if declared.payload.records else [content]
        for record in records:
            record.pop(key, None)
            if value is not ...:
                record[key] = value
        made.append((topic, json.dumps(content).encode()))
    return made


def reasons(read: Read) -> set[str]:
    return {str(problem.reason) for reject in read.rejects for problem in reject.problems}


@each_plain_type
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("9999-12-31T23:59:59Z", "time_out_of_range"),
        ("1969-12-31T00:00:00Z", "time_out_of_range"),
        ("0001-01-01T00:00:00Z", "time_out_of_range"),
        (10**15, "no_time"),
        (float("nan"), "no_time"),
        ("not a time", "no_time"),
        (None, "no_time"),
        ([], "no_time"),
        ({"a": 1}, "no_time"),
        (True, "no_time"),
        ("", "no_time"),
        (..., "no_time"),
    ],
    ids=str,
)
def test_bad_times(declared: SensorType, value: object, reason: str) -> None:
    for topic, payload in edited(declared, declared.time.field, value):
        read = through_ingest(payload, topic)
        assert reasons(read) == {reason}
        assert not read.datastreams


WRONG = ('"twelve"', '""', '"12"', "[]", "[1]", "{}", '{"a":1}', "true", "NaN", "-Infinity", "1e999", "9" * 5_000)
"""JSON tokens, and some that are none, where a number is declared."""


@each_plain_type
@pytest.mark.parametrize("token", WRONG, ids=lambda token: token[:9])
def test_a_wrong_value_is_told_and_the_others_arrive(declared: SensorType, token: str) -> None:
    compiled = COMPILED[declared.name]
    for prop in declared.properties:
        for (topic, raw), (_, content) in zip(
            edited(declared, prop.field or prop.name, "EDIT"), good_messages(declared), strict=True
        ):
            read = through_ingest(raw.replace(b'"EDIT"', token.encode()), topic)
            if prop.boolean and token == "true":
                assert "not_a_number" not in reasons(read)
                continue
            assert reasons(read) & {"not_a_number", "unknown_category"}
            before = compiled.decode(compiled.matches(topic) or {}, json.dumps(content).encode(), NOW).observations
            kept = {one.datastream_name for one in before if one.observed_property != prop.name}
            assert set(read.datastreams) == kept


GARBAGE = {
    "nothing": b"",
    "a brace": b"{",
    "no object": b"[1]",
    "null": b"null",
    "text": b'"text"',
    "empty object": b"{}",
    "NUL": b"\0",
    "NaN": b"NaN",
    "nested": b'{"a":' * 50_000,
    "nested lists": b"[" * 50_000,
    "no UTF-8": b"\xff\xfe",
    "no UTF-8 in text": b'{"time":"2020-01-01T00:00:00Z","zone":"\xff"}',
    "half a surrogate": b'{"time":"2020-01-01T00:00:00Z","zone":"\\ud800"}',
    "a megabyte": b'{"time":"' + b"1" * 1_000_000 + b'"}',
    "a megabyte of keys": json.dumps({f"k{i}": i for i in range(80_000)}).encode(),
    "XML": b"<observation/>",
    "CSV": b"2020-01-01,4,5,6",
    "protobuf": bytes(range(256)),
}


@each_type
@pytest.mark.parametrize("payload", GARBAGE.values(), ids=GARBAGE)
def test_garbage_ends_with_a_reason(declared: SensorType, payload: bytes) -> None:
    for topic in {topic for topic, _ in good_payloads(declared)}:
        read = through_ingest(payload, topic)
        assert not read.datastreams


@each_type
def test_a_truncated_message_ends_with_a_reason(declared: SensorType) -> None:
    topic, raw = good_payloads(declared)[0]
    text = {"invalid_json", "invalid_utf8"}
    allowed = {"hj212": {"invalid_payload", "bad_checksum"}}.get(declared.payload.format, text)
    for length in range(len(raw.rstrip()) - 4):
        read = through_ingest(raw[:length], topic)
        assert reasons(read) & allowed


@each_type
def test_a_message_that_is_too_long_is_refused_before_it_is_read(declared: SensorType) -> None:
    for topic, payload in good_payloads(declared):
        padded = payload.ljust(SETTINGS.max_message_bytes + 1)
        assert reasons(through_ingest(padded, topic)) == {"too_large"}
        assert through_ingest(padded[:-1], topic).datastreams


@each_plain_type
def test_a_field_that_is_not_declared_is_told_and_the_others_arrive(declared: SensorType) -> None:
    for topic, payload in edited(declared, "no such field", 7):
        read = through_ingest(payload, topic)
        assert "unknown_field" in reasons(read)
        assert read.datastreams


@each_type
@pytest.mark.parametrize("level", ["%FF", "%00", "", "x" * 500, "\udcff", "%0A"], ids=repr)
def test_names_that_are_none(declared: SensorType, level: str) -> None:
    for template in COMPILED[declared.name].templates:
        for topic, payload in good_payloads(declared):
            fields = template.match(topic)
            if fields is not None and "thing" in fields:
                named = template.fill({**fields, "thing": level}).replace("+", "x")
                assert reasons(through_ingest(payload, named)) <= {"invalid_utf8", "wrong_shape"}


@pytest.mark.parametrize("topic", ["", "/", "city", "city/demo", "city/demo/x/unheard", "x/y/z/a/b/c", "$SYS/broker"])
def test_unknown_topics(topic: str) -> None:
    assert reasons(through_ingest(b"{}", topic)) == {"unknown_topic"}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
CONTENT = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@each_plain_type
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_object_ends_somewhere(declared: SensorType, data: st.DataObject) -> None:
    keys = [prop.field or prop.name for prop in declared.properties]
    payload = declared.payload
    keys += [key for key in (payload.zone, payload.longitude, declared.time.field, *payload.labels) if key]
    record = data.draw(st.dictionaries(st.sampled_from(keys), CONTENT | st.just("2020-01-01T00:00:00Z"), max_size=8))
    content = {payload.records: [record]} if payload.records else record
    for topic, _ in good_messages(declared):
        through_ingest(json.dumps(content).encode(), topic)


def test_each_type_is_one_file_of_its_name() -> None:
    for name in TYPES:
        assert (Path(__file__).parents[2] / "sensors" / "types" / f"{name.replace('-', '_')}.toml").exists()


def test_the_page_of_the_types_shows_each() -> None:
    text = (Path(__file__).parents[2] / "docs" / "sensor-types.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:3] == "| `"]
    shown = {name.strip("`"): (format_.strip("`"), topic) for name, _, format_, topic in rows}
    assert shown == {
        name: (one.payload.format, ", ".join(f"`{topic}`" for topic in one.topics)) for name, one in TYPES.items()
    }

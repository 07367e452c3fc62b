"""What came in is read back as it came, and topics are chosen by an MQTT filter."""

from __future__ import annotations

import pytest

from ingest.mqtt import Message
from kept.raw import RECORD_BYTES, RawMessage, pack, topic_filter, unpack


def message(payload: bytes, number: int = 0, retained: bool = False) -> Message:
    return Message(f"p/t/{number}".encode(), payload, 100 + number, 1, 1, 1, retained)


def test_messages_come_back_as_they_came() -> None:
    came = [message(b"\xff\0", 0), message(b"", 1, True), message(b"x", 2)]
    (record,) = pack(came, 2, 100)
    assert list(unpack(record)) == [
        RawMessage("t/0", b"\xff\0", 100, False),
        RawMessage("t/1", b"", 101, True),
        RawMessage("t/2", b"x", 102, False),
    ]


def test_much_becomes_several_records_in_order() -> None:
    came = [message(b"x" * 100_000, number) for number in range(20)]
    records = list(pack(came, 2, 200_000))
    assert len(records) > 3
    assert all(len(record) < RECORD_BYTES + 10_000 for record in records)
    assert [one.received_at for record in records for one in unpack(record)] == [100 + n for n in range(20)]


def test_what_is_too_long_stays_too_long_and_takes_no_more_room() -> None:
    (record,) = pack([message(b"x" * 5000), message(b"x" * 1000, 1)], 2, 1000)
    assert [len(one.payload) for one in unpack(record)] == [1001, 1000]


@pytest.mark.parametrize(
    ("text", "topic", "fits"),
    [
        ("#", "any/thing", True),
        ("city/#", "city/demo/air", True),
        ("city/#", "city", True),
        ("city/#", "citys/x", False),
        ("city/+/x/air", "city/demo/x/air", True),
        ("city/+/air", "city/demo/x/air", False),
        ("a.b/c", "axb/c", False),
        ("a/+", "a/\n", True),
    ],
)
def test_topic_filter(text: str, topic: str, fits: bool) -> None:
    assert bool(topic_filter(text).fullmatch(topic)) is fits

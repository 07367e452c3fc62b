"""A reject that comes again is read with its original time, by who holds its topic, and is not counted again."""

from __future__ import annotations

import json

import msgspec

from aedilis.settings import Settings
from aedilis.vocabulary import Envelope, RejectReason
from ingest.framer import Framer
from ingest.mqtt import Message, Share
from ingest.reader import Reader
from ingest.redrive import Redriver
from tests.unit.ingest.making import AIR, SOIL, Making

NOW = 1_700_000_000_000_000
RECEIVED = NOW - 5_000_000
GOOD = json.dumps({"time": "2023-11-01T00:00:00Z", "x": 1}).encode()


class Ingest(Making):
    """A process that reads what comes again."""

    def __init__(self, **settings: object) -> None:
        super().__init__()
        given = Settings(home="", mqtt_prefix="p/", **settings)  # type: ignore[arg-type]
        share = Share(given, [AIR, SOIL])
        framer: Framer = self.framer
        reader = Reader(given, "ingest-1", [AIR, SOIL], share, self.channels, self.placement, framer.batch)
        self.redriver = Redriver(given, "ingest-1", reader, framer)

    def read(
        self, payload: bytes, topic: str = "city/demo/t/test", at: int = RECEIVED, partition: int = 3
    ) -> list[object]:
        raw = msgspec.msgpack.encode(Envelope(topic, payload, at, partition, 7, "run"))
        outcomes = self.redriver.read(Message(b"p/aedilis/redrive/run", raw, NOW, 1, 1, 1))
        return [
            (
                one.run,
                one.partition,
                one.offset,
                one.observations,
                [problem.reason for problem in one.problems],
                one.whole,
            )
            for one in outcomes
        ]

    def times(self) -> list[int]:
        return list(self.framer.batch.records[4::5])


def test_it_is_read_with_the_time_at_which_it_came_first() -> None:
    ingest = Ingest()
    assert ingest.read(GOOD) == [("run", 3, 7, 1, [], False)]
    assert ingest.times() == [RECEIVED]
    assert (ingest.framer.messages, ingest.framer.messages_rejected, ingest.framer.observations_rejected) == (0, 0, 0)


def test_nobody_brings_a_time_that_has_not_come() -> None:
    ingest = Ingest()
    ingest.read(GOOD, at=NOW + 10)
    assert ingest.read(GOOD, at=-1) == [("run", 3, 7, 0, [RejectReason.TIME_OUT_OF_RANGE], True)]
    assert ingest.times() == [NOW]


def test_what_is_refused_again_says_why() -> None:
    ingest = Ingest()
    assert ingest.read(b"{") == [("run", 3, 7, 0, [RejectReason.INVALID_JSON], True)]
    part = json.dumps({"time": "2023-11-01T00:00:00Z", "x": 1, "z": 1}).encode()
    assert ingest.read(part) == [("run", 3, 7, 1, [RejectReason.UNKNOWN_FIELD], False)]
    assert (ingest.framer.messages, ingest.framer.messages_rejected, ingest.framer.observations_rejected) == (0, 0, 0)


def test_who_does_not_hold_the_topic_says_nothing() -> None:
    ingest = Ingest(agencies=("other",))
    assert ingest.read(GOOD) == []
    assert len(Ingest(agencies=("demo",)).read(GOOD)) == 1
    assert Ingest(agencies=("!demo",)).read(GOOD) == []


def test_what_is_no_envelope_is_left_alone() -> None:
    ingest = Ingest()
    assert ingest.redriver.read(Message(b"p/aedilis/redrive/x", b"garbage", NOW, 1, 1, 1)) == ()
    assert ingest.read(GOOD, partition=99) == []
    assert not len(ingest.framer.batch)

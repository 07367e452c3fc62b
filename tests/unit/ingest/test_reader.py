"""Each message finds its type or its reason; what is kept of a reject is bounded."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from aedilis.settings import Settings
from aedilis.vocabulary import Reject, RejectReason
from ingest.datastreams import Datastreams
from ingest.mqtt import Message, Share
from ingest.placement import Placement
from ingest.reader import Reader
from registry.things import Entry
from sensors.batch import Batch, Channels
from sensors.device import Device
from tests.unit.sensors.declaring import RECEIVED, compiled

GOOD = {"time": "2026-06-01T00:00:00Z", "value": 1}
AIR = compiled(name="air", topic="city/{agency}/{thing}/air")
SOIL = compiled({"name": "moisture", "unit": "%"}, name="soil", topic="soil/{thing}/{agency}")


class Read(NamedTuple):
    """What came of one message."""

    rejects: Sequence[Reject]
    read: list[tuple[str, str, str, str]]
    """(type, agency, thing, name) of each observation"""


def read(payload: Any, topic: str | bytes = "city/demo/t/air", **settings: Any) -> Read:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    named = topic if isinstance(topic, bytes) else topic.encode()
    given = Settings(home="", **settings)
    channels, batch, placement = Channels([AIR, SOIL]), Batch(), Placement(given)
    share = Share(given, [AIR.topic, SOIL.topic])
    reader = Reader(given, "ingest-1", [AIR, SOIL], share, channels, placement, batch)
    message = Message(named, raw, RECEIVED, 1, 1, 1)
    first = reader.read(message)
    assert first is not None
    read = [channels.seen[number] for number in batch.channel]
    batch.clear()
    assert reader.read(message) == first, "the second time, from what is remembered"
    assert [channels.seen[number] for number in batch.channel] == read
    for one in read:
        assert placement.home(one.agency, one.thing)
    return Read(first, [(one.kind.name, one.agency, one.thing, one.name) for one in read])


def test_the_topic_finds_the_type() -> None:
    assert read(GOOD).read == [("air", "demo", "t", "value")]
    found = read({"time": GOOD["time"], "moisture": 1}, "soil/bed/north")
    assert found == ((), [("soil", "north", "bed", "moisture")])


@pytest.mark.parametrize(
    ("payload", "topic", "reason", "sensor_type"),
    [
        (GOOD, "city/demo/t/water", RejectReason.UNKNOWN_TOPIC, None),
        (GOOD, "", RejectReason.UNKNOWN_TOPIC, None),
        (GOOD, b"city/demo/\xff/air", RejectReason.INVALID_UTF8, None),
        (GOOD, "city/demo/%FF/air", RejectReason.INVALID_UTF8, "air"),
        (b"{", "city/demo/t/air", RejectReason.INVALID_JSON, "air"),
        (b"x" * 262_145, "city/demo/t/air", RejectReason.TOO_LARGE, "air"),
        ([], "city/demo/t/air", RejectReason.WRONG_SHAPE, "air"),
    ],
)
def test_refused_whole(payload: Any, topic: str | bytes, reason: RejectReason, sensor_type: str | None) -> None:
    found = read(payload, topic)
    assert not found.read
    (reject,) = found.rejects
    assert (reject.reason, reject.sensor_type, reject.value_path, reject.observations) == (reason, sensor_type, None, 0)
    assert (reject.process, reject.received_at) == ("ingest-1", RECEIVED)
    assert reject.detail


def test_a_value_refused_is_one_observation_refused() -> None:
    found = read({**GOOD, "other": 5})
    assert len(found.read) == 1
    (reject,) = found.rejects
    assert (reject.reason, reject.value_path, reject.observations) == (RejectReason.UNKNOWN_FIELD, "$.other", 1)


def test_of_a_reject_the_first_bytes_are_kept() -> None:
    (reject,) = read(b"x" * 500, reject_keep_bytes=100).rejects
    assert (reject.payload, reject.payload_size) == (b"x" * 100, 500)


def test_the_limit_is_the_last_length_taken() -> None:
    raw = json.dumps(GOOD).encode()
    assert read(raw, max_message_bytes=len(raw)).read
    assert read(raw, max_message_bytes=len(raw) - 1).rejects[0].reason == RejectReason.TOO_LARGE


def test_a_prefix_is_taken_off() -> None:
    assert read(GOOD, "t1/city/demo/t/air", mqtt_prefix="t1/").read


def test_a_fault_of_ours_keeps_the_bytes_and_leaves_nothing_half_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(device: Device, payload: bytes, received_at: int, batch: Batch) -> list[Any]:
        batch.channel.append(7)
        raise ZeroDivisionError("what")

    monkeypatch.setattr(Device, "read", fail)
    found = read(GOOD)
    (reject,) = found.rejects
    assert reject.reason == RejectReason.DECODER_FAILED
    assert "ZeroDivisionError: what" in reject.detail
    assert json.loads(reject.payload) == GOOD
    assert not found.read


def test_a_fault_of_ours_in_the_middle_of_a_new_thing_does_not_stop_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Settings(home="")
    channels, batch, placement = Channels([AIR]), Batch(), Placement(given)
    reader = Reader(given, "i", [AIR], Share(given, [AIR.topic]), channels, placement, batch)
    monkeypatch.setattr(Device, "_exactly", lambda device, *_: [device._channel(0, ())][1])
    message = Message(b"city/demo/new/air", json.dumps(GOOD).encode(), RECEIVED, 1, 1, 1)
    assert [reject.reason for reject in reader.read(message) or ()] == [RejectReason.DECODER_FAILED]
    assert len(channels.seen) == 1
    assert len(Datastreams(channels, placement).table().id) == 1


def test_topics_that_never_give_an_observation_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.reader.STRANGERS", 10)
    given = Settings(home="")
    channels, batch = Channels([AIR]), Batch()
    reader = Reader(given, "ingest-1", [AIR], Share(given, [AIR.topic]), channels, Placement(given), batch)
    raw = json.dumps(GOOD).encode()
    for i in range(100):
        reader.read(Message(f"city/demo/x{i}/air".encode(), b"{", RECEIVED, 1, 1, 1))
        reader.read(Message(b"city/demo/t/air", raw, RECEIVED, 1, 1, 1))
    assert len(reader._strangers) <= 10
    assert len(channels.seen) == 1
    assert len(batch) == 100


def test_two_types_of_one_thing_take_turns_at_its_place() -> None:
    soil = compiled(
        {"name": "moisture", "unit": "%"}, name="soil", topic="soil/{thing}/{agency}", payload={"zone": "zone"}
    )
    given = Settings(home="")
    channels, batch, placement = Channels([AIR, soil]), Batch(), Placement(given)
    reader = Reader(given, "i", [AIR, soil], Share(given, [AIR.topic, soil.topic]), channels, placement, batch)
    zones = []
    for topic, content in (
        ("city/demo/t/air", GOOD),
        ("soil/t/demo", {"time": GOOD["time"], "moisture": 1, "zone": "north"}),
        ("city/demo/t/air", GOOD),
        ("soil/t/demo", {"time": GOOD["time"], "moisture": 1, "zone": "south"}),
        ("soil/t/demo", {"time": GOOD["time"], "moisture": 1, "zone": 5}),
    ):
        reader.read(Message(topic.encode(), json.dumps(content).encode(), RECEIVED, 1, 1, 1))
        zones.append(placement.home("demo", "t").placed.thing.zone)
    assert zones == ["demo/unplaced", "demo/north", "demo/north", "demo/south", "demo/south"]


def test_a_thing_that_waits_is_refused_whole_and_is_let_in_when_it_is_approved() -> None:
    strict = compiled(name="air", topic="city/{agency}/{thing}/air", thing={"appear": "approved"})
    given = Settings(home="")
    channels, batch, placement = Channels([strict]), Batch(), Placement(given)
    reader = Reader(given, "i", [strict], Share(given, [strict.topic]), channels, placement, batch)
    message = Message(b"city/demo/t/air", json.dumps(GOOD).encode(), RECEIVED, 1, 1, 1)

    def reasons() -> list[str]:
        return [reject.reason for reject in reader.read(message) or ()]

    assert reasons() == reasons() == [RejectReason.NOT_APPROVED]
    assert (len(channels.seen), len(batch)) == (0, 0)
    placement.tell(Entry("demo", "t", approved=True))
    assert reasons() == reasons() == []
    placement.tell(Entry("demo", "t", approved=False))
    assert reasons() == [RejectReason.NOT_APPROVED]
    assert len(batch) == 2


def test_a_thing_is_where_it_says_since_the_time_of_what_it_says() -> None:
    kind = compiled(name="air", topic="city/{agency}/{thing}/air", payload={"zone": "zone"})
    given = Settings(home="")
    channels, batch, placement = Channels([kind]), Batch(), Placement(given)
    reader = Reader(given, "i", [kind], Share(given, [kind.topic]), channels, placement, batch)
    for minute, zone in ((0, "north"), (1, "north"), (2, "south")):
        content = {"time": f"2026-06-01T00:{minute:02d}:00Z", "value": 1, "zone": zone}
        reader.read(Message(b"city/demo/t/air", json.dumps(content).encode(), RECEIVED, 1, 1, 1))
    assert placement.home("demo", "t").placed.thing.since == RECEIVED + 2 * 60_000_000

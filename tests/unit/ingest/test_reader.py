"""Each message finds its type or its reason; what is kept of a reject is bounded."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from aedilis.settings import Settings
from aedilis.vocabulary import Reject, RejectReason
from ingest.announcements import Announcement
from ingest.datastreams import Datastreams
from ingest.mqtt import Message, Share
from ingest.placement import Placement
from ingest.reader import PROBLEMS, Reader
from registry.things import Entry
from sensors.batch import Batch, Channels
from sensors.compile import CompiledType
from sensors.device import Device
from sensors.formats.sparkplug_b import encode
from tests.unit.sensors.declaring import RECEIVED, compiled
from tests.unit.sensors.speaking import speaking as speaking

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
    share = Share(given, [AIR, SOIL])
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
    assert (reject.reason, reject.sensor_type, reject.whole, reject.observations) == (reason, sensor_type, True, 0)
    assert (reject.process, reject.received_at) == ("ingest-1", RECEIVED)
    assert [problem.path for problem in reject.problems] == [None]
    assert reject.problems[0].detail


def test_a_value_refused_is_one_observation_refused() -> None:
    found = read({**GOOD, "other": 5})
    assert len(found.read) == 1
    (reject,) = found.rejects
    (problem,) = reject.problems
    assert (problem.reason, problem.path, problem.count) == (RejectReason.UNKNOWN_FIELD, "$.other", 1)
    assert (reject.whole, reject.observations) == (False, 1)


def test_a_message_is_one_reject_with_all_its_problems() -> None:
    (reject,) = read({**GOOD, **{f"other{i}": 5 for i in range(PROBLEMS + 30)}}).rejects
    assert [problem.path for problem in reject.problems] == [*(f"$.other{i}" for i in range(PROBLEMS)), None]
    assert (reject.problems[-1].count, reject.observations) == (30, PROBLEMS + 30)


def test_a_reject_is_kept_whole_unless_it_is_longer_than_what_is_taken() -> None:
    (reject,) = read(b"x" * 5000, reject_keep_bytes=100).rejects
    assert (reject.payload, reject.payload_size) == (b"x" * 5000, 5000)
    (reject,) = read(b"x" * 5000, max_message_bytes=1000).rejects
    assert (reject.payload, reject.payload_size) == (b"x" * 1000, 5000)


def test_a_reject_names_its_topic_without_the_prefix() -> None:
    assert read(b"{", "t1/city/demo/t/air", mqtt_prefix="t1/").rejects[0].topic == "city/demo/t/air"


def test_the_limit_is_the_last_length_taken() -> None:
    raw = json.dumps(GOOD).encode()
    assert read(raw, max_message_bytes=len(raw)).read
    assert read(raw, max_message_bytes=len(raw) - 1).rejects[0].reason == RejectReason.TOO_LARGE


def test_a_prefix_is_taken_off() -> None:
    assert read(GOOD, "t1/city/demo/t/air", mqtt_prefix="t1/").read


def test_a_fault_of_ours_keeps_the_bytes_and_leaves_nothing_half_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(device: Device, payload: bytes, received_at: int, batch: Batch, retained: bool) -> list[Any]:
        batch.channel.append(7)
        raise ZeroDivisionError("what")

    monkeypatch.setattr(Device, "read", fail)
    found = read(GOOD)
    (reject,) = found.rejects
    assert reject.reason == RejectReason.DECODER_FAILED
    assert "ZeroDivisionError: what" in reject.problems[0].detail
    assert json.loads(reject.payload) == GOOD
    assert not found.read


def test_a_fault_of_ours_in_the_middle_of_a_new_thing_does_not_stop_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Settings(home="")
    channels, batch, placement = Channels([AIR]), Batch(), Placement(given)
    reader = Reader(given, "i", [AIR], Share(given, [AIR]), channels, placement, batch)
    monkeypatch.setattr(Device, "_exactly", lambda device, *_: [device._channel(0, ())][1])
    message = Message(b"city/demo/new/air", json.dumps(GOOD).encode(), RECEIVED, 1, 1, 1)
    assert [reject.reason for reject in reader.read(message) or ()] == [RejectReason.DECODER_FAILED]
    assert len(channels.seen) == 1
    assert len(Datastreams(channels, placement).table().id) == 1


def test_topics_that_never_give_an_observation_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.reader.STRANGERS", 10)
    given = Settings(home="")
    channels, batch = Channels([AIR]), Batch()
    reader = Reader(given, "ingest-1", [AIR], Share(given, [AIR]), channels, Placement(given), batch)
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
    reader = Reader(given, "i", [AIR, soil], Share(given, [AIR, soil]), channels, placement, batch)
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
    reader = Reader(given, "i", [strict], Share(given, [strict]), channels, placement, batch)
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
    reader = Reader(given, "i", [kind], Share(given, [kind]), channels, placement, batch)
    for minute, zone in ((0, "north"), (1, "north"), (2, "south")):
        content = {"time": f"2026-06-01T00:{minute:02d}:00Z", "value": 1, "zone": zone}
        reader.read(Message(b"city/demo/t/air", json.dumps(content).encode(), RECEIVED, 1, 1, 1))
    assert placement.home("demo", "t").placed.thing.since == RECEIVED + 2 * 60_000_000


# ------------------------------------------------------------ formats


class Ingest:
    """A reader of these types, and what it has read."""

    def __init__(self, *types: CompiledType, **settings: Any) -> None:
        given = Settings(home="", **settings)
        self.channels, self.batch, self.placement = Channels(), Batch(), Placement(given)
        share = Share(given, types)
        self.reader = Reader(given, "i", types, share, self.channels, self.placement, self.batch)

    def read(self, topic: str, content: Any, retained: bool = False) -> list[str] | None:
        """The reasons of what was refused."""
        return self.hear(topic, json.dumps(content).encode(), retained)

    def hear(self, topic: str, raw: bytes, retained: bool = False) -> list[str] | None:
        """Likewise, of bytes."""
        found = self.reader.read(Message(topic.encode(), raw, RECEIVED, 1, 1, 1, retained))
        return None if found is None else [str(reject.reason) for reject in found]

    def seen(self) -> list[tuple[str, str, float]]:
        """(type, Thing, result) of all that was read, each Thing placed."""
        columns = self.channels.judged(self.batch)
        assert len(Datastreams(self.channels, self.placement).table().id) == len(self.channels.seen)
        of = [self.channels.seen[number] for number in columns.channel]
        return [(one.kind.name, one.thing, result) for one, result in zip(of, columns.result.tolist(), strict=True)]


def speaks(**thing: str) -> CompiledType:
    topics = ["s/{agency}/{thing}", "birth/{agency}/{thing}"]
    return compiled(name="speaks", topic=topics, payload={"format": "speaking"}, thing=thing)


def test_one_message_is_of_several_things_and_each_is_placed() -> None:
    ingest = Ingest(speaks(), AIR)
    records = [{"@thing": name, "value": i, "@longitude": i, "@latitude": 1} for i, name in enumerate("aba")]
    for _ in range(2):
        assert ingest.read("s/demo/hub", records) == []
    assert ingest.seen() == [("speaks", "a", 0.0), ("speaks", "b", 1.0), ("speaks", "a", 2.0)] * 2
    locations = [ingest.placement.home("demo", name).placed.thing.location for name in "ab"]
    assert [location and location.longitude for location in locations] == [2.0, 1.0]
    assert ingest.read("s/demo/hub", [{**records[1], "@longitude": 9}]) == []
    moved = ingest.placement.home("demo", "b").placed.thing.location
    assert moved is not None
    assert moved.longitude == 9.0


def test_of_the_things_of_a_message_those_that_wait_are_refused_and_the_others_pass() -> None:
    ingest = Ingest(speaks(appear="approved"))
    ingest.placement.tell(Entry("demo", "a", approved=True))
    records = [{"@thing": name, "value": 1} for name in "ab"]
    assert ingest.read("s/demo/hub", records) == ["not_approved"]
    assert ingest.read("s/demo/hub", records[1:]) == ["not_approved"]
    assert ingest.seen() == [("speaks", "a", 1.0)]
    ingest.placement.tell(Entry("demo", "b", approved=True))
    assert ingest.read("s/demo/hub", records) == []


def test_a_thing_behind_two_topics_has_its_datastreams_once() -> None:
    ingest = Ingest(speaks())
    for topic in ("s/demo/one", "s/demo/two", "s/other/one"):
        assert ingest.read(topic, [{"@thing": "a", "value": 1}]) == []
    assert [channel.agency for channel in ingest.channels.seen] == ["demo", "other"]
    assert not ingest.reader._strangers


def test_who_gives_no_observation_is_not_placed() -> None:
    ingest = Ingest(speaks())
    assert ingest.read("s/demo/hub", [{"@thing": "a", "value": 1}, {"@thing": "b", "@time": "soon"}]) == ["no_time"]
    assert ingest.read("s/demo/hub", [{"@thing": "c", "other": 1}]) == ["unknown_field"]
    ingest.placement.home("demo", "a")
    with pytest.raises(KeyError):
        ingest.placement.home("demo", "b")


def test_a_fault_of_ours_behind_a_gateway_leaves_nothing_half_read(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = Ingest(speaks())
    whole = Device._exactly

    def fail(device: Device, record: Any, *rest: Any) -> Any:
        found = whole(device, record, *rest)
        if device.thing == "b":
            raise ZeroDivisionError
        return found

    monkeypatch.setattr(Device, "_exactly", fail)
    records = [{"@thing": name, "value": 1} for name in "ab"]
    assert ingest.read("s/demo/hub", records) == ["decoder_failed"]
    assert ingest.seen() == []


def test_announcements_are_kept_and_requests_told() -> None:
    ingest = Ingest(speaks(), mqtt_prefix="p/")
    assert ingest.read("p/birth/demo/x", {"announce": "k1", "ask": "cmd/x"}) == []
    assert ingest.read("p/birth/demo/x", {"announce": "k1"}) == []
    assert ingest.read("p/birth/demo/y", {"announce": "k2"}) == []
    assert {key: (one.topic, json.loads(one.payload)) for key, one in ingest.reader.announcements.items()} == {
        "speaking|k1": ("birth/demo/x", {"announce": "k1"}),
        "speaking|k2": ("birth/demo/y", {"announce": "k2"}),
    }
    assert ingest.reader.requests == [("cmd/x", b"again")]
    assert ingest.read("p/s/demo/x", [{"knows": "k1"}, {"knows": "k3"}]) == []
    assert [result for _, _, result in ingest.seen()] == [float(RECEIVED), -1.0]


def test_after_a_restart_announcements_come_first() -> None:
    ingest = Ingest(speaks(), AIR)
    broken = [
        Announcement("birth/demo/x", b"{", 1),
        Announcement("gone/x", b"{}", 1),
        Announcement("city/a/b/air", b"", 1),
    ]
    ingest.reader.recall([*broken, Announcement("birth/demo/x", b'{"announce": "k", "ask": "cmd/x"}', 77)])
    assert (ingest.reader.announcements, ingest.reader.requests) == ({}, [])
    assert ingest.read("s/demo/x", [{"knows": "k"}]) == []
    assert ingest.seen() == [("speaks", "x", 77.0)]
    assert (ingest.reader.announcements, ingest.reader.requests) == ({}, [])


def test_a_birth_that_is_recalled_gives_its_values_no_second_time() -> None:
    kind = compiled(
        {"name": "temperature", "unit": "Cel"},
        name="spark",
        topic=["spBv1.0/{agency}/{message}/{node}", "spBv1.0/{agency}/{message}/{node}/{device}"],
        payload={"format": "sparkplug-b"},
    )
    at = RECEIVED // 1000
    number = {"name": b"bdSeq", "datatype": 4, "long_value": 0}
    told = {"name": b"temperature", "alias": 1, "datatype": 9, "float_value": 4.5}
    data = encode({"alias": 1, "float_value": 5.5}, timestamp=at, seq=1)
    before = Ingest(kind)
    assert before.hear("spBv1.0/demo/NBIRTH/n", encode(number, told, timestamp=at, seq=0)) == []
    assert before.seen() == [("spark", "n", 4.5)]
    after = Ingest(kind)
    after.reader.recall(before.reader.announcements.values())
    assert (after.seen(), len(after.batch.records), after.channels.seen) == ([], 0, [])
    assert after.hear("spBv1.0/demo/NDATA/n", data) == []
    assert after.seen() == [("spark", "n", 5.5)]


def test_a_fault_of_ours_in_what_is_recalled_does_not_stop_the_start() -> None:
    ingest = Ingest(speaks())
    faulty = Announcement("birth/demo/x", b'{"nothing": "announced"}', 1)
    ingest.reader.recall([faulty, Announcement("birth/demo/x", b'{"announce": "k"}', 77)])
    assert ingest.read("s/demo/x", [{"knows": "k"}]) == []
    assert ingest.seen() == [("speaks", "x", 77.0)]


def test_a_retained_message_without_a_time_is_a_reject() -> None:
    ingest = Ingest(speaks())
    assert ingest.read("s/demo/x", [{"value": 1}], retained=True) == ["retained_without_time"]
    assert ingest.read("s/demo/x", [{"value": 1, "@time": RECEIVED}], retained=True) == []


def test_the_more_literal_topic_reads() -> None:
    everything = compiled(name="everything", topic="{agency}/{thing}/#")
    ingest = Ingest(everything, compiled(name="air", topic="city/{agency}/{thing}/air"))
    for topic in ("city/demo/t/air", "city/demo/t/x"):
        assert ingest.read(topic, GOOD) == []
    assert ingest.seen() == [("air", "t", 1.0), ("everything", "demo", 1.0)]


def test_two_processes_read_a_topic_of_a_fixed_agency_once() -> None:
    fixed = compiled(name="fixed", topic="sensors/{thing}", thing={"agency": "south"})
    read = [Ingest(fixed, agencies=agencies).read("sensors/t", GOOD) for agencies in (("south",), ("!south",), ())]
    assert read == [[], None, []]


class Switching:
    """A reader whose types change."""

    def __init__(self) -> None:
        given = Settings(home="")
        self.channels, self.batch = Channels([AIR, SOIL]), Batch()
        self.share = Share(given, [AIR, SOIL])
        args = (self.channels, Placement(given), self.batch)
        self.reader = Reader(given, "ingest-1", [AIR, SOIL], self.share, *args)

    def kind_of(self, topic: str, payload: Any = GOOD) -> str:
        """What reads a message, `type@version`, or the reason why none does."""
        self.batch.clear()
        found = self.reader.read(Message(topic.encode(), json.dumps(payload).encode(), RECEIVED, 1, 1, 1))
        assert found is not None
        if found:
            return str(found[0].reason)
        kind = self.channels.seen[self.batch.channel[0]].kind
        return f"{kind.name}@{kind.version}"


def test_a_new_version_reads_what_the_old_one_read_and_nothing_else_changes() -> None:
    here = Switching()
    moist = {"time": GOOD["time"], "moisture": 1}
    before = [here.kind_of("city/demo/t/air"), here.kind_of("soil/bed/north", moist), here.kind_of("city/demo/t/sea")]
    assert before == ["air@2", "soil@2", "unknown_topic"]
    seen = len(here.channels.seen)
    newer = compiled({"name": "value", "unit": "1", "fail": [0, 9]}, name="air", version=3, topic=AIR.declared.topic)
    sea = compiled(name="sea", topic="city/{agency}/{thing}/sea")
    here.reader.use([newer, SOIL, sea], here.share)
    after = [here.kind_of("city/demo/t/air"), here.kind_of("soil/bed/north", moist), here.kind_of("city/demo/t/sea")]
    assert after == ["air@3", "soil@2", "sea@2"]
    assert len(here.channels.seen) == seen + 2, "of soil nothing is seen anew"
    here.reader.use([newer], here.share)
    assert here.kind_of("soil/bed/north", moist) == here.kind_of("city/demo/t/sea") == "unknown_topic"


def test_what_came_later_is_judged_by_its_own_rules() -> None:
    here = Switching()
    assert here.kind_of("city/demo/t/air") == "air@2"
    newer = compiled({"name": "value", "unit": "1", "fail": [5, 9]}, name="air", version=3, topic=AIR.declared.topic)
    here.reader.use([newer], here.share)
    assert here.kind_of("city/demo/t/air") == "air@3"
    assert here.channels.judged(here.batch).quality.tolist() == [4]

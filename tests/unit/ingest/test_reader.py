"""Each message finds its type or its reason; what is kept of a reject is bounded."""

import json
from typing import Any

import pytest

from aedilis.settings import Settings
from aedilis.vocabulary import RejectReason
from ingest.mqtt import Message, Share
from ingest.reader import Read, Reader
from sensors.compile import CompiledType
from tests.unit.sensors.declaring import RECEIVED, compiled

GOOD = {"time": "2026-06-01T00:00:00Z", "value": 1}
AIR = compiled(name="air", topic="city/{agency}/{thing}/air")
SOIL = compiled({"name": "moisture", "unit": "%"}, name="soil", topic="soil/{thing}/{agency}")


def read(payload: Any, topic: str | bytes = "city/demo/t/air", **settings: Any) -> Read:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    named = topic if isinstance(topic, bytes) else topic.encode()
    given = Settings(home="", **settings)
    reader = Reader(given, "ingest-1", [AIR, SOIL], Share(given, [AIR.topic, SOIL.topic]))
    message = Message(named, raw, RECEIVED, 1, 1, 1)
    first, second = reader.read(message), reader.read(message)
    assert first is not None
    assert first == second, "the second time, from the cache"
    return first


def test_the_topic_finds_the_type() -> None:
    assert read(GOOD).compiled is AIR
    found = read({"time": GOOD["time"], "moisture": 1}, "soil/bed/north")
    assert found.compiled is SOIL
    assert found.decoded is not None
    assert (found.decoded.agency, found.decoded.thing) == ("north", "bed")


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
    assert found.decoded is None
    (reject,) = found.rejects
    assert (reject.reason, reject.sensor_type, reject.value_path, reject.observations) == (reason, sensor_type, None, 0)
    assert (reject.process, reject.received_at) == ("ingest-1", RECEIVED)
    assert reject.detail


def test_a_value_refused_is_one_observation_refused() -> None:
    found = read({**GOOD, "other": 5})
    assert found.decoded is not None
    assert len(found.decoded.observations) == 1
    (reject,) = found.rejects
    assert (reject.reason, reject.value_path, reject.observations) == (RejectReason.UNKNOWN_FIELD, "$.other", 1)


def test_of_a_reject_the_first_bytes_are_kept() -> None:
    (reject,) = read(b"x" * 500, reject_keep_bytes=100).rejects
    assert (reject.payload, reject.payload_size) == (b"x" * 100, 500)


def test_the_limit_is_the_last_length_taken() -> None:
    raw = json.dumps(GOOD).encode()
    assert read(raw, max_message_bytes=len(raw)).decoded is not None
    assert read(raw, max_message_bytes=len(raw) - 1).rejects[0].reason == RejectReason.TOO_LARGE


def test_a_prefix_is_taken_off() -> None:
    assert read(GOOD, "t1/city/demo/t/air", mqtt_prefix="t1/").compiled is AIR


def test_a_fault_of_ours_keeps_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("what")

    monkeypatch.setattr(CompiledType, "decode", fail)
    (reject,) = read(GOOD).rejects
    assert reject.reason == RejectReason.DECODER_FAILED
    assert "ZeroDivisionError: what" in reject.detail
    assert json.loads(reject.payload) == GOOD

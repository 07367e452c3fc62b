"""A small sensor type for the tests of this folder, and what it reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sensors.compile import CompiledType, Decoded, Refused, compile_type
from sensors.declaration import SensorType

RECEIVED = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1e6)
TOPIC = {"agency": "demo", "thing": "t"}


def declare(*properties: dict[str, Any], **parts: Any) -> SensorType:
    """A type with these properties, `value` if none is given; `parts` are other tables of the declaration."""
    whole = {
        "name": "test-type",
        "version": 2,
        "title": "Test",
        "topic": "city/{agency}/{thing}/test",
        "interval_s": 60,
        "properties": properties or ({"name": "value", "unit": "1"},),
        "examples": ({"topic": "city/demo/t/test", "payload": "{}"},),
        **parts,
    }
    return SensorType.model_validate(whole)


def read(compiled: CompiledType, payload: Any, **topic: str) -> Decoded:
    """Decode a payload, given as bytes or as what becomes JSON."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return compiled.decode({**TOPIC, **topic}, raw, RECEIVED)


def refusal(compiled: CompiledType, payload: Any, **topic: str) -> str:
    """The reason for which a payload is refused, or `taken`."""
    try:
        read(compiled, payload, **topic)
    except Refused as error:
        refused = error
    else:
        return "taken"
    assert 0 < len(refused.detail) < 400
    return str(refused.reason)


def compiled(*properties: dict[str, Any], **parts: Any) -> CompiledType:
    """`declare`, compiled."""
    return compile_type(declare(*properties, **parts))

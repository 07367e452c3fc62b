"""Every sensor type gives for its examples what it says; found by scanning."""

import math
import time
from datetime import UTC, datetime

import pytest

from sensors.compile import Refused, compile_type
from sensors.declaration import Example, SensorType
from sensors.registry import load

CASES = [(declared, example) for declared in load().values() for example in declared.examples]


@pytest.mark.parametrize(("declared", "example"), CASES, ids=[declared.name for declared, _ in CASES])
def test_example(declared: SensorType, example: Example) -> None:
    compiled = compile_type(declared)
    fields = compiled.matches(example.topic)
    assert fields is not None
    received = time.time_ns() // 1000
    if example.refused:
        with pytest.raises(Refused) as refused:
            compiled.decode(fields, example.payload.encode(), received)
        assert refused.value.reason == example.refused
        return
    decoded = compiled.decode(fields, example.payload.encode(), received)
    got = sorted(
        (
            one.datastream_name,
            datetime.fromtimestamp(one.phenomenon_time / 1e6, UTC),
            None if math.isnan(one.result) else one.result,
            int(one.quality),
        )
        for one in decoded.observations
    )
    wanted = sorted((w.datastream, datetime.fromisoformat(w.time), w.result, w.quality) for w in example.observations)
    assert got == wanted
    assert sorted(reason for reason, _, _ in decoded.rejects) == sorted(example.rejects)


BAD = [b"", b"{", b'{"time":1}', b"\xff\xfe", b"[1]", b'{"a":' * 5000, b'{"time":"2999-01-01T00:00:00Z"}', b"NaN"]


@pytest.mark.parametrize("declared", load().values(), ids=lambda declared: declared.name)
@pytest.mark.parametrize("payload", BAD, ids=lambda payload: repr(payload[:20]))
def test_bad_bytes_are_refused_or_told(declared: SensorType, payload: bytes) -> None:
    compiled = compile_type(declared)
    try:
        decoded = compiled.decode({"agency": "demo", "thing": "x"}, payload, time.time_ns() // 1000)
    except Refused:
        return
    assert not decoded.observations

"""Messages that differ in their values only have one shape, and no shape is long."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.shapes import LONGEST, payload_shape, topic_shape


@pytest.mark.parametrize(
    ("payload", "shape"),
    [
        (b'{"time": "2014", "PM10": 5, "on": true, "x": null}', "{PM#: number, on: boolean, time: text, x: null}"),
        (b'{"b": {"s1": [1, 2.5, "x"]}, "a": []}', "{a: [], b: {s#: [number or text]}}"),
        (b'{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}', "{a: {a: {a: {a: {a: …}}}}}"),
        (b"21.5", "number"),
        (b"t|20|h|-40.5", "text: a|n|a|n"),
        (b"2026-01-01T00:00:00,4,ok\r\n", "text: n-n-nan:n:n,n,a"),
        (b'{"time": "2026-03', 'text: {"a": "n-n'),
        ("Größe 5°".encode() * 100, "text: " + "a n°" * 18 + "a"),
        (b"", "empty"),
        (b"\x08\x01" + b"\xff" * 78, "binary: 65 to 128 bytes, begins 08"),
        (b"\xe9", "binary: 1 to 1 bytes, begins e9"),
        (b'"a\\u0000"', "text"),
        (b'{"\\u0000": 1}', "{\ufffd: number}"),
    ],
)
def test_payload_shape(payload: bytes, shape: str) -> None:
    assert payload_shape(payload) == shape


def test_values_and_the_order_of_keys_do_not_matter() -> None:
    one = json.dumps({"time": "2014", "PM10": 5, "TEMP": 1.5}).encode()
    other = json.dumps({"TEMP": -20, "time": "2026-01-01", "PM10": 1}).encode()
    assert payload_shape(one) == payload_shape(other) != payload_shape(json.dumps({"TEMP": "x"}).encode())


@given(st.binary(max_size=400) | st.text(max_size=300).map(str.encode))
def test_any_bytes_have_a_short_shape_that_a_table_takes(payload: bytes) -> None:
    shape = payload_shape(payload)
    assert 0 < len(shape) <= LONGEST + 10
    assert "\0" not in shape
    shape.encode()


@given(st.recursive(st.none() | st.floats(), lambda inner: st.dictionaries(st.text(), inner) | st.lists(inner)))
def test_any_json_has_a_short_shape(content: object) -> None:
    assert len(payload_shape(json.dumps(content).encode())) <= LONGEST + 10


def test_topics_of_things_have_one_shape() -> None:
    assert topic_shape("city/demo/Station 7/air") == topic_shape("city/demo/Mast 3/air") == "city/demo/*/air"
    assert topic_shape("dev/17/up") == "dev/*/*"
    assert len(topic_shape("a/" * 5000)) <= LONGEST

"""Bytes become content or a reason; names are printable, NFC and short."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.payload import LONGEST_NAME, Refused, kind, read_json, read_name, shown


def reason(payload: bytes) -> str:
    with pytest.raises(Refused) as refused:
        read_json(payload)
    assert 0 < len(refused.value.detail) <= 300
    return str(refused.value.reason)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b'{"a":1', "invalid_json"),
        (b'{"a":NaN', "invalid_json"),
        (b"{'a':1}", "invalid_json"),
        (b"\xef\xbb\xbf{}", "invalid_json"),
        (b'{"a":1}{"a":2}', "invalid_json"),
        (b"\xff\xfe", "invalid_utf8"),
        (b'{"a":"\xff"}', "invalid_utf8"),
        (b'{"\xff":1}', "invalid_utf8"),
        (b'{"a":"\xed\xa0\x80"}', "invalid_utf8"),
        (b'{"a":"\\udc00"}', "invalid_json"),
        (b'{"a":NaN,"b":"\\udc00"}', "invalid_json"),
        (b"[" * 200_000, "invalid_json"),
        (b'{"a":' * 200_000, "invalid_json"),
        (b'{"a":NaN,"b":' + b"[" * 200_000, "invalid_json"),
        (bytes(1_000_000), "invalid_json"),
    ],
)
def test_why_not(payload: bytes, expected: str) -> None:
    assert reason(payload) == expected


def test_nan_infinity_and_endless_numbers_cost_one_value() -> None:
    content = read_json(b'{"a":NaN,"b":-Infinity,"c":1.5,"d":1e999,"e":' + b"9" * 10_000 + b',"f":12}')
    assert math.isnan(content["a"])
    assert content["b"] == -math.inf
    assert content["d"] == content["e"] == math.inf
    assert (content["c"], content["f"]) == (1.5, 12)
    assert read_json(b'{"a":1e999}') == {"a": math.inf}


def test_of_a_key_that_stands_twice_the_last_value_counts() -> None:
    assert read_json(b'{"a":1,"a":2}') == read_json(b'{"a":NaN,"a":2}') == {"a": 2}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(JSON)
def test_what_is_json_is_read(content: object) -> None:
    assert read_json(json.dumps(content, allow_nan=True).encode()) == content


@given(st.binary(max_size=60))
def test_any_bytes_are_content_or_a_reason(payload: bytes) -> None:
    try:
        read_json(payload)
    except Refused:
        return


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\0", "a\x85b", "x" * (LONGEST_NAME + 1)])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(Refused) as refused:
        read_name(name, "thing", encoded=False)
    assert refused.value.reason == "wrong_shape"
    assert "thing" in refused.value.detail


def test_names() -> None:
    assert read_name("A%2FB%25", "thing") == "A/B%"
    assert read_name("A%2FB", "goods", encoded=False) == "A%2FB"
    assert read_name("100%", "thing") == "100%"
    assert read_name("Da\u0308mme", "thing") == read_name("D%C3%A4mme", "thing") == "Dämme"
    with pytest.raises(Refused) as refused:
        read_name("%FF", "thing")
    assert refused.value.reason == "invalid_utf8"


def test_words_for_an_error() -> None:
    values = ({}, [], "x", True, None, 1, 1.5)
    assert [kind(value) for value in values] == [
        "an object", "a list", "text", "a boolean", "nothing", "a number", "a number"
    ]  # fmt: skip
    assert shown("x" * 99) == "x" * 50
    assert shown(10**5000) == "a very large number"

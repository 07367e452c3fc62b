"""SenML: base values go on, names and times are resolved as RFC 8428 has it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import cbor2
import pytest
from pydantic import ValidationError

from sensors.format import Raw
from sensors.formats.senml import FORMAT
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import NOW, Through

BT = 1.5e9


def through(pack: list[Any], **options: Any) -> list[dict[str, Any]]:
    return list(Through(FORMAT, options)(json.dumps(pack)))


def test_base_values_go_on_until_they_are_said_again() -> None:
    pack = [
        {"bn": "dev:1:", "bt": BT, "bu": "Cel", "bv": 20, "n": "a", "v": 1},
        {"n": "b", "u": "%", "v": -5},
        {"bv": 0, "bt": BT + 60, "n": "a", "v": 7},
    ]
    assert through(pack) == [
        {"@time": 1_500_000_000_000_000, "a": 21, "@unit:a": "Cel", "b": 15, "@unit:b": "%"},
        {"@time": 1_500_000_060_000_000, "a": 7, "@unit:a": "Cel"},
    ]


def test_a_record_of_base_values_alone_measures_nothing() -> None:
    assert through([{"bn": "dev:1:", "bt": BT}, {"n": "a", "v": 0}]) == [{"@time": 1_500_000_000_000_000, "a": 0}]


def test_a_base_value_counts_where_there_is_no_value() -> None:
    assert through([{"bv": 3.5}, {"n": "a"}]) == [{"a": 3.5}]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({}, None),
        ({"t": 0}, None),
        ({"t": -5}, NOW - 5_000_000),
        ({"t": 2**28 - 1}, NOW + (2**28 - 1) * 1_000_000),
        ({"t": 2**28}, 2**28 * 1_000_000),
        ({"bt": 1.276020076001e9, "t": -4.9}, 1276020071101000),
        ({"bt": -10, "t": 4}, NOW - 6_000_000),
    ],
)
def test_small_times_count_from_now(times: dict[str, float], expected: int | None) -> None:
    (record,) = through([{**times, "n": "a", "v": 1}])
    assert record.get("@time") == expected


def test_a_retained_message_has_no_now() -> None:
    line = Through(FORMAT)
    payload = json.dumps([{"n": "a", "t": -5, "v": 1}, {"n": "b", "t": BT, "v": 1}]).encode()
    relative, absolute = line.decode(Raw(payload, "a/b", {}, NOW, retained=True), line.session)
    assert "@time" not in relative
    assert absolute["@time"] == 1_500_000_000_000_000


def test_values_of_all_kinds_and_sums() -> None:
    pack = [
        {"n": "a", "vs": "on"},
        {"n": "b", "vb": False},
        {"n": "c", "vd": "aGk"},
        {"n": "d", "v": 1, "s": 7},
        {"bs": 100, "n": "e", "s": 5},
    ]
    assert through(pack) == [{"a": "on", "b": False, "c": "aGk", "d": 1, "d sum": 7, "e sum": 105}]


def test_a_key_that_stands_twice_in_an_instant_is_two_records() -> None:
    assert through([{"n": "a", "v": 1}, {"n": "a", "v": 2}, {"n": "b", "v": 3}]) == [{"a": 1}, {"a": 2, "b": 3}]


def test_names_say_which_thing() -> None:
    pack = [
        {"bn": "urn:dev:ow:10e2:", "n": "a", "v": 1},
        {"n": "bat/v", "v": 2},
        {"bn": "urn:dev:ow:77:", "n": "a", "v": 3},
    ]
    assert through(pack, name="urn:dev:ow:{thing}:{key}") == [
        {"@thing": "10e2", "a": 1, "bat/v": 2},
        {"@thing": "77", "a": 3},
    ]
    assert through([{"n": "urn:dev:ow:10e2", "v": 1}], name="urn:dev:ow:{thing}") == [{"@thing": "10e2", "value": 1}]


def test_names_of_other_devices_never_mix() -> None:
    with pytest.raises(Refused, match=r"several devices.*options.name"):
        through([{"n": "dev:1:a", "v": 1}, {"n": "dev:2:a", "v": 2}])
    good, fault = through([{"n": "x:1:a", "v": 1}, {"n": "y:1:a", "v": 2}], name="x:{thing}:{key}")
    assert good == {"@thing": "1", "a": 1}
    assert "'y:1:a' is not of the form" in fault["@fault"]


@pytest.mark.parametrize("name", ["{key}", "x", "{thing}{thing}", "{thing}:{other}"])
def test_a_template_says_which_part_is_the_thing(name: str) -> None:
    with pytest.raises(ValidationError, match=r"expected \{thing\}"):
        through([], name=name)


@pytest.mark.parametrize(
    "entry",
    [
        {"n": "a"},
        {"n": "a", "v": "1"},
        {"n": "a", "v": True},
        {"n": "a", "vb": 1},
        {"n": "a", "v": 1, "vs": "x"},
        {"n": "_a", "v": 1},
        {"n": "", "v": 1},
        {"n": 5, "v": 1},
        {"n": "a", "v": 1, "t": "now"},
        {"n": "a", "v": 1, "u": 5},
        {"n": "a", "v": 1, "t": 1e300},
    ],
    ids=str,
)
def test_an_entry_that_cannot_be_read_costs_that_entry(entry: dict[str, Any]) -> None:
    good, fault = through([{"n": "b", "v": 2}, entry])
    assert good == {"b": 2}
    assert "$[1]" in fault["@fault"]


@pytest.mark.parametrize(
    "base",
    [{"bver": 11}, {"bver": True}, {"bt": "now"}, {"bt": 1e300}, {"bn": 5}, {"must_": 1}, {"x": {}, "y\u005f": 2}],
    ids=str,
)
def test_a_pack_that_means_something_else_is_refused(base: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        through([{**base, "n": "a", "v": 1}])


def test_what_is_not_known_is_ignored() -> None:
    assert through([{"bver": 10, "n": "a", "v": 1, "ut": 60, "x": 1}]) == [{"a": 1}]


def test_cbor_says_the_same() -> None:
    pack = [
        {-2: "dev:1:", -3: 1500000000, -4: "A", 0: "a", 1: "V", 2: Decimal("120.1"), -1: 10},
        {0: "b", 6: -5, 2: 1.25},
        {0: "c", 8: b"hi?", "x": 1},
    ]
    assert Through(FORMAT, {"encoding": "cbor"})(cbor2.dumps(pack)) == [
        {"@time": 1_500_000_000_000_000, "a": 120.1, "@unit:a": "V", "c": "aGk_", "@unit:c": "A"},
        {"@time": 1_499_999_995_000_000, "b": 1.25, "@unit:b": "A"},
    ]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x81" * 100_000,
        b"\x9a\x7f\xff\xff\xff",
        b"[]",
        b"\xd8\x1c\x81\xd8\x1d\x00",  # a list that holds itself
        cbor2.dumps({0: "a"}),
        cbor2.dumps([5]),
        cbor2.dumps([{0: "a", 2: "x"}]),
        cbor2.dumps([{0: "a", 2: 1, "must_": 1}]),
        cbor2.dumps([{0: "a", 2: {1, 2}}]),
    ],
)
def test_cbor_that_is_no_senml_is_refused(payload: bytes) -> None:
    with pytest.raises(Refused):
        Through(FORMAT, {"encoding": "cbor"})(payload)

"""A path finds its value, is written as errors write it, and what is deep comes up under it."""

from typing import Any

import pytest

from sensors.paths import Key, flattener, getter, key_of, last_key, put, show


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("time", "$.time"),
        ("PM2.5", '$["PM2.5"]'),
        ("no such key", '$["no such key"]'),
        (("SDS0X1", "PM2.5"), '$.SDS0X1["PM2.5"]'),
        (("rxInfo", 0, "rssi"), "$.rxInfo[0].rssi"),
        ("@time", "$.@time"),
        ("5", '$["5"]'),
        ("", '$[""]'),
    ],
)
def test_written(path: Key, written: str) -> None:
    assert show(path) == written
    assert show(path, "$.r[1]") == written.replace("$", "$.r[1]")


def test_a_list_of_one_text_is_that_text() -> None:
    assert key_of(("a.b",)) == key_of("a.b") == "a.b"
    assert key_of(("a", "b")) == ("a", "b")
    assert key_of((0,)) == (0,)
    assert (last_key("goods"), last_key(("a", "b")), last_key(("a", 1))) == ("goods", "b", "a")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1),
        (("a", "b"), 2),
        (("list", 1, "c"), 3),
        (("list", 2), None),
        (("a", "b", "c"), None),
        (("a", 0), None),
        (("list", "c"), None),
        ("x", None),
    ],
)
def test_what_it_finds(path: Key, value: Any) -> None:
    assert getter(path)({"a.b": 1, "a": {"b": 2}, "list": [0, {"c": 3}]}) == value


def test_writing() -> None:
    record: dict[str, Any] = {}
    for path, value in (("a", 1), (("b", "c"), 2), (("b", "d.e"), 3)):
        put(record, path, value)
    assert record == {"a": 1, "b": {"c": 2, "d.e": 3}}


KEYS: list[Key] = ["Time", ("BME", "T"), ("BME", "P"), ("rx", 0, "rssi")]
CONTENT = {
    "Time": "now",
    "BME": {"T": 1, "H": 2},
    "rx": [{"rssi": -3, "snr": 4}, {"rssi": -5}],
    "Unit": "C",
    "@id": "x",
}


def test_plain_keys_need_nothing_brought_up() -> None:
    assert flattener(["a", "b.c"], ["d", "*"]) is None


def test_what_is_deep_comes_up_and_what_is_unknown_where_it_leaves_the_declared_paths() -> None:
    flatten = flattener(KEYS, [])
    assert flatten is not None
    assert flatten(CONTENT) == {
        "Time": "now",
        ("BME", "T"): 1,
        ("BME", "H"): 2,
        ("rx", 0, "rssi"): -3,
        ("rx", 0, "snr"): 4,
        ("rx", 1): {"rssi": -5},
        "Unit": "C",
        "@id": "x",
    }


@pytest.mark.parametrize(
    ("ignored", "left"),
    [
        (["Unit", "@id"], {("BME", "H"), ("rx", 0, "snr"), ("rx", 1)}),
        (["rx"], {("BME", "H"), "Unit", "@id"}),
        ([("BME", "H"), ("rx", 1)], {("rx", 0, "snr"), "Unit", "@id"}),
        (["*"], {"@id"}),
    ],
)
def test_what_is_ignored_does_not_come_up(ignored: list[Key], left: set[Key]) -> None:
    flatten = flattener(KEYS, ignored)
    assert flatten is not None
    found = flatten(CONTENT)
    assert set(found) - {"Time", ("BME", "T"), ("rx", 0, "rssi")} == left - set(ignored)
    assert found["BME", "T"] == 1


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"BME": None}, {}),
        ({"BME": 5}, {"BME": 5}),
        ({"rx": [7]}, {("rx", 0): 7}),
        ({"rx": {"0": 7}}, {("rx", "0"): 7}),
        ({"BME": {"T": {"deep": [1]}}}, {("BME", "T"): {"deep": [1]}}),
    ],
)
def test_what_has_another_shape(content: Any, found: Any) -> None:
    flatten = flattener(KEYS, [])
    assert flatten is not None
    assert flatten(content) == found


def test_what_is_ignored_below_a_declared_value_is_part_of_that_value() -> None:
    flatten = flattener(["time", ("a", "b")], [("time", 0), ("time", "x", "y"), ("a", "b", "c")])
    assert flatten is not None
    assert flatten({"time": [1], "a": {"b": {"c": 1}}}) == {"time": [1], ("a", "b"): {"c": 1}}

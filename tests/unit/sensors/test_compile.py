"""A compiled type reads whole messages: topics, times, places, labels, records, flags, and what is refused."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aedilis.errors import DeclarationError
from aedilis.vocabulary import Location, Quality
from sensors.compile import as_label, compile_type
from tests.unit.sensors.declaring import RECEIVED, compiled, declare, read, refusal

FLAGS = {"V": "good", "C": "not_evaluated", "T": "suspect", "D": "fail", "N": "missing"}
NOW = "2026-06-01T00:00:00Z"
AT = {"time": NOW, "value": 1}
HOUR = 3_600_000_000
MARKET = {"payload": {"records": "records", "labels": ["goods", "trade"], "zone": "zone"}}
PRICE = {"name": "price", "unit": "EUR/kg", "datastream": "price/{goods}/{trade}"}


def test_topics() -> None:
    one = compiled()
    assert one.matches("city/demo/A%2FB/test") == {"agency": "demo", "thing": "A%2FB"}
    for topic in ("", "city", "city/demo/t", "city/demo/t/test/x", "town/demo/t/test", "city/demo/t/tests"):
        assert one.matches(topic) is None


def test_an_observation() -> None:
    decoded = read(compiled({"name": "PM2.5", "field": "pm", "unit": "ug/m3", "interval_s": 5}), {"time": NOW, "pm": 3})
    (one,) = decoded.observations
    assert (decoded.agency, decoded.thing, decoded.zone, decoded.location) == ("demo", "t", None, None)
    assert (one.datastream_name, one.observed_property, one.unit, one.interval) == (
        "PM2.5",
        "PM2.5",
        "ug/m3",
        5_000_000,
    )
    assert (one.phenomenon_time, one.result, one.raw_flag, one.result_time) == (RECEIVED, 3.0, None, None)


def test_names_of_the_topic_are_decoded() -> None:
    decoded = read(compiled(), AT, agency="a%2Fb", thing="D%C3%A4mme 50%25")
    assert (decoded.agency, decoded.thing) == ("a/b", "Dämme 50%")
    assert refusal(compiled(), AT, thing="%FF") == "invalid_utf8"
    assert refusal(compiled(), AT, thing="") == "wrong_shape"
    assert refusal(compiled(), AT, agency="x" * 500) == "wrong_shape"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"[1]", "wrong_shape"),
        (b"1", "wrong_shape"),
        (b"null", "wrong_shape"),
        ({}, "no_time"),
        ({"time": None, "value": 1}, "no_time"),
        ({"time": NOW}, "missing_field"),
        ({"time": "1969-12-31T23:59:59Z", "value": 1}, "time_out_of_range"),
        ({"time": "2026-06-01T01:00:01Z", "value": 1}, "time_out_of_range"),
        ({"time": "9999-12-31T23:59:59Z", "value": 1}, "time_out_of_range"),
        ({"time": "2026-06-01T01:00:00Z", "value": 1}, "taken"),
        ({"time": "1970-01-01T00:00:00Z", "value": 1}, "taken"),
    ],
)
def test_refused_whole(payload: Any, reason: str) -> None:
    assert refusal(compiled(), payload) == reason


def test_a_time_that_is_not_there_may_be_that_of_its_arrival() -> None:
    one = compiled(time={"default": "received"})
    assert read(one, {"value": 1}).observations[0].phenomenon_time == RECEIVED
    assert refusal(one, {"time": "soon", "value": 1}) == "no_time"


def test_result_time() -> None:
    one = compiled(time={"result_time": "sent"})
    assert read(one, {**AT, "sent": "2026-06-01T00:30:00Z"}).observations[0].result_time == RECEIVED + HOUR // 2
    assert read(one, {**AT, "sent": None}).observations[0].result_time is None
    assert refusal(one, {**AT, "sent": "2026-06-02T00:00:00Z"}) == "time_out_of_range"
    assert refusal(one, {**AT, "sent": 5}) == "no_time"


@pytest.mark.parametrize(
    ("flag", "value", "stands"),
    [
        ("V", 5, "good"),
        ("V", 50, "suspect"),
        ("V", 500, "fail"),
        ("T", 5, "suspect"),
        ("T", 500, "fail"),
        ("D", 5, "fail"),
        ("D", 50, "fail"),
        ("C", 5, "not_evaluated"),
        ("C", 50, "not_evaluated"),  # the gas of calibration is out of range, and nobody's air
        ("C", 500, "not_evaluated"),
        ("C", None, "missing"),
        ("C", -99, "fail"),  # a sentinel, which must not be drawn
        ("D", None, "missing"),
        ("N", 5, "missing"),
        ("N", 500, "missing"),
        ("N", -99, "missing"),
        ("unheard", 5, "not_evaluated"),
        ("unheard", 50, "suspect"),
        ("unheard", 500, "fail"),
        ("unheard", None, "missing"),
        (None, 500, "fail"),
    ],
)
@pytest.mark.parametrize(
    "doubted", [{}, {"x": 9, "y": 9}, {"time": "2026-10-25T02:30:00"}], ids=["", "outside", "twice"]
)
def test_what_the_device_says_and_what_is_found(
    flag: str | None, value: float | None, stands: str, doubted: dict[str, Any]
) -> None:
    one = compiled(
        {"name": "value", "unit": "1", "suspect": [0, 10], "fail": [0, 100], "sentinels": [-99]},
        payload={"flag": "flag", "flags": FLAGS, "longitude": "x", "latitude": "y", "within": [0, 0, 1, 1]},
        time={"timezone": "Europe/Berlin", "max_ahead_s": 1e9},
    )
    (found,) = read(one, {**AT, "value": value, "flag": flag, **doubted}).observations
    assert found.quality.name.lower() == (
        "suspect" if doubted and (stands == "good" or (flag == "unheard" and value == 5)) else stands
    )
    assert math.isnan(found.result) == (found.quality == Quality.MISSING)


@pytest.mark.parametrize(
    ("flag", "expected"),
    [("V", "V"), (None, None), (3, "3"), (True, "True"), ("a\0b", "a�b"), ("x" * 99, "x" * 50), (10**400, "a very large number")],
)  # fmt: skip
def test_the_devices_own_flag(flag: Any, expected: str | None) -> None:
    one = compiled(payload={"flag": "flag"})
    assert read(one, {**AT, "flag": flag}).observations[0].raw_flag == expected


def test_each_value_that_cannot_be_read_is_told_and_the_others_arrive() -> None:
    one = compiled(*({"name": name, "unit": "1"} for name in "abcd"), payload={"ignore": ["serial"]})
    decoded = read(one, b'{"time":"2026-06-01T00:00:00Z","a":"7","b":NaN,"c":2,"d":null,"e":5,"serial":"x"}')
    assert [observation.datastream_name for observation in decoded.observations] == ["c", "d"]
    assert [(str(reason), path) for reason, _, path in decoded.rejects] == [
        ("not_a_number", "$.a"),
        ("not_a_number", "$.b"),
        ("unknown_field", "$.e"),
    ]


def test_a_required_value() -> None:
    one = compiled({"name": "a", "unit": "1", "required": True}, {"name": "b", "unit": "1"})
    assert refusal(one, {"time": NOW, "b": 1}) == "missing_field"
    assert refusal(one, {"time": NOW, "a": None}) == "taken"


@pytest.mark.parametrize(
    ("place", "location", "zone", "rejects"),
    [
        ({"x": 12.5, "y": 41.9, "zone": "north"}, Location(12.5, 41.9), "north", []),
        ({"x": 180, "y": -90}, Location(180.0, -90.0), None, []),
        ({"x": 12.5}, None, None, []),
        ({"x": None, "y": None, "zone": None}, None, None, []),
        ({"zone": ""}, None, None, []),
        ({"zone": "a/b"}, None, "a/b", []),
        ({"x": 181, "y": 0}, None, None, ["$.x"]),
        ({"x": "12", "y": 41}, None, None, ["$.x"]),
        ({"x": True, "y": 41}, None, None, ["$.x"]),
        ({"x": 10**400, "y": 41}, None, None, ["$.x"]),
        ({"zone": 5}, None, None, ["$.zone"]),
        ({"zone": ["north"]}, None, None, ["$.zone"]),
    ],
)
def test_places(place: dict[str, Any], location: Location | None, zone: str | None, rejects: list[str]) -> None:
    one = compiled(payload={"zone": "zone", "longitude": "x", "latitude": "y"})
    decoded = read(one, {**AT, **place})
    assert (decoded.location, decoded.zone) == (location, zone)
    assert [path for _, _, path in decoded.rejects] == rejects
    assert len(decoded.observations) == 1


def test_a_location_that_is_nan() -> None:
    one = compiled(payload={"longitude": "x", "latitude": "y"})
    decoded = read(one, b'{"time":"2026-06-01T00:00:00Z","value":1,"x":NaN,"y":NaN}')
    assert decoded.location is None
    assert len(decoded.rejects) == 1


def test_records_without_a_time_are_of_the_time_of_their_message() -> None:
    one = compiled(PRICE, **MARKET)
    records = [
        {"goods": "beans", "trade": "retail", "price": 3.2},
        {"time": "2026-05-31T00:00:00Z", "goods": "lime", "trade": "retail", "price": 4},
    ]
    decoded = read(one, {"time": NOW, "records": records})
    assert not decoded.rejects
    mine, own = (found.phenomenon_time for found in decoded.observations)
    assert mine - own == 86_400_000_000


def test_records() -> None:
    one = compiled(PRICE, **MARKET)
    records = [
        {"time": NOW, "goods": "beans", "trade": "retail", "price": 3.2},
        {"time": NOW, "goods": "lime", "trade": "retail", "price": "dear"},
        {"time": "soon", "goods": "lime", "trade": "retail", "price": 1},
        {"time": NOW, "goods": "lime", "price": 1},
        {"time": NOW, "goods": 5, "trade": "retail", "price": 1},
        {"time": NOW, "goods": "lime", "trade": "retail", "zone": "x", "records": 1, "price": 2},
        "no record",
    ]
    decoded = read(one, {"zone": "north", "colour": "red", "records": records})
    assert decoded.zone == "north"
    assert [(o.datastream_name, o.result) for o in decoded.observations] == [
        ("price/beans/retail", 3.2),
        ("price/lime/retail", 2.0),
    ]
    assert [(str(reason), path) for reason, _, path in decoded.rejects] == [
        ("unknown_field", "$.colour"),
        ("not_a_number", "$.records[1].price"),
        ("no_time", "$.records[2]"),
        ("missing_field", "$.records[3]"),
        ("wrong_shape", "$.records[4]"),
        ("unknown_field", "$.records[5].zone"),
        ("unknown_field", "$.records[5].records"),
        ("wrong_shape", "$.records[6]"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "wrong_shape"),
        ({"records": {}}, "wrong_shape"),
        ({"records": None}, "wrong_shape"),
        ({"records": []}, "missing_field"),
        ({"records": [{"time": NOW, "goods": "a", "trade": "b"}]}, "missing_field"),
        ({"records": [5]}, "taken"),
    ],
)
def test_records_that_are_none(content: Any, reason: str) -> None:
    assert refusal(compiled(PRICE, **MARKET), content) == reason


LABEL = st.text(st.sampled_from("ab/%25F"), min_size=1, max_size=8)


@given(LABEL, LABEL, LABEL, LABEL)
def test_labels_make_one_name_each(a: str, b: str, c: str, d: str) -> None:
    assert (f"{as_label(a)}/{as_label(b)}" == f"{as_label(c)}/{as_label(d)}") == ((a, b) == (c, d))


def test_labels_are_left_as_they_are_where_that_is_plain() -> None:
    assert as_label("Big Onion (Imp)") == "Big Onion (Imp)"
    assert as_label("milk 3.5%") == "milk 3.5%"
    assert as_label("beans/green") == "beans%2Fgreen"


@pytest.mark.parametrize("template", ["price/{colour}", "price/{", "price/{}", "price/{goods.x}", "price/{goods[0]}"])
def test_a_template_that_names_no_label(template: str) -> None:
    with pytest.raises(DeclarationError, match=r"\$.properties.price.datastream"):
        compile_type(declare({**PRICE, "datastream": template}, **MARKET))


def test_detectors_of_the_type_watch_what_does_not_replace_or_leave_them_out() -> None:
    one = compiled(
        {"name": "a", "unit": "1", "detectors": [{"name": "gap", "open": 0.7}, {"name": "spike"}]},
        {"name": "b", "unit": "1", "without": ["gap"]},
        {"name": "c", "unit": "1"},
        detectors=[{"name": "gap"}, {"name": "stuck"}],
    )
    watched = {name: [(use.name, use.open) for use in one.detectors_of(name)] for name in "abcd"}
    assert watched == {
        "a": [("gap", 0.7), ("spike", 0.9), ("stuck", 0.9)],
        "b": [("stuck", 0.9)],
        "c": [("gap", 0.9), ("stuck", 0.9)],
        "d": [],
    }


def test_a_megabyte_is_read_and_told() -> None:
    one = compiled(PRICE, **MARKET)
    records = [{"time": NOW, "goods": f"g{i}", "trade": "x" * 100, "price": i} for i in range(6000)]
    raw = json.dumps({"records": records}).encode()
    assert len(raw) > 1_000_000
    assert len(read(one, raw).observations) == 6000
    assert refusal(compiled(), b'{"time":"' + b"x" * 1_000_000 + b'"}') == "no_time"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(NOW),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["time", "value", "zone", "x", "y", "flag", "sent", "other"])
EVERYTHING = compiled(
    payload={"zone": "zone", "longitude": "x", "latitude": "y", "flag": "flag"}, time={"result_time": "sent"}
)


@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_any_object_gives_observations_or_reasons(content: dict[str, Any]) -> None:
    if refusal(EVERYTHING, content) == "taken":
        decoded = read(EVERYTHING, content)
        assert decoded.observations or decoded.rejects
        for one in decoded.observations:
            assert 0 <= one.phenomenon_time <= RECEIVED + HOUR
            assert one.raw_flag is None or one.raw_flag.encode()


def test_received_is_the_first_of_june() -> None:
    assert datetime.fromtimestamp(RECEIVED / 1e6, UTC).isoformat() == "2026-06-01T00:00:00+00:00"


def test_a_range_without_limits_takes_those_of_the_property() -> None:
    kind = compiled(
        {"name": "a", "unit": "1", "fail": [0, 100], "suspect": [1, 50]},
        {"name": "b", "unit": "1", "fail": [0, 100]},
        {"name": "c", "unit": "1"},
        {"name": "d", "unit": "1", "fail": [0, 9], "detectors": [{"name": "range", "parameters": {"low": 3}}]},
        detectors=[{"name": "range"}],
    )
    watched = {name: [use.parameters for use in kind.detectors_of(name)] for name in "abcd"}
    assert watched == {"a": [{"low": 1, "high": 50}], "b": [{"low": 0, "high": 100}], "c": [], "d": [{"low": 3}]}


# ------------------------------------------------------------ paths

TASMOTA = {
    "time": NOW,
    "BME280": {"Temperature": 20.5, "Humidity": 53},
    "SDS0X1": {"PM2.5": 11.8},
    "PressureUnit": "hPa",
    "rx": [{"rssi": -3}, {"rssi": -5}],
}
DEEP = (
    {"name": "temperature", "unit": "Cel", "field": ["BME280", "Temperature"]},
    {"name": "PM2.5", "unit": "ug/m3", "field": ["SDS0X1", "PM2.5"]},
    {"name": "rssi", "unit": "dB", "field": ["rx", 0, "rssi"]},
)


@pytest.mark.parametrize(
    ("ignore", "rejects"),
    [
        ([], ["$.BME280.Humidity", "$.PressureUnit", "$.rx[1]"]),
        (["PressureUnit", "BME280", ["rx", 1]], []),
        ([["BME280", "Humidity"], "rx"], ["$.PressureUnit"]),
        (["*"], []),
    ],
)
def test_values_stand_deep_inside(ignore: list[Any], rejects: list[str]) -> None:
    one = compiled(*DEEP, payload={"ignore": ignore})
    for _ in range(2):  # the second time as the first
        decoded = read(one, TASMOTA)
        assert {o.datastream_name: o.result for o in decoded.observations} == {
            "temperature": 20.5,
            "PM2.5": 11.8,
            "rssi": -3.0,
        }
        assert [(str(reason), path) for reason, _, path in decoded.rejects] == [
            ("unknown_field", path) for path in rejects
        ]


def test_a_wrong_value_deep_inside_is_told_with_its_path() -> None:
    one = compiled(*DEEP, payload={"ignore": ["*"]})
    decoded = read(one, {"time": NOW, "BME280": {"Temperature": "warm"}, "SDS0X1": {"PM2.5": {}}, "rx": [{"rssi": 1}]})
    assert [path for _, _, path in decoded.rejects] == ["$.BME280.Temperature", '$.SDS0X1["PM2.5"]']
    assert refusal(one, {"time": NOW, "BME280": 5}) == "missing_field"
    required = compiled({**DEEP[0], "required": True}, DEEP[1])
    assert refusal(required, {"time": NOW, "SDS0X1": {"PM2.5": 1}}) == "missing_field"


def test_time_place_flag_labels_and_records_stand_deep_inside() -> None:
    one = compiled(
        {"name": "v", "unit": "1", "datastream": "v/{of}", "field": ["is", "v"]},
        payload={
            "records": ["data", "list"],
            "labels": [["is", "of"]],
            "zone": ["where", "zone"],
            "longitude": ["where", "at", 0],
            "latitude": ["where", "at", 1],
            "title": "title",
            "flag": ["is", "flag"],
        },
        time={"field": ["when", "measured"], "result_time": ["when", "sent"]},
    )
    record = {"when": {"measured": NOW, "sent": NOW}, "is": {"v": 1, "of": "a/b", "flag": "V"}}
    where = {"zone": "north", "at": [12.5, 41.9], "more": 1}
    decoded = read(one, {"data": {"list": [record, {**record, "is": {"v": 2}}]}, "where": where, "title": "Hall"})
    (found,) = decoded.observations
    assert (found.datastream_name, found.raw_flag, found.result_time) == ("v/a%2Fb", "V", RECEIVED)
    assert (decoded.zone, decoded.location, decoded.title) == ("north", Location(12.5, 41.9), "Hall")
    assert [(str(reason), path) for reason, _, path in decoded.rejects] == [
        ("unknown_field", "$.where.more"),
        ("missing_field", "$.data.list[1]"),
    ]


def test_everything_else_may_be_ignored() -> None:
    one = compiled(payload={"ignore": ["*"]})
    for _ in range(2):
        decoded = read(one, {**AT, "what": [], "@id": 5})
        assert (len(decoded.observations), decoded.rejects) == (1, [])
    assert [path for _, _, path in read(compiled(), {**AT, "@id": 5}).rejects] == ["$.@id"]


def test_a_list_of_objects_is_as_many_records() -> None:
    one = compiled()
    decoded = read(one, [AT, {**AT, "value": 2, "x": 1}, {"value": 3}, 5])
    assert [o.result for o in decoded.observations] == [1.0, 2.0]
    assert [(str(reason), path) for reason, _, path in decoded.rejects] == [
        ("unknown_field", "$[1].x"),
        ("no_time", "$[2]"),
        ("wrong_shape", "$[3]"),
    ]
    assert refusal(one, []) == "wrong_shape"
    assert refusal(one, [{"time": NOW}]) == "missing_field"


@pytest.mark.parametrize(("x", "tests"), [(12.5, 0), (13.5, 1), (12, 0)])
def test_a_location_that_cannot_be(x: float, tests: int) -> None:
    one = compiled(payload={"longitude": "x", "latitude": "y", "within": [12, 41, 13, 42]})
    decoded = read(one, {**AT, "x": x, "y": 41.5})
    (found,) = decoded.observations
    assert (int(found.tests), int(found.quality)) == ((1, 3) if tests else (0, 1))
    assert (decoded.location is None) == bool(tests)


def test_the_first_topic_that_matches_tells_the_names() -> None:
    one = compiled(topic=["city/{agency}/{thing}/test", "old/{thing}/of/{agency}"])
    assert one.matches("city/a/b/test") == {"agency": "a", "thing": "b"}
    assert one.matches("old/b/of/a") == {"agency": "a", "thing": "b"}
    assert one.matches("old/b/of") is None


def test_which_datastreams_it_can_give() -> None:
    one = compiled(PRICE, {"name": "T", "unit": "Cel"}, **MARKET)
    assert one.gives("price/beans/retail", "price", "EUR/kg")
    assert one.gives("price/a%2Fb/", "price", "EUR/kg")
    assert one.gives("T", "T", "Cel")
    for name, prop, unit in (
        ("price/beans", "price", "EUR/kg"),
        ("price/beans/retail/x", "price", "EUR/kg"),
        ("price/beans/retail", "price", "CNY/kg"),
        ("price/beans/retail", "cost", "EUR/kg"),
        ("T/x", "T", "Cel"),
    ):
        assert not one.gives(name, prop, unit)
    assert compiled({"name": "a.b", "unit": "1"}).gives("a.b", "a.b", "1")
    assert not compiled({"name": "a.b", "unit": "1"}).gives("axb", "a.b", "1")

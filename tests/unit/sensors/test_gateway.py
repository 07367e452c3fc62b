"""Records of any format find their Things, their times and what the format says beside a value."""

import json
from typing import Any

import pytest

from aedilis.vocabulary import Location, Quality, Test
from sensors.compile import CompiledType, Decoded
from sensors.format import Memory
from sensors.payload import Refused
from tests.unit.sensors.declaring import RECEIVED, TOPIC, compiled, read, refusal
from tests.unit.sensors.speaking import speaking as speaking

NOW = "2026-06-01T00:00:00Z"
SPEAKS = {"format": "speaking"}
AT = {"@time": RECEIVED - 5}


def kind(*properties: dict[str, Any], **payload: Any) -> CompiledType:
    return compiled(*properties, payload={**SPEAKS, **payload})


def found(decoded: Decoded) -> list[tuple[str, str, float]]:
    return [(one.thing, one.datastream_name, one.result) for one in decoded.observations]


def why(decoded: Decoded) -> list[tuple[str, str | None]]:
    return [(str(reason), path) for reason, _, path in decoded.rejects]


def test_a_record_has_the_time_of_its_format_and_the_thing_that_it_names() -> None:
    records = [{**AT, "@thing": "a", "value": 1}, {"@id": "m1", "value": 2}, {**AT, "@thing": 7, "value": 3}]
    decoded = read(kind(), records)
    assert found(decoded) == [("a", "value", 1.0), ("t", "value", 2.0), ("7", "value", 3.0)]
    assert [one.phenomenon_time - RECEIVED for one in decoded.observations] == [-5, 0, -5]
    assert not decoded.rejects


def test_a_type_that_says_the_time_itself_does_so_as_far_as_it_says() -> None:
    one = compiled(payload=SPEAKS, time={"max_ahead_s": 1})
    assert refusal(one, [{"@time": RECEIVED + 2_000_000, "value": 1}]) == "time_out_of_range"
    assert read(one, [{"@time": RECEIVED - 9, "value": 1}]).observations[0].phenomenon_time == RECEIVED - 9
    one = compiled(payload=SPEAKS, time={"field": "sent", "form": "iso"})
    assert read(one, [{**AT, "sent": NOW, "value": 1}]).observations[0].phenomenon_time == RECEIVED


def test_options_reach_the_format() -> None:
    assert found(read(kind(options={"factor": 3}), [{"value": 2}])) == [("t", "value", 6.0)]


def test_each_record_that_gives_nothing_is_told_and_the_others_arrive() -> None:
    records = [{"value": 1}, {"other": 2}, {"@time": "soon", "value": 3}, {"@thing": "", "value": 4}, {"@time": 5}]
    decoded = read(kind(), records)
    assert found(decoded) == [("t", "value", 1.0)]
    assert why(decoded) == [
        ("unknown_field", "$[1].other"),
        ("no_time", "$[2]"),
        ("missing_field", "$[3]"),
        ("missing_field", "$[4]"),
    ]
    assert refusal(kind(), [{"@time": "soon", "value": 3}]) == "no_time"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_format_may_give_what_is_no_number(value: float) -> None:
    records = [{"value": 1.5, "b": 1}, {"value": value, "b": 2}, {"value": value, "b": 3}]
    decoded = read(kind({"name": "value", "unit": "1"}, {"name": "b", "unit": "1"}), records)
    assert [name for _, name, _ in found(decoded)] == ["value", "b", "b", "b"]
    assert why(decoded) == [("not_a_number", "$[1].value"), ("not_a_number", "$[2].value")]


@pytest.mark.parametrize(
    ("unit", "result"),
    [
        ("degF", 100.0),
        ("Cel", 212.0),
        ("kg", "unknown_unit"),
        ("9**9", "unknown_unit"),
        ("x" * 90, "unknown_unit"),
        (5, "unknown_unit"),
        (None, 212.0),
    ],
)
def test_the_unit_that_the_message_names(unit: Any, result: float | str) -> None:
    decoded = read(kind({"name": "value", "unit": "Cel"}), [{"value": 212, "@unit:value": unit}])
    if isinstance(result, float):
        assert found(decoded) == [("t", "value", result)]
        assert not decoded.rejects
    else:
        assert not decoded.observations
        assert why(decoded) == [(result, "$.value")]


def test_a_type_that_names_the_payloads_unit_knows_better() -> None:
    decoded = read(kind({"name": "value", "unit": "Cel", "payload_unit": "degF"}), [{"value": 212, "@unit:value": "K"}])
    assert found(decoded) == [("t", "value", 100.0)]


def test_a_sentinel_has_no_unit() -> None:
    decoded = read(
        kind({"name": "value", "unit": "Cel", "sentinels": [-999]}), [{"value": -999, "@unit:value": "degF"}]
    )
    assert (decoded.observations[0].result, decoded.observations[0].tests) == (-999.0, Test.SENTINEL)


FLAGS = {"N": "good", "D": "fail", "C": "not_evaluated", "L": "suspect", "F": "missing"}


@pytest.mark.parametrize(
    ("value", "flag", "quality", "tests"),
    [
        (5, "N", Quality.GOOD, Test.NONE),
        (5, "D", Quality.FAIL, Test.NONE),
        (5, "C", Quality.NOT_EVALUATED, Test.NONE),
        (5, "L", Quality.SUSPECT, Test.NONE),
        (50, "N", Quality.SUSPECT, Test.GROSS_RANGE),
        (50, "C", Quality.NOT_EVALUATED, Test.GROSS_RANGE),
        (500, "L", Quality.FAIL, Test.GROSS_RANGE),
        (None, "D", Quality.MISSING, Test.NONE),
        (5, "unheard of", Quality.NOT_EVALUATED, Test.NONE),
        (5, None, Quality.GOOD, Test.NONE),
    ],
)
def test_flag_and_range_are_joined_by_what_stands_for_one_observation(
    value: Any, flag: Any, quality: Quality, tests: Test
) -> None:
    limits = {"fail": [0, 100], "suspect": [0, 10]}
    one = kind({"name": "value", "unit": "1", **limits}, {"name": "b", "unit": "1"}, flags=FLAGS)
    decoded = read(one, [{"b": 1}, {"value": value, "@flag:value": flag, "b": 2}, {"b": 3}])
    _, first, second, _ = decoded.observations
    assert (first.quality, first.tests, first.raw_flag) == (quality, tests, flag)
    assert (second.quality, second.raw_flag, second.result) == (Quality.GOOD, None, 2.0)
    same = compiled({"name": "value", "unit": "1", **limits}, payload={"flag": "f", "flags": FLAGS})
    (plain,) = read(same, {"time": NOW, "value": value, "f": flag}).observations
    assert (plain.quality, plain.tests, plain.raw_flag) == (quality, tests, flag)


def test_what_the_flag_calls_missing_has_no_result() -> None:
    (one,) = read(kind(flags=FLAGS), [{"value": 5, "@flag:value": "F"}]).observations
    assert one.quality == Quality.MISSING
    assert one.result != one.result
    assert one.raw_flag == "F"


def test_flags_that_stand_for_nothing_are_kept_only() -> None:
    (one,) = read(kind(), [{"value": 5, "@flag:value": "D"}]).observations
    assert (one.quality, one.raw_flag) == (Quality.GOOD, "D")


def test_each_thing_is_where_it_says() -> None:
    records = [
        {"@thing": "a", "@longitude": 12.5, "@latitude": 41.9, "value": 1},
        {"@thing": "a", "value": 2},
        {"@thing": "b", "value": 3},
    ]
    decoded = read(kind(), records)
    assert (decoded.thing, decoded.location) == ("a", Location(12.5, 41.9))


def test_a_location_outside_makes_doubtful() -> None:
    one = kind(within=[12, 41, 13, 42])
    decoded = read(one, [{"@longitude": 2.5, "@latitude": 41.9, "value": 1}])
    assert (decoded.observations[0].quality, decoded.observations[0].tests) == (Quality.SUSPECT, Test.LOCATION)
    assert decoded.location is None, "the Thing is not moved there"
    flagged = read(one, [{"@longitude": 2.5, "@latitude": 41.9, "value": None, "@flag:value": "x"}]).observations[0]
    assert (flagged.quality, flagged.tests, flagged.raw_flag) == (Quality.MISSING, Test.LOCATION, "x")
    inside = read(one, [{"@longitude": 12.5, "@latitude": 41.9, "value": 1}])
    assert (inside.observations[0].quality, inside.location) == (Quality.GOOD, Location(12.5, 41.9))


def test_a_retained_message_needs_a_time_of_its_own() -> None:
    one = kind()
    assert one.decode(TOPIC, json.dumps([{**AT, "value": 1}]).encode(), RECEIVED, retained=True).observations
    with pytest.raises(Refused, match="retained_without_time"):
        one.decode(TOPIC, b'[{"value": 1}]', RECEIVED, retained=True)
    plain = compiled(time={"default": "received"})
    with pytest.raises(Refused, match="retained_without_time"):
        plain.decode(TOPIC, b'{"value": 1}', RECEIVED, retained=True)


def test_an_announcement_gives_nothing_and_is_remembered() -> None:
    one, memory = kind(), Memory()
    decoded = one.decode(TOPIC, b'{"announce": "k", "ask": "cmd/x"}', RECEIVED, memory=memory)
    assert (decoded.observations, decoded.rejects, decoded.thing) == ([], [], "")
    assert (memory.kept, memory.asked) == (["k"], [("cmd/x", b"again")])
    (told,) = one.decode(TOPIC, b'[{"knows": "k"}]', RECEIVED, memory=memory).observations
    assert told.result == RECEIVED


@pytest.mark.parametrize(
    ("thing", "topic", "expected"),
    [
        ({"name": "{thing}"}, "city/{agency}/{thing}", ("demo", "t")),
        ({"name": "all"}, "city/{agency}/x", ("demo", "all")),
        ({}, "city/{agency}/{thing}", ("demo", "named")),
        ({}, "city/{agency}/x", ("demo", "named")),
        ({"agency": "rome", "name": "{app}-{dev}"}, "v3/{app}@{tenant}/{dev}", ("rome", "a-d/1")),
        ({"agency": "{tenant}"}, "v3/{app}@{tenant}/{dev}", ("b", "named")),
    ],
)
def test_who_a_record_is_of(thing: dict[str, str], topic: str, expected: tuple[str, str]) -> None:
    one = compiled(topic=topic, thing=thing, payload=SPEAKS)
    concrete = topic.format(agency="demo", thing="t", app="a", tenant="b", dev="d%2F1")
    (found,) = one.decode(one.matches(concrete) or {}, b'[{"@thing": "named", "value": 1}]', RECEIVED).observations
    assert (found.agency, found.thing) == expected


@pytest.mark.parametrize(
    ("name", "reason"), [({}, "missing_field"), ({"@thing": []}, "wrong_shape"), ({"@thing": "a\nb"}, "wrong_shape")]
)
def test_a_record_of_nobody(name: dict[str, Any], reason: str) -> None:
    one = compiled(topic="city/{agency}/x", payload=SPEAKS)
    with pytest.raises(Refused, match=reason):
        one.decode({"agency": "demo"}, json.dumps([{**name, "value": 1}]).encode(), RECEIVED)


# ------------------------------------------------------------ Things that plain JSON names

HUB = {"topic": "hub/{agency}/x", "thing": {"name_from": ["device", "id"]}}


def test_plain_json_names_its_thing_at_a_path() -> None:
    one = compiled(**HUB)
    content = [{"time": NOW, "device": {"id": name}, "value": 1} for name in ("a", "b/c")]
    assert [thing for thing, _, _ in found(read(one, content))] == ["a", "b/c"]
    assert refusal(one, {"time": NOW, "device": {}, "value": 1}) == "missing_field"
    assert why(read(one, [{"time": NOW, "device": {"id": "a", "x": 1}, "value": 1}])) == [
        ("unknown_field", "$.device.x")
    ]


def test_a_list_of_records_is_of_the_thing_that_the_message_names_or_of_each() -> None:
    one = compiled(topic="hub/{agency}/x", thing={"name_from": "id"}, payload={"records": "list", "zone": "zone"})
    records = [{"time": NOW, "value": 1}, {"time": NOW, "value": 2}]
    assert [thing for thing, _, _ in found(read(one, {"id": "a", "list": records}))] == ["a", "a"]
    each = [{**record, "id": name, "zone": name * 2} for record, name in zip(records, "bc", strict=True)]
    decoded = read(one, {"list": [*each, {"time": NOW, "value": 3}, 5], "what": 1})
    assert [thing for thing, _, _ in found(decoded)] == ["b", "c"]
    assert decoded.zone == "bb"
    assert why(decoded) == [
        ("unknown_field", "$.what"),
        ("missing_field", "$.list[2]"),
        ("wrong_shape", "$.list[3]"),
    ]


def test_what_a_format_says_of_values_counts_the_second_time_as_well() -> None:
    """Later records of one form take a shorter way; it gives the same."""
    one = kind({"name": "a", "unit": "Cel"}, {"name": "b", "unit": "1"}, flags=FLAGS)

    def record(unit: str, of_a: str, of_b: str) -> dict[str, Any]:
        return {"a": 50.0, "@unit:a": unit, "@flag:a": of_a, "b": 2.0, "@flag:b": of_b}

    told = [("Cel", "N", "N"), ("Cel", "N", "N"), ("Cel", "D", "N"), ("[degF]", "D", "D"), ("Cel", "D", "D")]
    observations = read(one, [record(*each) for each in told]).observations
    pairs = list(zip(observations[::2], observations[1::2], strict=True))
    assert [a.result for a, _ in pairs] == [50, 50, 50, 10, 50]
    assert [(a.raw_flag, b.raw_flag) for a, b in pairs] == [each[1:] for each in told]
    assert [(int(a.quality), int(b.quality)) for a, b in pairs] == [(1, 1), (1, 1), (4, 1), (4, 4), (4, 4)]


def test_a_unit_is_told_of_a_value_within_objects() -> None:
    one = kind({"name": "t", "field": ["BME280", "Temperature"], "unit": "Cel"})
    for record in ({"BME280": {"Temperature": 212}, "@unit:BME280/Temperature": "[degF]"},):
        assert [each.result for each in read(one, [record, record]).observations] == [100.0, 100.0]


# ------------------------------------------------------------ what a format cannot read


@pytest.mark.parametrize(
    ("said", "reason", "detail"),
    [
        ("line 2 is short", "wrong_shape", "line 2 is short"),
        ("bad_checksum: expected 4380", "bad_checksum", "expected 4380"),
        ("not_announced: alias 7", "not_announced", "alias 7"),
        ("invalid_payload: no frame", "invalid_payload", "no frame"),
        ("humidity: not read", "wrong_shape", "humidity: not read"),
    ],
)
def test_a_fault_of_the_format_is_told_and_the_rest_counts(said: str, reason: str, detail: str) -> None:
    for records in ([{"value": 1, "@fault": said}], [{"value": 1}, {"@fault": said}], [{"@fault": said}, {"value": 1}]):
        decoded = read(kind(), records)
        assert found(decoded) == [("t", "value", 1.0)], records
        assert [(str(why), text) for why, text, _ in decoded.rejects] == [(reason, detail)], records


def test_a_fault_asks_for_neither_time_nor_name() -> None:
    strict = compiled(topic="city/{agency}/x", payload=SPEAKS, time={"default": "reject"})
    alone = strict.decode({"agency": "demo"}, b'[{"@fault": "half a frame", "@thing": "a"}]', RECEIVED)
    assert (alone.observations, why(alone)) == ([], [("wrong_shape", None)])


def test_a_record_that_is_refused_does_not_hide_its_fault() -> None:
    decoded = read(kind(), [{"@fault": "a twice", "@time": "soon", "value": 1}])
    assert (decoded.observations, why(decoded)) == ([], [("wrong_shape", None), ("no_time", "$")])


def test_a_device_that_speaks_plain_json_has_no_fault_to_tell() -> None:
    decoded = read(compiled(**HUB), {"time": NOW, "device": {"id": "a"}, "value": 1, "@fault": "x"})
    assert why(decoded) == [("unknown_field", "$.@fault")]


# ------------------------------------------------------------ what is said of a value within objects

INSIDE = {"field": ["BME280", "Temperature"]}


@pytest.mark.parametrize("extra", [{}, {"hum": 40}, {"wrong": 1}])
def test_the_unit_of_a_nested_value(extra: dict[str, Any]) -> None:
    one = kind({"name": "t", "unit": "K", **INSIDE}, {"name": "hum", "unit": "%"})
    record = {"BME280": {"Temperature": 20.5}, "@unit:BME280/Temperature": "Cel", **extra}
    decoded = read(one, [record, record])
    assert [result for _, name, result in found(decoded) if name == "t"] == [293.65, 293.65]


@pytest.mark.parametrize("extra", [{}, {"wrong": 1}])
def test_the_flag_of_a_nested_value(extra: dict[str, Any]) -> None:
    one = kind({"name": "t", "unit": "Cel", **INSIDE}, flags=FLAGS)
    record = {"BME280": {"Temperature": 20.5}, "@flag:BME280/Temperature": "D", **extra}
    decoded = read(one, [record, record])
    assert [(told.raw_flag, told.quality) for told in decoded.observations] == [("D", Quality.FAIL)] * 2


@pytest.mark.parametrize(("unit_at", "named"), [(["BME280", "u"], "degF"), ("u", "degF"), ("u", "K")])
def test_the_unit_at_a_path_goes_before_what_the_format_says(unit_at: Any, named: str) -> None:
    one = kind({"name": "t", "unit": "Cel", "payload_unit_from": unit_at, **INSIDE})
    record: dict[str, Any] = {"BME280": {"Temperature": 212.0}, "@unit:BME280/Temperature": "Cel"}
    (record if unit_at == "u" else record["BME280"])["u"] = named
    assert [round(result, 6) for _, _, result in found(read(one, [record]))] == [100.0 if named == "degF" else -61.15]

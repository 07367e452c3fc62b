"""Units that stand beside a value, and expressions over several values."""

from typing import Any

import pytest

from aedilis.errors import DeclarationError
from aedilis.vocabulary import Quality, Test
from sensors.agreement import unit_faults
from sensors.compile import CompiledType, compile_type
from tests.unit.sensors.declaring import compiled, declare, read, refusal

NOW = "2026-06-01T00:00:00Z"
VALUE = {"name": "value", "unit": "1"}


def outcome(one: CompiledType, **content: Any) -> Any:
    """The only result, or why there is none."""
    decoded = read(one, {"time": NOW, **content})
    if decoded.rejects:
        return [(str(reason), path) for reason, _, path in decoded.rejects]
    (found,) = decoded.observations
    return found.result


@pytest.mark.parametrize(
    ("unit", "result"),
    [
        ("degF", 100.0),
        ("Cel", 212.0),
        ("kg", [("unknown_unit", "$.value")]),
        ("no unit", [("unknown_unit", "$.value")]),
        (7, [("unknown_unit", "$.value")]),
        (None, 212.0),
        (..., 212.0),
    ],
)
def test_a_unit_in_a_sibling_key(unit: Any, result: Any) -> None:
    one = compiled({"name": "value", "unit": "Cel", "payload_unit_from": ["units", "value"]})
    beside = {} if unit is ... else {"units": {"value": unit}}
    assert outcome(one, value=212, **beside) == result
    assert outcome(one, value=212, **beside) == result, "the second time as the first"


@pytest.mark.parametrize(
    ("unit", "result"),
    [("ug/m3", 19.125), ("mg/m3", 19125), ("[ppb]", 36.577), ("[ppm]", 36577), ("kg", "unknown_unit")],
)
@pytest.mark.parametrize("payload_unit", [{"payload_unit": "[ppb]"}, {}], ids=["declared", "only told"])
def test_a_unit_in_a_sibling_key_may_be_a_share_of_volume(unit: Any, result: Any, payload_unit: dict[str, str]) -> None:
    gas = {"molar_mass": 46.0055, "temperature": 20}
    one = compiled({"name": "value", "unit": "ug/m3", **payload_unit, "payload_unit_from": "u", "gas": gas})
    assert not list(unit_faults(one.declared))
    found = outcome(one, value=19.125, u=unit)
    if isinstance(result, str):
        assert found == [(result, "$.value")]
    else:
        assert found == pytest.approx(result, rel=1e-4)


def test_without_the_sibling_the_declared_unit_of_the_payload_counts() -> None:
    one = compiled({"name": "value", "unit": "Cel", "payload_unit": "degF", "payload_unit_from": "u"})
    assert outcome(one, value=212) == outcome(one, value=100, u="Cel") == 100.0


def test_several_values_share_the_key_of_their_unit() -> None:
    one = compiled(
        {"name": "a", "unit": "Cel", "payload_unit_from": "u"}, {"name": "b", "unit": "Cel", "payload_unit_from": "u"}
    )
    decoded = read(one, {"time": NOW, "a": 32, "b": 212, "u": "degF"})
    assert [observation.result for observation in decoded.observations] == [0.0, 100.0]


INPUTS = {"raw": ["sensor", "adc"], "scale": "scale"}


def computing(text: str, **more: Any) -> CompiledType:
    return compiled({**VALUE, "compute": text, **more}, inputs=INPUTS)


@pytest.mark.parametrize(
    ("text", "content", "result"),
    [
        ("value * 2", {"value": 4}, 8.0),
        ("(raw - 400) / 1600 * value", {"value": 10, "sensor": {"adc": 1200}}, 5.0),
        ("raw * scale", {"sensor": {"adc": 3}, "scale": True}, 3.0),
        ("value * 2", {"value": "4"}, [("not_a_number", "$.value")]),
        ("value / scale", {"value": 1, "scale": 0}, [("expression_failed", "$.value")]),
        ("value * scale", {"value": 1e300, "scale": 1e300}, [("expression_failed", "$.value")]),
        ("value * scale", {"value": 1}, [("missing_field", "$.value")]),
        ("value * scale", {"value": 1, "scale": "x"}, [("not_a_number", "$.value")]),
        ("value * scale", {"value": 1, "scale": []}, [("not_a_number", "$.value")]),
        ("value * scale", {"value": 1, "scale": 10**400}, [("not_a_number", "$.value")]),
        ("raw / scale", {"sensor": {"adc": 3}, "scale": 0}, [("expression_failed", "$")]),
    ],
)
def test_computing(text: str, content: dict[str, Any], result: Any) -> None:
    assert outcome(computing(text), **content) == result


def test_what_is_missing_stays_missing() -> None:
    for content in ({"value": None, "scale": 1}, {"value": 1, "scale": None}):
        (one,) = read(computing("value * scale"), {"time": NOW, **content}).observations
        assert one.quality == Quality.MISSING


def test_a_sentinel_is_not_computed_and_what_is_computed_is_none() -> None:
    one = computing("value * 2", sentinels=[-999])
    (found,) = read(one, {"time": NOW, "value": -999}).observations
    assert (found.result, found.tests) == (-999.0, Test.SENTINEL)
    (found,) = read(one, {"time": NOW, "value": -499.5}).observations
    assert (round(found.result, 9), found.tests) == (-999.0, Test.NONE)


def test_it_is_computed_in_the_payloads_unit() -> None:
    one = computing("value + 32", unit="Cel", payload_unit="degF", fail=[0, 50])
    (found,) = read(one, {"time": NOW, "value": 180}).observations
    assert (found.result, found.quality) == (100.0, Quality.FAIL)


def test_what_is_made_of_inputs_needs_no_value_of_its_own() -> None:
    one = compiled({"name": "a", "unit": "1"}, {**VALUE, "compute": "raw + scale"}, inputs=INPUTS)
    decoded = read(one, {"time": NOW, "a": 1, "sensor": {"adc": 2}, "scale": 3})
    assert [(found.datastream_name, found.result) for found in decoded.observations] == [("a", 1.0), ("value", 5.0)]
    assert [found.datastream_name for found in read(one, {"time": NOW, "a": 1}).observations] == ["a"]
    required = compiled({**VALUE, "compute": "raw + scale", "required": True}, inputs=INPUTS)
    assert refusal(required, {"time": NOW, "scale": 3}) == "missing_field"


def test_an_input_may_be_the_value_of_another_property() -> None:
    one = compiled({"name": "t", "unit": "Cel"}, {**VALUE, "compute": "warm * 2 - value"}, inputs={"warm": "t"})
    found = read(one, {"time": NOW, "t": 5, "value": 1}).observations
    assert [observation.result for observation in found] == [5.0, 9.0]


def test_numbers_as_text() -> None:
    one = compiled({**VALUE, "compute": "value * scale"}, inputs=INPUTS, payload={"numeric_text": True})
    assert outcome(one, value="2", scale="1.5") == 3.0
    assert outcome(one, value="2", scale="1_5") == [("not_a_number", "$.value")]


@pytest.mark.parametrize("text", ["value.x", "unknown + 1", "value +", "__import__('os')", ""])
def test_what_is_no_expression_is_a_fault(text: str) -> None:
    with pytest.raises(DeclarationError, match=r"\$\.properties\.value\.compute: "):
        compile_type(declare({**VALUE, "compute": text}, inputs=INPUTS))


def test_nothing_is_computed_of_a_sentinel() -> None:
    one = compiled(
        {"name": "distance", "unit": "mm", "sentinels": [65535], "field": ["sonar", "mm"]},
        {"name": "fill", "unit": "%", "compute": "100 * (1500 - far) / 1500"},
        inputs={"far": ["sonar", "mm"]},
    )
    for _ in range(2):
        first, second = read(one, {"time": NOW, "sonar": {"mm": 65535}}).observations
        assert (first.result, first.tests) == (65535.0, Test.SENTINEL)
        assert (second.quality, second.result != second.result) == (Quality.MISSING, True)
        assert read(one, {"time": NOW, "sonar": {"mm": 750}}).observations[1].result == 50.0

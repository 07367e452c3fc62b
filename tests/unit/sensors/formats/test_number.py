"""A single number or word."""

from __future__ import annotations

import pytest

from sensors.formats.number import FORMAT
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import Through


@pytest.mark.parametrize(
    ("payload", "record"),
    [
        ("21.5", {"value": 21.5}),
        ("21", {"value": 21}),
        ("-.5", {"value": -0.5}),
        ("+7.", {"value": 7.0}),
        ("1.5e3", {"value": 1500.0}),
        (" 21.5 °C\r\n", {"value": 21.5, "@unit:value": "°C"}),
        ("54%", {"value": 54, "@unit:value": "%"}),
        ("12 µg/m³", {"value": 12, "@unit:value": "µg/m³"}),
        ("3 V", {"value": 3, "@unit:value": "V"}),
        ('"21.5"', {"value": 21.5}),
        ("ON", {"value": "ON"}),
        ('"ON"', {"value": "ON"}),
        ("true", {"value": True}),
        ("false", {"value": False}),
        ("null", {"value": None}),
        ("nan", {"value": "nan"}),
        ("开", {"value": "开"}),
        ("E", {"value": "E"}),
        (".", {"value": "."}),
        ("12:30", {"value": "12:30"}),
        ("2026-03-01", {"value": "2026-03-01"}),
        ("1e999", {"value": float("inf")}),
    ],
)
def test_what_a_payload_says(payload: str, record: dict[str, object]) -> None:
    (found,) = Through(FORMAT)(payload)
    assert found == record
    assert type(found["value"]) is type(record["value"])


def test_the_key_is_of_the_options() -> None:
    assert Through(FORMAT, {"key": "pm10"})("3 V") == [{"pm10": 3, "@unit:pm10": "V"}]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("", "invalid_payload"),
        ("  ", "invalid_payload"),
        ('""', "invalid_payload"),
        ('{"value":1}', "invalid_payload"),
        ("[1]", "invalid_payload"),
        ("a\0b", "invalid_payload"),
        ("1" * 201, "invalid_payload"),
        ("21,5", "not_a_number"),
    ],
)
def test_what_is_refused(payload: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        Through(FORMAT)(payload)
    assert refused.value.reason == reason


def test_a_decimal_comma_is_told_with_its_mend() -> None:
    with pytest.raises(Refused, match='decimal = ","'):
        Through(FORMAT)("21,5")
    assert Through(FORMAT, {"decimal": ","})("21,5") == [{"value": 21.5}]
    with pytest.raises(Refused, match=r'decimal = "\."'):
        Through(FORMAT, {"decimal": ","})("1.234")

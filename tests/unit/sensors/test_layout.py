"""The short way of a record gives what the exact one gives, or nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sensors.compile import CompiledType
from sensors.layout import Layout
from tests.unit.sensors.declaring import compiled


def layout(record: dict[str, Any], units: dict[str, str] | None = None, **payload: Any) -> Layout:
    kind: CompiledType = compiled({"name": "a", "unit": "1"}, {"name": "b", "unit": "1"}, payload=payload)
    return Layout(tuple(record), kind.readers, units or {})


@pytest.mark.parametrize(
    ("a", "b", "numbers"),
    [
        ("1.5", "2", [1.5, 2]),
        ("1.5", 2, [1.5, 2]),
        (" 1 ", "-2e3", [1, -2000]),
        ("1_0", "2", None),
        ("١", "2", None),
        ("nan", "2", None),
        ("1e999", "2", None),
        ("", "2", None),
        ("1", None, None),
        ("1", True, None),
        ("1", 10**400, None),
        ("1e308", "1e308", None),
    ],
)
def test_texts_are_read_at_once_where_all_are_plain_numbers(a: Any, b: Any, numbers: list[float] | None) -> None:
    record = {"a": a, "x": 0, "b": b}
    found = layout(record, numeric_text=True).numbers(record, False)
    assert (None if found is None else list(found)) == numbers
    assert layout(record).numbers(record, False) is None


def test_words_of_a_category_are_no_numbers() -> None:
    kind = compiled({"name": "a", "unit": "1", "categories": {"1": 5.0}}, payload={"numeric_text": True})
    record = {"a": "1"}
    assert Layout(("a",), kind.readers, {}).numbers(record, False) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_read_one_by_one(value: float) -> None:
    for record in ({"a": value}, {"a": 1.0, "b": value}):
        assert layout(record).numbers(record, False) is None


def test_another_unit_than_the_types_is_read_one_by_one() -> None:
    record = {"a": 1.0, "@unit:a": "Cel", "b": 2.0, "@unit:b": "%"}
    one, both = {"@unit:a": "Cel"}, {"@unit:a": "Cel", "@unit:b": "%"}
    for units in (one, both):
        short = layout(record, units)
        assert list(short.numbers(record, True) or ()) == [1, 2]
        assert short.numbers({**record, "@unit:a": "[degF]"}, True) is None


def test_values_whose_flags_differ_are_read_one_by_one() -> None:
    record = {"a": 1.0, "@flag:a": "N", "b": 2.0, "@flag:b": "N"}
    kind = compiled({"name": "a", "unit": "1"}, {"name": "b", "unit": "1"})
    short = Layout(tuple(record), kind.readers, flags=["@flag:a", "@flag:b"])
    assert short.flag_key == "@flag:a"
    assert list(short.numbers(record, True) or ()) == [1, 2]
    assert short.numbers({**record, "@flag:b": "D"}, True) is None

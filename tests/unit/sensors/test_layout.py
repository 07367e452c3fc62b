"""The short way of a record gives what the exact one gives, or nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sensors.layout import Layout
from tests.unit.sensors.declaring import compiled
from tests.unit.sensors.speaking import speaking as speaking

A_AND_B = ({"name": "a", "unit": "Cel"}, {"name": "b", "unit": "%"})


def layout(record: dict[str, Any], *properties: dict[str, Any], **payload: Any) -> Layout:
    kind = compiled(*(properties or A_AND_B), payload=payload)
    found = kind.layout_of(record, "$")
    assert found is not None
    return found


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
        ("1", 10**400, None),
        ("1e308", "1e308", None),
    ],
)
def test_texts_are_read_at_once_where_all_are_plain_numbers(a: Any, b: Any, numbers: list[float] | None) -> None:
    record = {"a": a, "time": 0, "b": b}
    found = layout(record, numeric_text=True)._of_text((a, b), {type(a), type(b)})
    assert (None if found is None else list(found)) == numbers
    if numbers is not None:
        assert list(layout(record, numeric_text=True).numbers(record, False) or ()) == numbers
        assert layout(record).numbers(record, False) is None


def test_words_of_a_category_are_no_numbers() -> None:
    short = layout({"a": "1"}, {"name": "a", "unit": "1", "categories": {"1": 5.0}}, numeric_text=True)
    assert list(short.numbers({"a": "1"}, False) or ()) == [5.0]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_read_one_by_one(value: float) -> None:
    for record in ({"a": value}, {"a": 1.0, "b": value}):
        assert layout(record).numbers(record, False) is None


@pytest.mark.parametrize("told", [("@unit:a",), ("@unit:a", "@unit:b")])
def test_another_unit_than_the_types_is_converted(told: tuple[str, ...]) -> None:
    units = {"@unit:a": "Cel", "@unit:b": "%"}
    record = {"a": 50.0, "b": 2.0, **{key: units[key] for key in told}}
    short = layout(record, format="speaking")
    assert list(short.numbers(record, True) or ()) == [50, 2]
    assert list(short.numbers({**record, "@unit:a": "[degF]"}, True) or ()) == [10, 2]

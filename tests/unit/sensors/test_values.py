"""One value: numbers, words, booleans, text and units; what a number is worth is told of one as of many."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aedilis.errors import DeclarationError
from aedilis.vocabulary import Quality, Test
from sensors.judge import Judge
from sensors.values import Unread, ValueReader
from tests.unit.sensors.declaring import declare

Value = tuple[float, Quality, Test]


def value_reader(numeric_text: bool = False, **prop: Any) -> ValueReader:
    declared = declare({"name": "value", "unit": "1", **prop}, payload={"numeric_text": numeric_text})
    return ValueReader(declared.properties[0], declared)


def reader(numeric_text: bool = False, **prop: Any) -> Callable[[Any], Value | Unread]:
    """Reads one value and judges it."""
    one = value_reader(numeric_text, **prop)

    def read(value: Any) -> Value | Unread:
        number = one(value)
        if isinstance(number, Unread):
            return number
        (result,), (quality,), (tests,) = Judge([one])(np.array([0], np.int32), np.array([number]))
        return float(result), Quality(int(quality)), Test(int(tests))

    return read


def good(number: float) -> Value:
    return number, Quality.GOOD, Test.NONE


def why(read: Value | Unread) -> str:
    assert isinstance(read, Unread), read
    assert 0 < len(read.detail) <= 300
    return str(read.reason)


@pytest.mark.parametrize("value", [0, -0.0, 7, 1.5, -1e300, 2**53 + 1, 10**300])
def test_numbers(value: float) -> None:
    assert reader()(value) == good(float(value))


@pytest.mark.parametrize(
    "value",
    ["7", "", "NaN", True, False, [], [1], {}, math.nan, math.inf, -math.inf, 10**400, -(10**4000)],
    ids=lambda value: str(type(value)),
)
def test_what_is_no_number(value: Any) -> None:
    assert why(reader()(value)) == "not_a_number"


def test_null_is_missing() -> None:
    read = reader(fail=[0, 1])(None)
    assert not isinstance(read, Unread)
    assert math.isnan(read[0])
    assert read[1:] == (Quality.MISSING, Test.NONE)


@pytest.mark.parametrize(("text", "number"), [("18.83", 18.83), (" 7 ", 7.0), ("-1e3", -1000.0), ("007", 7.0)])
def test_numbers_as_text_where_the_type_takes_them(text: str, number: float) -> None:
    assert reader(numeric_text=True)(text) == good(number)


@pytest.mark.parametrize("text", ["", "1_000", "1,5", "٣", "nan", "inf", "1e999", "0x10", "seven"])
def test_text_that_is_no_number(text: str) -> None:
    assert why(reader(numeric_text=True)(text)) == "not_a_number"


def test_words() -> None:
    read = reader(categories={"N": 0.0, "NNW": 337.5})
    assert read("NNW") == good(337.5)
    assert read(22.5) == good(22.5)
    assert why(read("upwards")) == "unknown_category"
    assert why(read("")) == "unknown_category"
    assert "known are N, NNW" in read("x" * 1000).detail  # type: ignore[union-attr]


def test_booleans_where_the_property_is_one() -> None:
    read = reader(boolean=True)
    assert (read(True), read(False), read(1)) == (good(1.0), good(0.0), good(1.0))


@pytest.mark.parametrize(
    ("value", "quality"),
    [(0, 4), (1, 3), (4.9, 3), (5, 1), (10, 1), (10.1, 3), (20, 3), (20.1, 4)],
)
def test_ranges(value: float, quality: int) -> None:
    read = reader(fail=[1, 20], suspect=[5, 10])(value)
    assert read == (value, quality, Test.NONE if quality == 1 else Test.GROSS_RANGE)


def test_a_suspect_range_alone_never_fails() -> None:
    assert reader(suspect=[5, 10])(1e9)[1] == Quality.SUSPECT


def test_sentinels_stand_in_the_unit_of_the_payload_and_stay_as_they_came() -> None:
    read = reader(unit="Cel", payload_unit="degF", sentinels=[-999], fail=[-50, 60])
    assert read(-999) == (-999.0, Quality.FAIL, Test.SENTINEL)
    assert read(212) == (100.0, Quality.FAIL, Test.GROSS_RANGE)


@pytest.mark.parametrize("sentinel", [-999, 999, 1999, 65_535, -9999, 1e20])
def test_a_sentinel_is_one_before_anything_is_computed_from_it(sentinel: float) -> None:
    read = reader(unit="ug/m3", payload_unit="mg/m3", sentinels=[sentinel], suspect=[0, 500], numeric_text=True)
    assert read(sentinel) == read(str(sentinel)) == (sentinel, Quality.FAIL, Test.SENTINEL)
    assert read(sentinel / 1000) == (sentinel, Quality.SUSPECT, Test.GROSS_RANGE)  # the same number, but measured


@pytest.mark.parametrize(("share", "percent"), [(0.54, 54.0), (0, 0.0), (1, 100.0), (1.2, 120.0)])
def test_a_share_that_becomes_percent_fails_where_percent_would(share: float, percent: float) -> None:
    expected = (percent, Quality.GOOD, Test.NONE) if percent <= 100 else (percent, Quality.FAIL, Test.GROSS_RANGE)
    assert reader(unit="%", payload_unit="1", fail=[0, 100])(share) == expected


@pytest.mark.parametrize(
    ("payload_unit", "unit", "value", "result"),
    [
        ("degF", "Cel", 212, 100.0),
        ("[degF]", "Cel", 32, 0.0),
        ("K", "Cel", 293.15, 20.0),
        ("Cel", "K", 20, 293.15),
        ("Pa", "hPa", 101_325, 1013.25),
        ("Pa", "hPa", 100_004, 1000.04),
        ("[degF]", "Cel", 50, 10.0),
        ("mg/m3", "ug/m3", 0.025, 25.0),
        ("ug/m3", "mg/m3", 300, 0.3),
        ("1", "%", 0.54, 54.0),
        ("km/h", "m/s", 36, 10.0),
        ("g", "kg", 1, 0.001),
    ],
)
def test_units(payload_unit: str, unit: str, value: float, result: float) -> None:
    assert reader(unit=unit, payload_unit=payload_unit)(value) == good(result)


def test_a_conversion_beyond_any_float() -> None:
    assert why(reader(unit="ug/m3", payload_unit="mg/m3")(1e308)) == "not_a_number"


@pytest.mark.parametrize(("payload_unit", "unit"), [("parsnip", "Cel"), ("kg", "Cel"), ("Cel", "parsnip")])
def test_units_that_do_not_meet(payload_unit: str, unit: str) -> None:
    with pytest.raises(DeclarationError, match=r"properties.value.payload_unit"):
        reader(unit=unit, payload_unit=payload_unit)


def test_the_interval_is_the_propertys_or_the_types() -> None:
    assert value_reader().interval == 60_000_000
    assert value_reader(interval_s=0.5).interval == 500_000


MANY = [
    value_reader(),
    value_reader(fail=[0, 1]),
    value_reader(suspect=[5, 10], sentinels=[7]),
    value_reader(fail=[-50, 60], suspect=[-20, 40], unit="Cel", payload_unit="degF", sentinels=[-999, 0, 1e308]),
    value_reader(unit="ug/m3", payload_unit="mg/m3", sentinels=[1e306]),
]
NUMBERS = st.floats(-100, 100) | st.sampled_from([math.nan, -0.0, 0.0, 1.0, 7.0, 60.0, -999.0, 1e306, 1e308])


@given(st.lists(st.tuples(st.integers(0, len(MANY) - 1), NUMBERS), min_size=1, max_size=20))
def test_many_are_judged_as_each_alone(given: list[tuple[int, float]]) -> None:
    rows, numbers = (np.array(column) for column in zip(*given, strict=True))
    together = Judge(MANY)(rows.astype(np.int32), numbers)
    for i, (row, number) in enumerate(given):
        alone = Judge([MANY[row]])(np.array([0], np.int32), np.array([number]))
        for one, other in zip(together, alone, strict=True):
            np.testing.assert_array_equal(one[i], other[0])


def test_nothing_is_judged_too() -> None:
    assert [len(column) for column in Judge([])(np.empty(0, np.int32), np.empty(0))] == [0, 0, 0]

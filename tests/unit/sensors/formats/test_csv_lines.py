"""Lines of CSV: a fault of one line is a fault of that line."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sensors.formats.csv_lines import FORMAT
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import Through

TWO = {"columns": ("time", "pm10")}


def test_each_line_is_a_record_and_a_blank_one_is_none() -> None:
    assert Through(FORMAT, TWO)("\ufeff1,2\r\n\r\n3,4\r5,\n") == [
        {"time": "1", "pm10": "2"},
        {"time": "3", "pm10": "4"},
        {"time": "5", "pm10": None},
    ]


def test_a_line_with_the_wrong_number_of_fields_costs_that_line() -> None:
    first, second, fault = Through(FORMAT, TWO)("1,2\n3\n5,6")
    assert (first, second) == ({"time": "1", "pm10": "2"}, {"time": "5", "pm10": "6"})
    assert fault == {"@fault": "line 2: expected 2 fields, got 1: '3'"}


@pytest.mark.parametrize("open_quote", ['"1,2', '1,"2'])
def test_an_open_quote_costs_one_line(open_quote: str) -> None:
    first, fault = Through(FORMAT, TWO)(f"{open_quote}\n3,4")
    assert first == {"time": "3", "pm10": "4"}
    assert "line 1" in fault["@fault"]


def test_no_right_line_at_all_is_refused() -> None:
    with pytest.raises(Refused, match=r"line 1: .*5 more") as refused:
        Through(FORMAT, TWO)("x\n" * 10)
    assert refused.value.reason == "wrong_shape"


@pytest.mark.parametrize("payload", ["", "\n\n", "# only words\n"])
def test_no_line_at_all_is_refused(payload: str) -> None:
    with pytest.raises(Refused) as refused:
        Through(FORMAT, {**TWO, "comment": "#"})(payload)
    assert refused.value.reason == "invalid_payload"


def test_a_header_names_the_columns_of_its_message() -> None:
    through = Through(FORMAT, {"header": True})
    assert through("a, b\n1,2") == [{"a": "1", "b": "2"}]
    assert through("b,a\n1,2") == [{"b": "1", "a": "2"}]
    for header in ("a,a\n1,2", "a,\n1,2", "a,b\n"):
        with pytest.raises(Refused):
            through(header)


def test_a_decimal_comma_is_a_point_in_numbers_only() -> None:
    through = Through(FORMAT, {"columns": ("a", "b", "c"), "delimiter": ";", "decimal": ","})
    assert through("1,5;-,5;Main St, 4") == [{"a": "1.5", "b": "-.5", "c": "Main St, 4"}]


def test_quoted_fields_hold_the_delimiter() -> None:
    assert Through(FORMAT, TWO)('"a,b","say ""hm"""') == [{"time": "a,b", "pm10": 'say "hm"'}]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"columns": ("a",), "header": True},
        {"columns": ("a", "a")},
        {"columns": ("a",), "decimal": ","},
        {"columns": ("a",), "delimiter": "\n"},
        {"columns": ("a",), "delimiter": ";;"},
        {"columns": ("a",), "separator": ";"},
    ],
)
def test_options_that_contradict_each_other(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FORMAT.Options.model_validate(options)

"""Numbers and spans as people write them."""

from __future__ import annotations

import math

import pytest

from detectors.core import written

HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (-0.0, "0"),
        (9999.7, "10,000"),
        (9999.2, "9999"),
        (0.05, "0.05"),
        (0.123456, "0.1235"),
        (-1234567.8, "-1,234,568"),
        (1e300, "1e+300"),
        (-1e-9, "-1e-09"),
        (100.0, "100"),
    ],
)
def test_numbers(value: float, wanted: str) -> None:
    assert written.number(value, None) == wanted


def test_a_band_has_as_many_decimals_as_its_width_needs_and_keeps_a_value_out() -> None:
    assert written.decimals(40.1, 75.4, 182) == 0
    assert written.decimals(1013.12, 1014.91, 1010.32) == 1
    assert written.decimals(58.2, 131.7, 58) == 1, "58.2 would be 58"
    assert written.decimals(None, 1, 2) is written.decimals(-math.inf, 1, 2) is None


@pytest.mark.parametrize(
    ("span", "english", "chinese"),
    [
        (HOUR, "1 hour", "1 小时"),
        (8 * HOUR + HOUR // 12, "8 hours 5 minutes", "8 小时 5 分钟"),
        (50 * HOUR + 1, "2 days 2 hours", "2 天 2 小时"),
        (999_999, "less than a second", "不到 1 秒"),
        (-HOUR, "less than a second", "不到 1 秒"),
    ],
)
def test_spans(span: int, english: str, chinese: str) -> None:
    assert (written.span(span, "en"), written.span(span, "zh")) == (english, chinese)


def test_what_comes_every_hour() -> None:
    assert [written.every(HOUR, language) for language in ("en", "zh")] == ["hour", "小时"]
    assert [written.every(2 * HOUR, language) for language in ("en", "zh")] == ["2 hours", " 2 小时"]


def test_a_moment_of_any_size_can_be_written() -> None:
    assert written.moment(1_425_190_800_000_000) == "2015-03-01 06:20 UTC"
    assert written.moment(2**62).endswith(" µs")

"""Times are read in many forms and written in the one that was read."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from trial.detect.times import Mixed, Times

MOMENT = round(datetime(2015, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()) * 1_000_000
MIDNIGHT = round(datetime(2015, 1, 2, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2015-01-02T03:04:05", MOMENT),
        ("2015-01-02 03:04:05", MOMENT),
        ("2015/01/02 03:04:05", MOMENT),
        ("2015-01-02T03:04", MOMENT - 5_000_000),
        ("2015-01-02T03:04:05.250", MOMENT + 250_000),
        ("2015-01-02T03:04:05.000250", MOMENT + 250),
        ("2015-01-02", MIDNIGHT),
        ("20150102", MIDNIGHT),
        ("2015-01-02T03:04:05Z", MOMENT),
        ("2015-01-02T03:04:05+00:00", MOMENT),
        ("2015-01-02 11:04:05+0800", MOMENT),
        ("2015-01-01T21:34:05-05:30", MOMENT),
        ("1420167845", MOMENT),
        ("1420167845.25", MOMENT + 250_000),
        ("1420167845000", MOMENT),
        ("1420167845000250", MOMENT + 250),
        ("1420167845000250000", MOMENT + 250),
    ],
)
def test_a_time_is_written_as_it_was_read(text: str, time: int) -> None:
    times = Times()
    assert times.read(text) == time
    assert times.write(time) == text


def test_other_times_are_written_in_the_same_form() -> None:
    days, local, number = Times(), Times(), Times()
    days.read("2015-01-02")
    assert days.write(MOMENT) == "2015-01-02", "what the form cannot say is cut off"
    local.read("2015-01-02 00:00:00+08:00")
    assert local.write(MOMENT + 3_600_000_000) == "2015-01-02 12:04:05+08:00"
    number.read("1420167845")
    assert number.write(MOMENT + 3_999_999) == "1420167848"


def test_the_finest_time_tells_how_fine_they_are_written() -> None:
    times = Times()  # some programs write no time at midnight
    assert [times.read(text) for text in ("2015-01-02", "2015-01-02 03:04:05")] == [MIDNIGHT, MOMENT]
    assert times.write(MIDNIGHT) == "2015-01-02 00:00:00"


def test_local_times_are_those_of_the_zone_that_is_given() -> None:
    times = Times(ZoneInfo("Asia/Shanghai"))
    assert times.read("2015-01-02T11:04:05") == MOMENT
    assert times.write(MOMENT) == "2015-01-02T11:04:05"


def test_a_sentence_speaks_of_utc_only_where_a_zone_is_known() -> None:
    local, zoned, known = Times(), Times(), Times(ZoneInfo("Asia/Shanghai"))
    local.read("2015-01-02")
    zoned.read("2015-01-02T00:00:00Z")
    known.read("2015-01-02")
    assert local.in_words("since 2015-01-02 00:00 UTC") == "since 2015-01-02 00:00"
    assert zoned.in_words("since 2015-01-02 00:00 UTC") == "since 2015-01-02 00:00 UTC"
    assert known.in_words("since 2015-01-02 00:00 UTC") == "since 2015-01-02 00:00 UTC"


@pytest.mark.parametrize(
    "text", ["", "x", "5", "2015-13-01", "2015-W01-1", "01/02/2015", "２０１５-01-02", "2015-01-02T03:04:05 CET"]
)
def test_what_is_no_time_is_refused_first_and_later(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time"):
        Times().read(text)
    times = Times()
    times.read("2015-01-02")
    with pytest.raises(ValueError, match="expected a time"):
        times.read(text)


def test_a_number_of_another_unit_is_refused() -> None:
    times = Times()
    times.read("1420167845")
    with pytest.raises(ValueError, match="no number of s since 1970"):
        times.read("1420167845000")


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("2015-01-02T00:00:00", "2015-01-02T00:00:00Z"),
        ("2015-01-02T00:00:00+08:00", "2015-01-02T00:00:00"),
        ("1420167845", "2015-01-02T00:00:00"),
    ],
)
def test_times_of_two_kinds_are_no_times(first: str, then: str) -> None:
    times = Times()
    times.read(first)
    with pytest.raises(Mixed):
        times.read(then)

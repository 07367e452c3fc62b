"""Times: ISO forms, zones, clocks put back and forward, numbers since 1970, and what is none."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.declaration import Time
from sensors.payload import Refused
from sensors.times import time_reader


def utc(text: str) -> int:
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )


def read(value: Any, **declared: Any) -> int:
    return time_reader(Time(**declared))(value, "time")


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2013-03-01T00:00:00", "Asia/Shanghai", "2013-02-28T16:00:00"),
        ("2016-08-01", "Asia/Colombo", "2016-07-31T18:30:00"),
        ("2026-01-05T08:00:00Z", "Asia/Shanghai", "2026-01-05T08:00:00"),
        ("2026-01-05T08:00:00+02:00", None, "2026-01-05T06:00:00"),
        ("2022-07-18T09:34:15.775023242+00:00", None, "2022-07-18T09:34:15.775023"),
        ("2026-01-05 08:00", "Europe/Rome", "2026-01-05T07:00:00"),
        ("20260105T080000Z", None, "2026-01-05T08:00:00"),
        ("2026-07-05T08:00:00", "Europe/Rome", "2026-07-05T06:00:00"),
        ("2026-10-25T02:30:00", "Europe/Rome", "2026-10-25T00:30:00"),  # stands twice: the first
        ("2026-10-25T02:30:00+01:00", "Europe/Rome", "2026-10-25T01:30:00"),  # the second, told by its offset
        ("2026-03-29T02:30:00", "Europe/Rome", "2026-03-29T01:30:00"),  # never was: the offset before the change
        ("0001-01-01T00:00:00", "Asia/Shanghai", None),
        ("9999-12-31T23:59:59", "America/New_York", None),
    ],
)
def test_iso(text: str, zone: str | None, expected: str | None) -> None:
    time = read(text, timezone=zone)
    assert expected is None or time == utc(expected)


@given(st.datetimes(), st.sampled_from(["Europe/Rome", "Asia/Colombo", "America/St_Johns", "Pacific/Apia", "UTC"]))
def test_local_times_are_those_of_their_zone(moment: datetime, zone: str) -> None:
    local = moment.replace(tzinfo=ZoneInfo(zone))
    assert read(moment.isoformat(), timezone=zone) == (local - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        ("epoch_s", 1_451_649_600, "2016-01-01T12:00:00"),
        ("epoch_s", 1_451_649_600.512, "2016-01-01T12:00:00.512000"),
        ("epoch_ms", 1_451_649_600_512, "2016-01-01T12:00:00.512000"),
        ("epoch_us", 1_451_649_600_512_003, "2016-01-01T12:00:00.512003"),
        ("epoch_ms", -1, "1969-12-31T23:59:59.999000"),
    ],
)
def test_epoch(form: str, value: float, expected: str) -> None:
    assert read(value, form=form) == utc(expected)


@pytest.mark.parametrize(
    ("form", "value", "reason"),
    [
        ("iso", 1_451_649_600, "no_time"),
        ("iso", "", "no_time"),
        ("iso", "yesterday", "no_time"),
        ("iso", "2026-02-30", "no_time"),
        ("iso", "2026-01-05T08:00:00", "no_time"),  # no zone, and the type names none
        ("iso", "x" * 100_000, "no_time"),
        ("iso", ["2026-01-05T08:00:00Z"], "no_time"),
        ("iso", True, "no_time"),
        ("epoch_s", "1451649600", "no_time"),
        ("epoch_s", True, "no_time"),
        ("epoch_s", {}, "no_time"),
        ("epoch_s", float("nan"), "time_out_of_range"),
        ("epoch_s", float("inf"), "time_out_of_range"),
        ("epoch_s", 10**4000, "time_out_of_range"),
        ("epoch_ms", -1e300, "time_out_of_range"),
    ],
)
def test_no_time(form: str, value: Any, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        read(value, form=form)
    assert refused.value.reason == reason
    assert len(refused.value.detail) < 200

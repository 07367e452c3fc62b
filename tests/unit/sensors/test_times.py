"""Times: ISO forms, zones, clocks put back and forward, numbers since 1970, forms of their own, and what is none."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.declaration import Time
from sensors.payload import Refused
from sensors.times import Ambiguous, time_reader


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
        ("2016-03-15T11:00:00/2016-03-15T12:00:00", "Europe/Madrid", "2016-03-15T10:00:00"),  # NGSI-LD: the start
        ("2016-03-15T11:00:00Z/PT1H", None, "2016-03-15T11:00:00"),
        ("2016-03-15/P1D", "UTC", "2016-03-15T00:00:00"),
        ("2026-01-05T08:00:00,5Z", None, "2026-01-05T08:00:00.500000"),
        ("2026-01-05T08:00:00.999999999Z", None, "2026-01-05T08:00:00.999999"),
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
        ("epoch_ms", 1_451_649_600_512.25, "2016-01-01T12:00:00.512250"),
        ("epoch_ns", 1_451_649_600_512_003_999, "2016-01-01T12:00:00.512003"),
        ("epoch_ns", "1451649600512003999", "2016-01-01T12:00:00.512003"),
        ("epoch_s", 1.276020076001e9, "2010-06-08T18:01:16.001000"),  # SenML
        ("epoch_s", "1451649600", "2016-01-01T12:00:00"),
        ("epoch_s", "1451649600.000001", "2016-01-01T12:00:00.000001"),
        ("epoch_ms", "1451649600512", "2016-01-01T12:00:00.512000"),
        ("epoch", 1_451_649_600, "2016-01-01T12:00:00"),
        ("epoch", 1_451_649_600.25, "2016-01-01T12:00:00.250000"),
        ("epoch", 1_451_649_600_512, "2016-01-01T12:00:00.512000"),
        ("epoch", "1451649600512", "2016-01-01T12:00:00.512000"),
        ("epoch", 1_451_649_600_512_003, "2016-01-01T12:00:00.512003"),
        ("epoch", 1_451_649_600_512_003_999, "2016-01-01T12:00:00.512003"),
        ("epoch", 631_152_000, "1990-01-01T00:00:00"),
        ("epoch", 4_102_444_799, "2099-12-31T23:59:59"),
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
        ("iso", "2026-W02-1", "no_time"),
        ("iso", "2026W021T080000Z", "no_time"),
        ("iso", "２０２６-01-05T08:00:00Z", "no_time"),
        ("iso", "2026-01-05T08:00:00Z/2026-01-05T07:00:00Z", "no_time"),
        ("iso", "2026-01-05日08:00:00Z", "no_time"),  # Python takes any sign between date and time
        ("iso", "2026-01-05T08:00:00Z/", "no_time"),
        ("iso", "2026-01-05T08:00:00Z/P", "no_time"),
        ("iso", "2026-01-05T08:00:00Z/PT", "no_time"),
        ("iso", "PT1H/2026-01-05T08:00:00Z", "no_time"),
        ("epoch_s", "", "no_time"),
        ("epoch_s", "1_451_649_600", "no_time"),
        ("epoch_s", "1e9", "no_time"),
        ("epoch_s", "١٤٥١٦٤٩٦٠٠", "no_time"),
        ("epoch_s", "9" * 5000, "no_time"),
        ("epoch_s", "nan", "no_time"),
        ("epoch_s", None, "no_time"),
        ("epoch", 631_151_999, "time_out_of_range"),  # 1989 in seconds, 1970 in the others
        ("epoch", 4_102_444_800, "time_out_of_range"),
        ("epoch", 0, "time_out_of_range"),
        ("epoch", -1_451_649_600, "time_out_of_range"),
        ("epoch", 4e18 * 2, "time_out_of_range"),
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


def test_what_is_remembered_is_short() -> None:
    with pytest.raises(Refused, match="got 101 characters"):
        read("x" * 101)


@pytest.mark.parametrize(
    ("text", "zone", "ambiguous"),
    [
        ("2026-10-25T01:59:59.999999", "Europe/Rome", False),
        ("2026-10-25T02:00:00", "Europe/Rome", True),
        ("2026-10-25T02:59:59", "Europe/Rome", True),
        ("2026-10-25T03:00:00", "Europe/Rome", False),
        ("2026-10-25T02:30:00+01:00", "Europe/Rome", False),
        ("2026-10-25T02:30:00Z", "Europe/Rome", False),
        ("2026-03-29T02:00:00", "Europe/Rome", True),
        ("2026-03-29T03:00:00", "Europe/Rome", False),
        ("2026-10-25T02:30:00", "Asia/Shanghai", False),
        ("2026-10-25T02:30:00", "UTC", False),
        ("2026-04-05T01:45:00", "Australia/Lord_Howe", True),  # half an hour
        ("2026-10-25T02:30:00/PT1H", "Europe/Rome", True),
    ],
)
def test_the_hour_of_which_one_message_cannot_tell_is_marked(text: str, zone: str, ambiguous: bool) -> None:
    assert (type(read(text, timezone=zone)) is Ambiguous) is ambiguous
    reader = time_reader(Time(timezone=zone))
    assert {type(reader(text, "time")) for _ in range(3)} == {Ambiguous if ambiguous else int}  # remembered too


@given(st.integers(631_152_000, 4_102_444_799), st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_the_unit_of_a_number_is_told_by_its_size(seconds: int, unit: int) -> None:
    assert read(seconds * unit, form="epoch") == seconds * 1_000_000 == read(str(seconds * unit), form="epoch")


@given(st.integers(0, 4_102_444_799_999_999))
def test_microseconds_are_exact_as_text(time: int) -> None:
    assert read(f"{time // 10**6}.{time % 10**6:06}", form="epoch_s") == time
    assert read(f"{time // 10**3}.{time % 10**3:03}", form="epoch_ms") == time


def test_a_form_of_its_own() -> None:
    form = {"format": "%Y%m%d%H%M%S", "timezone": "Asia/Shanghai"}
    assert read("20180328235000", **form) == utc("2018-03-28T15:50:00")  # HJ 212
    assert read(20180328235000, **form) == utc("2018-03-28T15:50:00")
    assert type(read("20261025023000", **{**form, "timezone": "Europe/Rome"})) is Ambiguous
    for wrong in ("2018-03-28", "20180328", "20181328235000", "x" * 1000, "", 2.5, True, None, 10**30, -20180328235000):
        with pytest.raises(Refused, match="no_time: expected a time like 20260105183000"):
            read(wrong, **form)
    with pytest.raises(Refused, match="has no zone"):
        read("20180328235000", format="%Y%m%d%H%M%S")


@given(st.text(max_size=120) | st.integers() | st.floats() | st.none(), st.sampled_from(["iso", "epoch", "epoch_ns"]))
def test_whatever_comes_is_read_or_refused(value: Any, form: str) -> None:
    try:
        time = read(value, form=form, timezone="Europe/Rome")
    except Refused:
        return
    assert isinstance(time, int)

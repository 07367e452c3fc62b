"""Forms of times: as strptime reads them, but English, bounded, and told what is wrong with the form itself."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.timeforms import TimeForm


@pytest.mark.parametrize(
    ("form", "text", "moment"),
    [
        ("%Y%m%d%H%M%S", "20180328235000", datetime(2018, 3, 28, 23, 50)),
        ("%d.%m.%Y %H:%M", "5.1.2026 8:05", datetime(2026, 1, 5, 8, 5)),
        ("%d/%b/%Y:%H:%M:%S %z", "05/jan/2026:08:05:09 +0530", None),
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2026-01-05T08:00:00.123456789Z", datetime(2026, 1, 5, 8, 0, 0, 123456, UTC)),
        ("%m/%d/%y %I:%M %p", "1/5/26 12:05 AM", datetime(2026, 1, 5, 0, 5)),
        ("%I%p %Y-%j", "12pm 2024-366", datetime(2024, 12, 31, 12)),
        ("%Y%%%m (%d)", "2026%01 (05)", datetime(2026, 1, 5)),
    ],
)
def test_forms(form: str, text: str, moment: datetime | None) -> None:
    expected = moment or datetime(2026, 1, 5, 8, 5, 9, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert TimeForm(form)(text) == expected
    assert (TimeForm(form)(text).tzinfo is None) == (expected.tzinfo is None)


def test_its_example_is_of_the_form() -> None:
    for form in ("%Y%m%d%H%M%S", "%d/%b/%y %I:%M %p %z", "%Y-%j"):
        assert TimeForm(form)(TimeForm(form).example)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%Y%m%d%H%M%S", "2018032823500"),
        ("%Y%m%d%H%M%S", "201803282350000"),
        ("%Y%m%d", "20260230"),
        ("%Y%m%d%H", "2026010524"),
        ("%Y-%j", "2025-366"),
        ("%Y-%j", "2025-000"),
        ("%Y-%m-%d", "٢٠٢٦-01-05"),
        ("%Y-%m-%d", " 2026-01-05"),
        ("%Y-%m-%d %I %p", "2026-01-05 13 pm"),
        ("%Y-%m-%d%z", "2026-01-05+99:00"),
        ("%Y-%b-%d", "2026-Mai-05"),
    ],
)
def test_what_is_of_no_form(form: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        TimeForm(form)(text)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("%Y-%m", "tells no day"),
        ("%m-%d", "tells no year; add %Y or %y"),
        ("%Y-%d", "tells no month"),
        ("%Y-%m-%d %I", "tells no am or pm"),
        ("%Y-%m-%d %p", "goes with %I"),
        ("%Y-%m-%d %y", "say one thing"),
        ("%Y-%m-%d %d", "stands twice"),
        ("%Y-%m-%d %s", "'%s' is not known; there are %Y"),
        ("%Y-%m-%d %", "'%' is not known"),
        ("", "tells no year"),
    ],
)
def test_forms_that_cannot_be(form: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        TimeForm(form)


@given(
    st.datetimes(datetime(1000, 1, 1)),
    st.sampled_from(["%Y%m%d%H%M%S%f", "%d.%m.%Y %H:%M:%S,%f", "%b %d %Y %H-%M-%S %f"]),
)
def test_it_reads_as_strptime_does(moment: datetime, form: str) -> None:
    text = moment.strftime(form).replace(moment.strftime("%Y"), f"{moment.year:04}", 1)
    assert TimeForm(form)(text) == datetime.strptime(text, form)


@given(st.text(alphabet="%YmdHMSfzbjIpy .:-\0é", max_size=30), st.text(max_size=40))
def test_nothing_but_value_error_comes_out(form: str, text: str) -> None:
    try:
        TimeForm(form)(text)
    except ValueError:
        return

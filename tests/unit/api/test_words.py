"""How values, units and times are written for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aedilis.errors import SettingError
from api import words

ROME = ZoneInfo("Europe/Rome")


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "no value"), (0.0, "0"), (0.123456, "0.1235"), (182.26, "182.3"), (1014.9, "1015"), (12345.6, "12,346")],
)
def test_a_number_has_four_figures(value: float | None, written: str) -> None:
    assert words.number(value) == written


def test_a_time_names_its_zone_in_summer_and_in_winter() -> None:
    assert words.local(datetime(2026, 7, 1, 10, tzinfo=UTC), ROME) == "2026-07-01 12:00 CEST"
    assert words.local(datetime(2026, 1, 1, 10, tzinfo=UTC), ROME) == "2026-01-01 11:00 CET"
    assert words.local(None, ROME) == ""
    assert words.field(datetime(2026, 7, 1, 10, tzinfo=UTC), ROME) == "2026-07-01T12:00"


@pytest.mark.parametrize(
    ("back", "written"),
    [
        (timedelta(seconds=100), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=5), "5 days ago"),
        (timedelta(days=1500), "4 years ago"),
    ],
)
def test_how_long_ago(back: timedelta, written: str) -> None:
    assert words.ago(datetime.now(UTC) - back) == written


def test_what_never_came_was_never() -> None:
    assert words.ago(None) == "never"


def test_a_sentence_tells_its_times_in_the_zone_of_the_pages() -> None:
    text = "PM2.5 182 µg/m³ at Dongsi, expected 40 to 75; since 2015-03-01 06:20 UTC"
    assert words.sentence(text, ROME) == text.replace("06:20 UTC", "07:20 CET")


@pytest.mark.parametrize("name", ["Europe/Rom", "", "../etc/passwd", "Europe"])
def test_an_unknown_zone_is_refused_with_its_setting(name: str) -> None:
    with pytest.raises(SettingError, match="AEDILIS_TIMEZONE"):
        words.zone_of(name)


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        (None, None, "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "en-GB,en;q=0.9,zh;q=0.8", "en"),
        (None, "fr, zh;q=0.2, en;q=0.7", "en"),
        (None, "it, de;q=0.5", "en"),
        (None, "zh;q=much", "en"),
        ("zh", "en", "zh"),
        ("en", "zh", "en"),
        ("tlh", "zh", "zh"),
    ],
)
def test_the_language_that_is_asked_for_goes_before_that_of_the_browser(
    asked: str | None, accepted: str | None, language: str
) -> None:
    assert words.language_of(asked, accepted) == language


def test_a_finding_is_told_in_the_language_or_in_english() -> None:
    anomaly = {"explanation": "out of range", "explanation_zh": "超出范围"}
    assert words.told(anomaly, "zh") == "超出范围"
    assert words.told(anomaly, "en") == words.told({**anomaly, "explanation_zh": ""}, "zh") == "out of range"
    assert words.told({"summary": "a", "summary_zh": "b"}, "zh") == "b"


@pytest.mark.parametrize(
    ("scope", "written"), [("datastream", "PM2.5 at Dongsi"), ("thing", "Dongsi"), ("zone", "PM2.5 in north")]
)
def test_whom_it_is_about(scope: str, written: str) -> None:
    assert words.subject({"scope": scope, "name": "PM2.5", "thing": "Dongsi", "zone": "north"}) == written


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [(40, 75.25, "40 to 75.25"), (None, 75, "at most 75"), (40, None, "at least 40"), (None, None, "")],
)
def test_a_band(low: float | None, high: float | None, written: str) -> None:
    assert words.band(low, high) == written

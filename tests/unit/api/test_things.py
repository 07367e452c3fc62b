"""What the page of a Thing says: trends, completeness, what is wrong, what was told and has not come."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.things import pending, shares, sparkline, state_of, wrong_with
from registry.things import Entry, Stranger

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = 60_000_000


def row(minutes: float, result: float | None) -> dict[str, Any]:
    return {"time": NOON + timedelta(minutes=minutes), "result": result}


def test_a_sparkline_does_not_cross_a_gap() -> None:
    path = sparkline([row(0, 1), row(5, 2), row(60, 2), row(65, 3)], 5 * MINUTE)
    assert path.count("M") == 2
    assert path.count("L") == 2


def test_a_sparkline_does_not_cross_a_missing_result() -> None:
    assert sparkline([row(0, 1), row(5, None), row(10, 2)], 5 * MINUTE).count("L") == 0


def test_a_sparkline_stays_in_its_box() -> None:
    path = sparkline([row(i, (-1) ** i * 1e6) for i in range(50)], MINUTE)
    points = [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", path)]
    assert len(points) == 50
    assert all(0 <= x <= 120 and 0 <= y <= 24 for x, y in points)


def test_a_sparkline_of_one_value_and_of_none() -> None:
    assert sparkline([row(0, 5)], MINUTE).startswith("M")
    assert sparkline([row(0, None)], MINUTE) == sparkline([], MINUTE) == ""


def datastream(number: int, **changes: Any) -> dict[str, Any]:
    calm = {"silent": False, "open_kind": None, "explanation": None, "severity": None}
    return {"id": number, "name": f"d{number}", **calm, **changes}


def alert(number: int, kind: str) -> dict[str, Any]:
    return {"datastream": number, "kind": kind, "severity": "major", "summary": f"{kind} of d{number}"}


def said(**known: Any) -> list[tuple[str, str]]:
    parts = {"state": "speaks", "datastreams": [datastream(1)], "whole": {}, "doubts": [], "alerts": [], **known}
    return [(one["severity"], one["what"]) for one in wrong_with(**parts)]


def test_nothing_is_wrong_with_a_calm_thing() -> None:
    assert said(whole={24: {"expected": 100, "came": 75, "share": 0.75}}) == []


def test_an_alert_speaks_for_its_anomaly() -> None:
    troubled = [
        datastream(1, open_kind="spike", explanation="spike of d1", severity="minor"),
        datastream(2, open_kind="range", explanation="range of d2", severity="minor"),
    ]
    assert said(datastreams=troubled, alerts=[alert(1, "spike")]) == [
        ("major", "spike of d1"),
        ("minor", "range of d2"),
    ]


def test_a_thing_is_silent_or_some_of_it_is_stale() -> None:
    ((severity, what),) = said(datastreams=[datastream(number, silent=True) for number in range(8)])
    assert severity == "silent"
    assert what.startswith("It is silent")
    some = [datastream(number, silent=number < 7) for number in range(8)]
    assert said(datastreams=some) == [("silent", "7 of 8 Datastreams are stale: d0, d1, d2, d3, d4 and 2 more.")]


def test_too_little_came() -> None:
    ((_, what),) = said(whole={24: {"expected": 2880, "came": 1440, "share": 0.5}})
    assert "1,440 of 2,880 expected Observations (50%)" in what


def test_doubts_are_told_from_a_share_on() -> None:
    doubts = [
        {"datastream": 1, "seen": 100, "suspect": 2, "failed": 2},
        {"datastream": 2, "seen": 100, "suspect": 5, "failed": 0},
        {"datastream": 3, "seen": 200, "suspect": 4, "failed": 20},
    ]
    rows = [datastream(number) for number in (1, 2, 3)]
    assert said(datastreams=rows, doubts=doubts) == [
        ("notice", "d2: 5% suspect of the newest 100 Observations."),
        ("minor", "d3: 10% failed and 2% suspect of the newest 200 Observations."),
    ]


STRANGER = Stranger("demo", "a", "air", "city/demo/a/air", 0, 0, 1)


@pytest.mark.parametrize(
    ("approved", "stranger", "spoke", "state"),
    [
        (None, None, True, "speaks"),
        (None, STRANGER, False, "waiting"),
        (True, STRANGER, False, "silent"),
        (False, STRANGER, True, "held"),
        (None, None, False, "silent"),
    ],
)
def test_states(approved: bool | None, stranger: Stranger | None, spoke: bool, state: str) -> None:
    assert state_of(Entry("demo", "a", approved=approved), stranger, spoke=spoke) == state


def test_completeness_is_summed_over_datastreams() -> None:
    rows = [
        {"datastream": 1, "hours": 24, "expected": 10, "came": 10},
        {"datastream": 2, "hours": 24, "expected": 30, "came": 10},
        {"datastream": 1, "hours": 168, "expected": 70, "came": 35},
    ]
    each, whole = shares(rows)
    assert each == {1: {24: 1.0, 168: 0.5}, 2: {24: 1 / 3}}
    assert whole[24] == {"expected": 40, "came": 20, "share": 0.5}


def test_what_was_told_and_is_not_in_the_tables() -> None:
    row = {"zone": "demo/north%2Fa#2", "title": "", "longitude": 1.0, "latitude": 2.0}
    entry = Entry("demo", "a", title="A", zone="north/a", longitude=1.0, latitude=3.0, approved=True)
    assert pending(entry, row) == {"title": "A", "latitude": 3.0}
    assert pending(Entry("demo", "a"), row) == {}
    assert pending(Entry("demo", "a", zone="x", approved=True), None) == {"zone": "x"}

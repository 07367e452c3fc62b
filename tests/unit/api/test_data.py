"""What JSON answers say: rows, spans, pieces."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import HTTPException

from api.data import Last, found, more, normal, plain, span

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def datastream(**changes: Any) -> dict[str, Any]:
    return {"interval_us": 3_600_000_000, "last_time": NOON, "clock_time": NOON, **changes}


def test_identities_are_text_times_are_utc_bytes_are_text() -> None:
    row = {"id": 2**62 + 1, "datastream": -5, "thing_id": None, "anomalies": [2**60], "at": NOON, "payload": b"\xff{"}
    got = plain({**row, "result": 1.5})
    assert got == {
        "id": "4611686018427387905",
        "datastream": "-5",
        "thing_id": None,
        "anomalies": ["1152921504606846976"],
        "at": "2026-03-02T12:00:00Z",
        "payload": "�{",
        "result": 1.5,
    }
    json.dumps(got)


def test_the_number_of_anomalies_stays_a_number() -> None:
    assert plain({"anomalies": 3}) == {"anomalies": 3}


def test_an_anomaly_says_what_would_have_made_it_normal() -> None:
    names = {"thing": "Dongsi", "name": "PM2.5", "zone": "demo/z", "unit": "ug/m3", "facts": {}}
    numbers = {"result": 182.0, "expected_low": 40.0, "expected_high": 75.0, "interval_us": 3_600_000_000}
    row = {"kind": "spike", "detector": "spike", "scope": "datastream", **names, **numbers}
    assert normal(row) == {"en": "at most 75 µg/m³", "zh": "不高于 75 µg/m³"}
    gap = {**row, "kind": "gap", "detector": "gap", "result": None, "scope": "thing", "interval_us": None}
    assert normal(gap) == {"en": "a result", "zh": "一个结果"}


def test_a_row_that_is_not_there_is_404() -> None:
    with pytest.raises(HTTPException) as caught:
        found(None, "Thing")
    assert caught.value.status_code == 404


def test_a_span_ends_after_the_newest_observation() -> None:
    assert span(datastream(), None, None) == (NOON - 199 * HOUR, NOON + HOUR)


def test_a_span_of_a_length() -> None:
    assert span(datastream(), None, None, timedelta(days=1)) == (NOON - 23 * HOUR, NOON + HOUR)


def test_silence_is_shown_but_fills_half_at_most() -> None:
    assert span(datastream(clock_time=NOON + 5 * HOUR), None, None)[1] == NOON + 6 * HOUR
    start, end = span(datastream(clock_time=NOON + timedelta(days=900)), None, None)
    assert (NOON - start, end - NOON) == (99 * HOUR, 101 * HOUR)


def test_a_clock_behind_the_newest_observation_hides_nothing() -> None:
    assert span(datastream(clock_time=NOON - HOUR), None, None)[1] == NOON + HOUR


def test_a_named_span_is_kept_and_a_time_without_zone_is_utc() -> None:
    start = datetime(2026, 1, 1)
    assert span(datastream(), start, NOON) == (start.replace(tzinfo=UTC), NOON)


def test_a_datastream_without_observations_has_a_span() -> None:
    start, end = span(datastream(last_time=None, clock_time=None), None, None)
    assert start < end


@pytest.mark.parametrize(
    ("start", "end"),
    [(NOON, NOON), (NOON + HOUR, NOON), (datetime(1, 1, 1), NOON), (NOON, datetime(9999, 1, 1, tzinfo=UTC))],
)
def test_an_impossible_span_is_refused(start: datetime, end: datetime) -> None:
    with pytest.raises(HTTPException) as caught:
        span(datastream(), start, end)
    assert caught.value.status_code == 422


def test_lengths_are_read_and_others_refused() -> None:
    read = Last.__metadata__[0].func
    assert read("24h") == timedelta(days=1)
    assert read("10y") == timedelta(hours=87_660)
    assert read("") is None
    for text in ("0h", "-1d", "7", "d", "1e9d", "7w", "100000h"):
        with pytest.raises(ValueError, match="24h"):
            read(text)


def test_a_full_piece_has_more_after_it() -> None:
    rows = [{"id": 1}, {"id": 2}]
    assert more(rows, 2) == 2
    assert more(rows, 3) is None
    assert more([], 3) is None

"""Sentences: right for each kind, when it opens and when it ends, with numbers as people write them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aedilis.vocabulary import Datastream, Thing
from detectors.core.explain import explain

AT = 1_425_190_800_000_000
HOUR = 3_600_000_000
DONGSI = Thing(1, "demo", "Dongsi", "demo/z", 0)


def say(
    kind: str, name: str, unit: str, result: Any, low: Any, high: Any, *, ends: int | None = None, interval: int = HOUR
) -> str:
    return explain(
        kind=kind,
        datastream=Datastream(1, DONGSI, name, name, unit, "type", 1, interval),
        result=result,
        expected_low=low,
        expected_high=high,
        starts_at=AT,
        ends_at=None if ends is None else AT + ends,
    )


SINCE = "since 2015-03-01 06:20 UTC"
FROM = "from 2015-03-01 06:20 UTC to"


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (say("spike", "PM2.5", "ug/m3", 182, 40.1, 75.4), f"PM2.5 182 µg/m³ at Dongsi, expected 40 to 75; {SINCE}"),
        (
            say("spike", "PRES", "hPa", 1015.32, 1013.12, 1014.91),
            f"PRES 1015.3 hPa at Dongsi, expected 1013.1 to 1014.9; {SINCE}",
        ),
        (say("spike", "x", "1", 58, 58.2, 131.7), f"x 58 at Dongsi, expected 58.2 to 131.7; {SINCE}"),
        (say("spike", "wd", "deg", 350, 10, 45), f"wd 350° at Dongsi, expected 10 to 45; {SINCE}"),
        (say("spike", "people", "1", 12345.6, 0, 900), f"people 12,346 at Dongsi, expected 0 to 900; {SINCE}"),
        (say("spike", "x", "1", 3, math.nan, math.nan), f"x 3 at Dongsi; {SINCE}"),
        (say("spike", "x", "1", None, 1, 2), f"x at Dongsi: far from what was expected; {SINCE}"),
        (say("range", "TEMP", "Cel", 61, -35, 45), f"TEMP 61 °C at Dongsi, allowed -35 to 45; {SINCE}"),
        (say("range", "TEMP", "Cel", 61, None, 45), f"TEMP 61 °C at Dongsi, allowed at most 45; {SINCE}"),
        (say("range", "TEMP", "Cel", -61, -35, None), f"TEMP -61 °C at Dongsi, allowed at least -35; {SINCE}"),
        (
            say("stuck", "TEMP", "Cel", 12.3, None, None),
            f"TEMP at Dongsi: the same result again and again, 12.3 °C; {SINCE}",
        ),
        (say("gap", "TEMP", "Cel", None, None, None), f"TEMP at Dongsi: no result {SINCE}; one is due every hour"),
        (
            say("gap", "TEMP", "Cel", None, None, None, interval=300_000_000),
            f"TEMP at Dongsi: no result {SINCE}; one is due every 5 minutes",
        ),
        (
            say("gap", "TEMP", "Cel", None, None, None, ends=8 * HOUR + 300_000_000),
            f"TEMP at Dongsi: no result {FROM} 2015-03-01 14:25 UTC (8 hours 5 minutes)",
        ),
        (
            say("spike", "PM2.5", "ug/m3", 63, 40.1, 75.4, ends=HOUR),
            f"PM2.5 at Dongsi: far from what was expected {FROM} 2015-03-01 07:20 UTC (1 hour);"
            " now 63 µg/m³, expected 40 to 75",
        ),
        (
            say("stuck", "TEMP", "Cel", 12.4, None, None, ends=50 * HOUR),
            f"TEMP at Dongsi: the same result again and again {FROM} 2015-03-03 08:20 UTC (2 days 2 hours); now 12.4 °C",
        ),
        (
            say("range", "TEMP", "Cel", 44, -35, 45, ends=60_000_000),
            f"TEMP at Dongsi: out of range {FROM} 2015-03-01 06:21 UTC (1 minute); now 44 °C, allowed -35 to 45",
        ),
        (say("drift", "x", "1", 3, 1, 2), f"x 3 at Dongsi, expected 1 to 2; {SINCE}"),
    ],
)
def test_sentences(said: str, wanted: str) -> None:
    assert said == wanted


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
    assert say("spike", "x", "1", value, None, None).startswith(f"x {wanted} at ")


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(["spike", "range", "stuck", "gap", "other"]),
    result=st.none() | st.floats(),
    low=st.none() | st.floats(),
    high=st.none() | st.floats(),
    start=st.integers(-(2**62), 2**62),
    span=st.none() | st.integers(-(2**61), 2**61),
)
def test_nothing_breaks_it(kind: str, result: Any, low: Any, high: Any, start: int, span: int | None) -> None:
    said = explain(
        kind=kind,
        datastream=Datastream(1, DONGSI, "x", "x", "ug/m3", "type", 1, HOUR),
        result=result,
        expected_low=low,
        expected_high=high,
        starts_at=start,
        ends_at=None if span is None else start + span,
    )
    assert "Dongsi" in said
    assert "nan" not in said
    assert "inf" not in said
    assert len(said) < 300

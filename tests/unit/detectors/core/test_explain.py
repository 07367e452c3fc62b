"""Sentences: right for each kind, subject and language, when it opens and when it ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aedilis.vocabulary import Evidence, Scope
from detectors.core.explain import Finding, explain, name_of, would_be_normal

AT = 1_425_190_800_000_000
HOUR = 3_600_000_000
MINUTE = 60_000_000
SINCE = "since 2015-03-01 06:20 UTC"
FROM = "from 2015-03-01 06:20 UTC to"


def finding(
    kind: str,
    name: str = "PM2.5",
    unit: str = "ug/m3",
    result: Any = None,
    low: Any = None,
    high: Any = None,
    *,
    ends: int | None = None,
    interval: int = HOUR,
    scope: Scope = Scope.DATASTREAM,
    **more: Any,
) -> Finding:
    return Finding(
        kind=kind,
        detector=kind,
        scope=scope,
        thing="Dongsi",
        name=name,
        zone="demo/dongcheng",
        unit=unit,
        interval=interval,
        result=result,
        expected_low=low,
        expected_high=high,
        starts_at=AT,
        ends_at=None if ends is None else AT + ends,
        **more,
    )


OPENED = [
    (
        finding("spike", result=182, low=40.1, high=75.4),
        "PM2.5 182 µg/m³ at Dongsi, expected 40 to 75",
        "at most 75 µg/m³",
    ),
    (
        finding("spike", "PRES", "hPa", 1010.32, 1013.12, 1014.91),
        "PRES 1010.3 hPa at Dongsi, expected 1013.1 to 1014.9",
        "at least 1013.1 hPa",
    ),
    (finding("spike", "x", "1", 58, 58.2, 131.7), "x 58 at Dongsi, expected 58.2 to 131.7", "at least 58.2"),
    (finding("spike", "wd", "deg", 350, 10, 45), "wd 350° at Dongsi, expected 10 to 45", "at most 45°"),
    (finding("spike", "x", "1", 3, math.nan, math.nan), "x 3 at Dongsi", ""),
    (finding("spike", "x", "1", None, 1, 2), "x at Dongsi: far from what was expected, expected 1 to 2", "1 to 2"),
    (finding("range", "TEMP", "Cel", 61, None, 45), "TEMP 61 °C at Dongsi, allowed at most 45", "at most 45 °C"),
    (finding("range", "TEMP", "Cel", -61, -35, None), "TEMP -61 °C at Dongsi, allowed at least -35", "at least -35 °C"),
    (
        finding("stuck", "TEMP", "Cel", 12.3),
        "TEMP at Dongsi: the same result again and again, 12.3 °C",
        "a result that differs",
    ),
    (
        finding("stuck", "TEMP", "Cel", 12.3, facts={"results": 24.0, "tolerance": 0.05}),
        "TEMP at Dongsi: the same result again and again, 24 times, 12.3 °C",
        "a result that differs by more than 0.05",
    ),
    (finding("gap", "TEMP", "Cel"), "TEMP at Dongsi: no result", "a result every hour"),
    (finding("gap", "TEMP", "Cel", interval=5 * MINUTE), "TEMP at Dongsi: no result", "a result every 5 minutes"),
    (finding("not_yet", "x", "1", 3, 1, 2), "x at Dongsi: not yet, 3, expected 1 to 2", "at most 2"),
    (finding("not_yet", "x", "1", 1.5, 1, 2), "x at Dongsi: not yet, 1.5, expected 1 to 2", "1 to 2"),
    (finding("not_yet", "x", "1", 3, 9, 2), "x at Dongsi: not yet, 3, expected 9 to 2", "9 to 2"),
    (finding("not_yet", scope=Scope.THING), "Dongsi: not yet", ""),
    (
        finding("not_yet", result=9, high=8, scope=Scope.ZONE),
        "PM2.5 in demo/dongcheng: not yet, 9 µg/m³, expected at most 8",
        "at most 8 µg/m³",
    ),
]


@pytest.mark.parametrize(("found", "said", "normal"), OPENED)
def test_what_opened(found: Finding, said: str, normal: str) -> None:
    assert explain(found) == f"{said}; {SINCE}" + (f"; normal would be {normal}" if normal else "")
    assert would_be_normal(found) == normal


ENDED = [
    (
        finding("gap", "TEMP", "Cel", ends=8 * HOUR + 5 * MINUTE),
        f"TEMP at Dongsi: no result {FROM} 2015-03-01 14:25 UTC (8 hours 5 minutes)",
    ),
    (
        finding("spike", result=63, low=40.1, high=75.4, ends=HOUR),
        f"PM2.5 at Dongsi: far from what was expected {FROM} 2015-03-01 07:20 UTC (1 hour); now 63 µg/m³, expected 40 to 75",
    ),
    (
        finding("stuck", "TEMP", "Cel", 12.4, ends=50 * HOUR),
        f"TEMP at Dongsi: the same result again and again {FROM} 2015-03-03 08:20 UTC (2 days 2 hours); now 12.4 °C",
    ),
    (
        finding("range", "TEMP", "Cel", 44, -35, 45, ends=MINUTE),
        f"TEMP at Dongsi: out of range {FROM} 2015-03-01 06:21 UTC (1 minute); now 44 °C, allowed -35 to 45",
    ),
]


@pytest.mark.parametrize(("found", "said"), ENDED)
def test_what_ended(found: Finding, said: str) -> None:
    assert explain(found) == said


BECAUSE = (Evidence("own_history", 0.72), Evidence("neighbours", 0.275), Evidence("weather", 0.005))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            finding("spike", result=182, low=40, high=75, evidence=BECAUSE),
            "Dongsi PM2.5 182 µg/m³，预期 40 至 75；自 2015-03-01 06:20 UTC 起；依据：own history 72%、neighbours 28%；"
            "正常应为不高于 75 µg/m³",
        ),
        (
            finding("range", "TEMP", "Cel", 61, None, 45),
            "Dongsi TEMP 61 °C，允许不高于 45；自 2015-03-01 06:20 UTC 起；正常应为不高于 45 °C",
        ),
        (
            finding("stuck", "TEMP", "Cel", 12.3, facts={"results": 24.0}),
            "Dongsi TEMP：结果长时间不变，连续 24 次，12.3 °C；自 2015-03-01 06:20 UTC 起；正常应为有变化的结果",
        ),
        (
            finding("gap", "TEMP", "Cel", interval=5 * MINUTE),
            "Dongsi TEMP：无数据；自 2015-03-01 06:20 UTC 起；正常应为每 5 分钟一个结果",
        ),
        (finding("gap", scope=Scope.THING), "Dongsi：无数据；自 2015-03-01 06:20 UTC 起；正常应为每小时一个结果"),
        (
            finding("not_yet", result=5, low=1, high=7, scope=Scope.ZONE),
            "demo/dongcheng PM2.5：not yet，5 µg/m³，预期 1 至 7；自 2015-03-01 06:20 UTC 起；正常应为 1 至 7 µg/m³",
        ),
        (
            finding("range", "TEMP", "Cel", 44, -35, 45, ends=MINUTE),
            "Dongsi TEMP：超出允许范围，自 2015-03-01 06:20 UTC 至 2015-03-01 06:21 UTC（1 分钟）；现为 44 °C，允许 -35 至 45",
        ),
    ],
)
def test_in_chinese(found: Finding, said: str) -> None:
    assert explain(found, "zh") == said


def test_what_spoke_is_told_with_its_share_and_no_trifles() -> None:
    said = explain(finding("spike", result=182, low=40, high=75, evidence=BECAUSE))
    assert f"; {SINCE}; because of own history (72 %), neighbours (28 %); normal would be" in said
    many = tuple(Evidence(f"e{i}", 0.2) for i in range(5))
    assert explain(finding("spike", result=1, evidence=many)).count("%") == 3


def test_evidence_and_facts_are_called_what_their_detector_calls_them() -> None:
    assert (name_of("stuck", "results"), name_of("stuck", "results", "zh")) == ("equal results", "相同结果数")
    assert name_of("stuck", "from_deg", "zh") == name_of("gone", "from_deg") == "from deg"


FLOATS = st.none() | st.floats()


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(["spike", "range", "stuck", "gap", "other"]),
    scope=st.sampled_from(Scope),
    numbers=st.tuples(FLOATS, FLOATS, FLOATS),
    facts=st.dictionaries(st.sampled_from(["results", "tolerance"]), st.floats()),
    start=st.integers(-(2**62), 2**62),
    span=st.none() | st.integers(-(2**61), 2**61),
    language=st.sampled_from(["en", "zh"]),
)
def test_nothing_breaks_it(
    kind: str,
    scope: Scope,
    numbers: tuple[Any, Any, Any],
    facts: Mapping[str, float],
    start: int,
    span: int | None,
    language: Any,
) -> None:
    ends = None if span is None else start + span - AT
    found = finding(kind, "x", "ug/m3", *numbers, scope=scope, ends=ends, evidence=BECAUSE, facts=facts)
    said = explain(found, language)
    assert ("demo/dongcheng" if scope is Scope.ZONE else "Dongsi") in said
    for broken in ("nan", "inf", "{", "[", "  ", "，，", ", ,"):
        assert broken not in said
    assert len(said) < 500

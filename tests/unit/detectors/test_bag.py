"""Bag judges each deviation by the weight that was declared with it, and by the law in force then."""

from __future__ import annotations

from typing import Any

import numpy as np

from aedilis.vocabulary import Datastream, Thing
from detectors.bag import Bag
from detectors.core.columns import table
from detectors.core.interface import Verdict
from detectors.core.panel import Panel

START = 1_767_571_200_000_000
COLUMNS = ("declared", "deviation", "weighed")


def judge(declared: list[float], deviation: list[float], start: int = START, **given: Any) -> Verdict:
    """One hall, a bag a bin; the third column is watched by nobody."""
    detector = Bag()
    datastream = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "g", "type", 1, 600_000_000)
    rows = [
        detector.parameters_of({"role": role, "price": 3, **given}, datastream) for role in ("declared", "deviation")
    ]
    parameters = {name: column[None] for name, column in table([*rows, rows[1]], detector.parameters).items()}
    result = np.array([declared, deviation, deviation]).T[:, None, :]
    panel = Panel(
        start + np.arange(len(declared)) * 600_000_000, result, np.array([[True, True, False]]), COLUMNS, COLUMNS,
        np.zeros(1), np.zeros(1), 600_000_000,
    )  # fmt: skip
    return detector.update({}, {}, parameters, panel)


def accused(verdict: Verdict) -> list[bool]:
    assert (verdict.score[:, 0, [0, 2]] < 0.9).all()
    return (verdict.score[:, 0, 1] >= 0.9).tolist()  # type: ignore[no-any-return]


def test_the_tolerance_is_that_of_its_own_weight() -> None:
    verdict = judge([500, 1000, 1001, 5000, 500], [-21, -21, -21, -101, -20])
    assert accused(verdict) == [True, True, False, True, False]
    assert verdict.expected_low[:, 0, 1].tolist() == [-20, -20, -40, -100, -20]
    assert verdict.facts is not None
    assert verdict.facts[:, 0, 0, 1].tolist() == [500, 20, 0]


def test_of_dearer_goods_less_may_lack() -> None:
    assert accused(judge([1000], [-6], price=20)) == [True]
    assert accused(judge([1000], [-6], price=20, margin=5)) == [False]
    assert accused(judge([400], [-1.5], price=500)) == [True]


def test_nothing_is_judged_without_weight_law_or_price() -> None:
    assert accused(judge([np.nan, 30_000, 500], [-300, -300, np.nan])) == [False] * 3
    assert accused(judge([500], [-300], start=10**15)) == [False], "2001"
    assert accused(judge([500], [-300], price=0)) == [False]


def test_the_side_that_loses() -> None:
    verdict = judge([500, 500], [-300, 300], loss="above")
    assert accused(verdict) == [False, True]
    assert verdict.expected_high[0, 0, 1] == 20

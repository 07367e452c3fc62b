"""Range tells what lies outside of its limits."""

from __future__ import annotations

import numpy as np
import pytest

from aedilis.vocabulary import Datastream, Thing
from detectors.core.columns import table
from detectors.core.runs import runs
from detectors.range import Range

DATASTREAM = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, 3_600_000_000)


def test_outside_is_1_the_limits_themselves_are_inside() -> None:
    detector = Range()
    values = np.array([-0.1, 0, 5, 10, 10.1, 1e300, -1e300])
    n = len(values)
    parameters = table([detector.parameters_of({"low": 0, "high": 10}, DATASTREAM)] * n, detector.parameters)
    verdict = detector.update(detector.fresh(n), parameters, runs(np.arange(n), np.arange(n), values))
    assert verdict.score.tolist() == [1, 0, 0, 0, 1, 1, 1]
    assert set(verdict.expected_low.tolist()) == {0}
    assert set(verdict.expected_high.tolist()) == {10}


def test_one_end_may_be_open() -> None:
    detector = Range()
    values = np.array([-1e300, 0, 11])
    parameters = table([detector.parameters_of({"high": 10}, DATASTREAM)] * 3, detector.parameters)
    assert detector.update(detector.fresh(3), parameters, runs(np.arange(3), np.arange(3), values)).score.tolist() == [
        0,
        0,
        1,
    ]


def test_it_sees_what_failed_a_quality_test() -> None:
    assert Range.sees_failed


def test_limits_must_be_in_order() -> None:
    with pytest.raises(ValueError, match="expected low < high, got 3"):
        Range().parameters_of({"low": 3, "high": 3}, DATASTREAM)

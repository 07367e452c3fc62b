"""Gap knows when silence becomes an anomaly."""

from __future__ import annotations

import numpy as np
import pytest

from aedilis.vocabulary import Datastream, Thing
from detectors.core.columns import table
from detectors.core.interface import FAR, NEVER
from detectors.core.runs import runs
from detectors.gap import Gap

DATASTREAM = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, 60_000_000)


def deadline(times: list[int], **declared: float) -> int:
    detector = Gap()
    state = detector.fresh(1)
    parameters = table([detector.parameters_of(declared, DATASTREAM)], detector.parameters)
    for time in times:
        detector.update(state, parameters, runs(np.zeros(1, np.intp), np.array([time]), np.array([1.0])))
    return int(detector.deadline(state, parameters)[0])


def test_the_deadline_is_the_newest_result_and_the_allowed_silence() -> None:
    assert deadline([1_000, 5_000], after_s=90) == 90_005_000


def test_five_intervals_if_nothing_is_declared() -> None:
    assert deadline([7]) == 300_000_007


def test_who_never_spoke_is_not_awaited() -> None:
    assert deadline([]) == FAR


@pytest.mark.parametrize("time", [NEVER + 1, -5, 0, FAR - 300_000_000])
def test_all_of_time(time: int) -> None:
    assert deadline([time]) == time + 300_000_000


def test_the_end_of_time_has_no_deadline() -> None:
    assert deadline([FAR - 1]) == FAR

"""Recall is corrected for chance; events are held against runs of marked rows."""

from __future__ import annotations

import numpy as np
import pytest

from bench.detection.injection import Case, Fault
from bench.detection.scoring import Finding, events, faults

T0 = np.datetime64("2015-01-01T00", "s")


def at(hour: float) -> np.datetime64:
    return T0 + np.timedelta64(round(hour * 3600), "s")


def finding(
    detected: float, kind: str = "spike", name: str = "x", starts: float | None = None, ends: float = 0
) -> Finding:
    return Finding("t", name, kind, at(detected if starts is None else starts), at(detected), at(ends or detected))


def case(*labels: Fault) -> Case:
    times = np.array([at(hour) for hour in range(1000)])
    nothing = np.zeros((1000, 2))
    return Case("air", times, (("t", "x"), ("t", "y")), nothing, nothing, labels, at(0), at(1000), {})


def fault(starts: float, ends: float, kind: str = "spike", name: str = "x") -> Fault:
    return Fault("t", name, kind, at(starts), at(ends))


def test_a_fault_is_hit_until_the_grace_after_its_end() -> None:
    labels = [fault(100, 101), fault(200, 201), fault(300, 301), fault(400, 401, "gap")]
    found = [finding(113), finding(213.5), finding(300, "noise"), finding(300, name="y"), finding(99)]
    clean = [finding(105, starts=95, ends=105)]
    figure = faults("f", case(*labels), found, clean)
    by_kind = {one.kind: one for one in figure.kinds}
    spike, rest = by_kind["spike"], by_kind["all but gap"]
    assert (spike.faults, spike.recall, spike.chance) == (3, pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert spike.corrected == pytest.approx((2 / 3 - 1 / 3) / (1 - 1 / 3))
    assert spike.named_right == 0.5
    assert spike.median_delay_h == 6.5
    assert by_kind["gap"].recall == 0
    assert rest.faults == 3
    assert figure.alarm_share_of_time == pytest.approx(10 / 2000)
    assert figure.false_alarms_per_series_month == pytest.approx(1 / (2 * 1000 * 3600 / 2_630_016))


def test_events_are_held_against_findings_about_the_thing_if_there_are_any() -> None:
    times = np.array([at(hour) for hour in range(100)])
    labelled = np.zeros(100, bool)
    labelled[10:20] = labelled[50:60] = True
    about_thing = [finding(15, "c", "*", ends=24), finding(80, "c", "*", ends=89)]
    figure = events("e", times, labelled, [*about_thing, finding(50, ends=59)])
    assert (figure.events, figure.alarms, figure.event_f1) == (2, 2, 0.5)
    assert figure.point_f1 == pytest.approx(2 * (5 / 20) * (5 / 20) / (10 / 20))
    assert events("e", times, labelled, [finding(50, ends=59)]).event_f1 == pytest.approx(2 / 3)
    assert events("e", times, labelled, []).point_f1 == 0

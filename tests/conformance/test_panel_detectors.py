"""What every detector of neighbours must do, found by scanning."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from aedilis.vocabulary import Datastream, Scope, Thing
from detectors.core.columns import Columns, records, table
from detectors.core.discovery import panel_detectors
from detectors.core.interface import Verdict
from detectors.core.panel import Panel, PanelDetector

HOUR = 3_600_000_000
BINS, THINGS, COLUMNS = 330, 6, 5
START = 1_767_571_200_000_000  # a Monday

detectors = pytest.mark.parametrize("detector", panel_detectors().values(), ids=lambda detector: detector.name)


def datastream(column: int) -> Datastream:
    name = f"x{column}"
    return Datastream(column, Thing(1, "demo", "t", "demo/z", 0), name, name, "1", "type", 1, HOUR)


@cache
def panel() -> Panel:
    """Neighbours of all kinds: alike, shifted, stuck, silent for long, constant, huge, tiny; one cell has no Datastream."""
    chance = np.random.default_rng(1)
    step = np.arange(BINS)[:, None, None]
    shape = (BINS, THINGS, COLUMNS)
    zone = np.cumsum(chance.normal(0, 1, (BINS, 1, COLUMNS)), axis=0)
    result = 60 + 20 * np.sin(step / 24 * 2 * np.pi) + zone + chance.normal(0, 2, shape)
    result[200:260, 0, 0] += 80  # shifted
    result[150:200, 1, 0] = result[150, 1, 0]  # stuck
    result[90::40, 2, 0] += 400  # spikes
    result[100:180, 3, 1] = np.nan  # silent
    result[:, 4, 1] = 7.0
    result[:, 5, 1] = 0.0
    result[240:300, :, 2] += 120  # all of them
    result[:, 1, 3] *= 1e300
    result[:, 2, 3] *= 1e-300
    result[:, 3, 3] = np.where(np.arange(BINS) % 2 == 0, 1, -1) * np.finfo(np.float64).max
    result[:, :, 4] = np.round(np.abs(result[:, :, 4]))
    result[chance.random(shape) < 0.05] = np.nan
    result[50:54] = np.nan
    there = np.ones((THINGS, COLUMNS), bool)
    there[5, 3] = False
    result[:, ~there] = np.nan
    time = START + np.concatenate([np.arange(200), np.arange(200, BINS) + 24 * 40]) * HOUR  # with a long hole
    east = np.array([0.0, 3.0, -2.0, 8.0, np.nan, -5.0])
    names = tuple(f"x{i}" for i in range(COLUMNS))
    return Panel(time, result, there, names, names, east, east[::-1].copy(), HOUR)


def of_subjects(detector: PanelDetector) -> tuple[int, ...]:
    return {Scope.DATASTREAM: (THINGS, COLUMNS), Scope.THING: (THINGS,), Scope.ZONE: (COLUMNS,)}[detector.scope]


def parameters(detector: PanelDetector) -> Columns:
    rows = [detector.parameters_of({}, datastream(column)) for _ in range(THINGS) for column in range(COLUMNS)]
    return {name: shaped(column, (THINGS, COLUMNS)) for name, column in table(rows, detector.parameters).items()}


def shaped(column: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(column).reshape(shape + column.shape[1:])


def fresh(detector: PanelDetector) -> tuple[Columns, Columns]:
    state = {name: shaped(column, (THINGS, COLUMNS)) for name, column in detector.fresh(THINGS * COLUMNS).items()}
    if detector.scope is Scope.DATASTREAM:
        return state, {}
    shape = of_subjects(detector)
    own = detector.fresh_own(int(np.prod(shape)))
    return state, {name: shaped(column, shape) for name, column in own.items()}


def part(start: int, end: int) -> Panel:
    every = panel()
    return Panel(
        every.time[start:end],
        every.result[start:end].copy(),
        every.there,
        every.columns,
        every.properties,
        every.east,
        every.north,
        every.interval,
    )


def run(detector: PanelDetector, state: Columns, own: Columns, *edges: int) -> list[Verdict]:
    return [
        detector.update(state, own, parameters(detector), part(start, end)) for start, end in itertools.pairwise(edges)
    ]


def bits(*columns: Columns) -> list[bytes]:
    return [column.tobytes() for each in columns for _, column in sorted(each.items())]


def joined(verdicts: list[Verdict]) -> dict[str, bytes]:
    """Each column of some verdicts one after the other, as bits; bins are the first axis, or the second of several rows."""
    out = {}
    for name in ("score", "expected_low", "expected_high", "starts_at", "kind"):
        columns = [getattr(one, name) for one in verdicts]
        if columns[0] is not None:
            out[name] = np.concatenate(columns).tobytes()
    for name in ("evidence", "facts"):
        columns = [getattr(one, name) for one in verdicts]
        if columns[0] is not None:
            out[name] = np.concatenate(columns, axis=1).tobytes()
    return out


@detectors
def test_scores_bands_kinds_and_evidence(detector: PanelDetector) -> None:
    (verdict,) = run(detector, *fresh(detector), 0, BINS)
    shape = (BINS, *of_subjects(detector))
    for column in (verdict.score, verdict.expected_low, verdict.expected_high):
        assert column.shape == shape
        assert column.dtype == np.float64
    present = panel().there if detector.scope is Scope.DATASTREAM else np.ones(of_subjects(detector), bool)
    score = verdict.score[:, present]
    assert ((score >= 0) & (score <= 1)).all()  # NaN is neither
    low, high = verdict.expected_low[:, present], verdict.expected_high[:, present]
    known = ~np.isnan(low) & ~np.isnan(high)
    assert (low[known] <= high[known]).all()
    assert verdict.starts_at.dtype == np.int64
    assert verdict.starts_at.shape == shape
    assert (verdict.starts_at[:, present] <= np.maximum.accumulate(panel().time + HOUR)[:, None]).all()
    if verdict.kind is not None:
        assert ((verdict.kind >= 0) & (verdict.kind < len(detector.kinds))).all()
    names = panel().columns if detector.evidence == ("*",) else detector.evidence
    if verdict.evidence is not None:
        assert verdict.evidence.shape == (len(names), *shape)
        strength = verdict.evidence[:, :, present]
        assert (np.isfinite(strength) & (strength >= 0)).all()
    if verdict.facts is not None:
        assert verdict.facts.shape == (len(detector.facts), *shape)
    assert len(detector.kinds) >= 1


@detectors
def test_what_comes_later_changes_nothing(detector: PanelDetector) -> None:
    (whole,) = run(detector, *fresh(detector), 0, BINS)
    (prefix,) = run(detector, *fresh(detector), 0, BINS // 2)
    assert whole.score[: BINS // 2].tobytes() == prefix.score.tobytes()
    assert whole.starts_at[: BINS // 2].tobytes() == prefix.starts_at.tobytes()


@detectors
@pytest.mark.parametrize("step", [1, 7])
def test_any_cut_is_the_same(detector: PanelDetector, step: int) -> None:
    state, own = fresh(detector)
    whole = run(detector, state, own, 0, BINS)
    cut_state, cut_own = fresh(detector)
    cut = run(detector, cut_state, cut_own, *range(0, BINS, step), BINS)
    assert joined(cut) == joined(whole)
    assert bits(cut_state, cut_own) == bits(state, own)


@detectors
def test_a_snapshot_goes_on_to_the_bit(detector: PanelDetector) -> None:
    state, own = fresh(detector)
    whole = run(detector, state, own, 0, 140, BINS)
    kept, kept_own = fresh(detector)
    first = run(detector, kept, kept_own, 0, 140)
    restored = through_records(kept, detector.state, (THINGS, COLUMNS))
    restored_own = through_records(kept_own, detector.own, of_subjects(detector)) if kept_own else {}
    assert joined(first + run(detector, restored, restored_own, 140, BINS)) == joined(whole)
    assert bits(restored, restored_own) == bits(state, own)


def through_records(columns: Columns, layout: np.dtype[np.void], shape: tuple[int, ...]) -> Columns:
    if not layout.names:
        return {}
    flat = {name: column.reshape(-1, *column.shape[len(shape) :]) for name, column in columns.items()}
    raw = records(flat, layout, slice(None)).tobytes()
    return {name: shaped(column, shape) for name, column in table(np.frombuffer(raw, layout), layout).items()}


@detectors
def test_state_is_small_plain_and_starts_alike(detector: PanelDetector) -> None:
    for layout in (detector.state, detector.own):
        assert not layout.hasobject
        assert layout.itemsize <= 4096
    if detector.state.names:
        one = records(detector.fresh(1), detector.state, slice(None)).tobytes()
        assert records(detector.fresh(3), detector.state, slice(None)).tobytes() == one * 3
    assert detector.schema >= 1


@detectors
def test_results_are_left_as_they_were(detector: PanelDetector) -> None:
    given = part(0, 40)
    before = given.result.tobytes(), given.time.tobytes()
    detector.update(*fresh(detector), parameters(detector), given)
    assert (given.result.tobytes(), given.time.tobytes()) == before


@detectors
def test_no_alarm_in_warm_up(detector: PanelDetector) -> None:
    (verdict,) = run(detector, *fresh(detector), 0, int(detector.defaults.get("warm_up", 1)))
    assert verdict.score.max() < 0.9


@detectors
def test_a_thing_alone_and_a_column_alone(detector: PanelDetector) -> None:
    """No neighbours: it says something sound all the same."""
    every = panel()
    state = {name: column[:1, :1].copy() for name, column in fresh(detector)[0].items()}
    own = {name: column[:1].copy() for name, column in fresh(detector)[1].items()}
    alone = Panel(
        every.time,
        every.result[:, :1, :1].copy(),
        every.there[:1, :1],
        every.columns[:1],
        every.properties[:1],
        every.east[:1],
        every.north[:1],
        every.interval,
    )
    own_parameters = {name: column[:1, :1].copy() for name, column in parameters(detector).items()}
    score = detector.update(state, own, own_parameters, alone).score
    assert ((score >= 0) & (score <= 1)).all()

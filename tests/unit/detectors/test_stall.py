"""Stall finds one that gives less than the others of its market do, and accuses none of what errs for all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Thing
from detectors.core.columns import Columns, records, table
from detectors.core.interface import Verdict
from detectors.core.panel import Panel
from detectors.stall import Stall, others

BINS, HALLS, SCALES = 300, 3, 6
QUARTER = 900_000_000
START = 1_767_571_200_000_000


def market(seed: int = 1) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(-2.5, 2.5, (BINS, HALLS, SCALES))


def watch(result: npt.NDArray[np.float64], at_once: int = BINS, **declared: Any) -> tuple[list[Verdict], bytes]:
    """What is said, so many bins at once; state is written down and read again in between."""
    detector = Stall()
    things, columns = result.shape[1:]
    datastream = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "g", "type", 1, QUARTER)
    rows = table([detector.parameters_of(declared, datastream)] * (things * columns), detector.parameters)
    parameters: Columns = {name: column.reshape(things, columns) for name, column in rows.items()}
    state = detector.fresh(things * columns)
    said = []
    for begin in range(0, len(result), at_once):
        part = slice(begin, begin + at_once)
        names = tuple(f"scale/{i}" for i in range(columns))
        panel = Panel(
            START + np.arange(len(result))[part] * QUARTER, result[part], np.ones((things, columns), bool), names, names,
            np.zeros(things), np.zeros(things), QUARTER,
        )  # fmt: skip
        grid = {name: column.reshape(things, columns, *column.shape[1:]) for name, column in state.items()}
        said.append(detector.update(grid, {}, parameters, panel))
        flat = {name: column.reshape(things * columns, *column.shape[2:]) for name, column in grid.items()}
        kept = records(flat, detector.state, slice(None)).tobytes()
        state = table(np.frombuffer(kept, detector.state), detector.state)
    return said, kept


def accused(result: npt.NDArray[np.float64], **declared: Any) -> list[tuple[int, int]]:
    (verdict,), _ = watch(result, **declared)
    return [(int(t), int(c)) for t, c in np.argwhere((verdict.score >= 0.9).any(axis=0))]


def test_one_that_gives_less_than_the_others_is_found() -> None:
    result = market()
    result[150:, 1, 4] -= 20.0
    (verdict,), _ = watch(result)
    assert accused(result) == [(1, 4)]
    at = int(np.argmax(verdict.score[:, 1, 4] >= 0.9))
    assert 152 < at < 180
    assert abs((verdict.starts_at[at, 1, 4] - START) / QUARTER - 150) <= 1
    assert verdict.facts is not None
    assert -22.5 < verdict.facts[1, at, 1, 4] < -17.5


def test_what_errs_for_all_accuses_none() -> None:
    assert accused(market() - 40.0) == []
    result = market() - 40.0
    result[:, 0, 0] -= 20.0
    assert accused(result) == [(0, 0)]


def test_others_may_be_those_of_the_zone() -> None:
    result = np.random.default_rng(2).uniform(-2.5, 2.5, (BINS, 8, 1))
    result[:, 3, 0] -= 20.0
    assert accused(result, peers="zone") == [(3, 0)]
    assert accused(result) == [], "no other scale in the hall"


def test_with_too_few_others_nothing_is_said() -> None:
    result = market()
    result[:, 0, 0] -= 20.0
    result[:, 0, 4:] = np.nan
    assert accused(result) == []
    assert accused(result, fewest=3) == [(0, 0)]


def test_any_cut_and_any_snapshot_is_the_same_to_the_bit() -> None:
    result = market()
    result[150:, 1, 4] -= 20.0
    result[np.random.default_rng(3).random(result.shape) < 0.2] = np.nan
    result[20, 0, 0], result[21, 0, 1] = 1e300, -1e300
    (whole,), state = watch(result)
    assert np.isfinite(whole.score).all()
    for at_once in (1, 7):
        parts, kept = watch(result, at_once)
        assert np.concatenate([part.score for part in parts]).tobytes() == whole.score.tobytes()
        assert np.concatenate([part.starts_at for part in parts]).tobytes() == whole.starts_at.tobytes()
        assert kept == state


def test_the_median_of_the_others() -> None:
    result = np.array([[[3.0, 1.0, np.nan, 10.0, 2.0]]])
    median, many = others(result, 2)
    assert median.ravel().tolist() == [2.0, 3.0, 2.5, 2.0, 3.0]
    assert many.ravel().tolist() == [3, 3, 4, 3, 3]
    alone, many = others(np.array([[[3.0]]]), 2)
    assert np.isnan(alone).all()
    assert many.ravel().tolist() == [0]

"""Novelty tells of what a Datastream never did, or never at this hour, and of nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from aedilis.vocabulary import Datastream, Thing
from detectors.core.columns import records, table
from detectors.core.interface import Verdict
from detectors.core.runs import runs
from detectors.novelty import Novelty

MINUTE = 60_000_000
FIVE, HOUR, DAY = 5 * MINUTE, 60 * MINUTE, 24 * 60 * MINUTE
MONDAY = 1_767_571_200_000_000
LIKELY = 0.5


def datastream(interval: int) -> Datastream:
    return Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, interval)


def watch(values: Any, *, interval: int = FIVE, **declared: Any) -> Verdict:
    """All results of one Datastream at once."""
    detector = Novelty()
    n = len(values)
    parameters = table([detector.parameters_of(declared, datastream(interval))] * n, detector.parameters)
    given = runs(np.zeros(n, np.intp), MONDAY + np.arange(n) * interval, np.asarray(values, np.float64))
    return detector.update(detector.fresh(1), parameters, given)


def days(n: int) -> npt.NDArray[np.float64]:
    """A smooth day with noise, every five minutes."""
    step = np.arange(n * 288)
    return 100 + 30 * np.sin(step / 288 * 2 * np.pi) + np.random.default_rng(1).normal(0, 2, len(step))


def test_usual_days_are_no_news() -> None:
    assert watch(days(25)).score.max() < LIKELY


def test_a_level_never_seen_is_told_once() -> None:
    values = days(25)
    values[20 * 288 : 20 * 288 + 60] = 230
    verdict = watch(values)
    told = np.flatnonzero(verdict.score > LIKELY)
    assert told.tolist() == [20 * 288 + 11], "with the last Observation of the block"
    assert verdict.starts_at[told[0]] == MONDAY + 20 * DAY
    assert 100 < verdict.expected_low[told[0]] < verdict.expected_high[told[0]] < 230
    evidence = verdict.evidence
    assert evidence is not None
    assert evidence[0, told[0]] > evidence[2, told[0]]


def test_what_happens_often_becomes_usual() -> None:
    values = days(25)
    for day in range(5, 25):
        values[day * 288 + 100 : day * 288 + 110] += 100
    score = watch(values).score
    assert score[: 6 * 288].max() > LIKELY
    assert score[15 * 288 :].max() < LIKELY


def test_the_hour_counts() -> None:
    values = np.where(np.arange(25 * 288) % 288 < 96, 10.0, 90.0)
    values += np.random.default_rng(2).normal(0, 0.5, len(values))
    values[20 * 288 + 24 : 20 * 288 + 48] = 90.0
    verdict = watch(values)
    night = verdict.score[20 * 288 + 24 : 20 * 288 + 48]
    assert night.max() == verdict.score[10 * 288 :].max()
    where = 20 * 288 + 24 + int(night.argmax())
    assert verdict.evidence is not None
    assert verdict.evidence[:, where].argmax() == 2


def test_a_climb_is_told_at_its_records_only() -> None:
    values = days(20)
    values[15 * 288 : 15 * 288 + 96] += np.r_[np.full(12, 300.0), np.full(84, 150.0)]
    score = watch(values).score[15 * 288 : 15 * 288 + 96]
    assert (score > 0).sum() == 1


@pytest.mark.parametrize(("interval", "block"), [(FIVE, 12), (HOUR, 6), (MINUTE, 18), (DAY, 3), (365 * DAY, 2)])
def test_the_block_follows_the_interval(interval: int, block: int) -> None:
    assert Novelty().parameters_of({}, datastream(interval))[0] == block


@pytest.mark.parametrize(("declared", "rows"), [({}, 288), ({"warm_up": 600}, 600), ({"warm_up": 1}, 96)])
def test_nothing_is_told_in_warm_up(declared: dict[str, int], rows: int) -> None:
    values = days(4)
    values[60:] += np.repeat(np.arange(91), 12)[: len(values) - 60] * 1e3
    score = watch(values, **declared).score
    assert score[:rows].max() == 0
    assert score[rows : rows + 24].max() > 0


def test_after_nothing_but_zeros() -> None:
    values = np.zeros(3000)
    values[2000:2005] = 7
    values[2600:2605] = 70
    told = np.flatnonzero(watch(values).score > LIKELY)
    assert [int(at) // 12 for at in told] == [2000 // 12, 2600 // 12]


def test_a_monstrous_warm_up_is_overcome() -> None:
    values = days(32)
    values[50] = 1e12
    values[30 * 288 : 30 * 288 + 60] += 200
    score = watch(values).score
    assert score[30 * 288 : 30 * 288 + 12].max() > LIKELY
    assert score[: 30 * 288].max() < LIKELY


def test_many_at_once_are_the_same_as_one_by_one_with_a_full_memory() -> None:
    detector = Novelty()
    values = np.random.default_rng(4).normal(0, 1, 1400)
    times = MONDAY + np.arange(len(values)) * DAY
    one = table([detector.parameters_of({"block": 2}, datastream(DAY))], detector.parameters)
    states, scores = [], []
    for size in (1, 1400):
        state, score = detector.fresh(1), []
        for at in range(0, len(values), size):
            given = runs(np.zeros(size, np.intp), times[at : at + size], values[at : at + size])
            own = {name: column.repeat(size) for name, column in one.items()}
            score.append(detector.update(state, own, given).score)
        states.append(records(state, detector.state, slice(None)).tobytes())
        scores.append(np.concatenate(score).tobytes())
    assert scores[0] == scores[1]
    assert states[0] == states[1]

"""A lasting change of level or spread is told once, with its time; weather, weekends and bad days are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from aedilis.vocabulary import Datastream, Thing
from detectors.change import Change
from detectors.core.columns import table
from detectors.core.interface import Floats, Times
from detectors.core.runs import runs

MONDAY = 1_767_571_200_000_000
HOUR = 3_600_000_000
DAYS, AT = 90, 60 * 24
"""AT: the hour of a change."""
DATASTREAM = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, HOUR)


@dataclass
class Watched:
    """Of hours and rows: `score`, `starts_at` `(hours, rows)`, `evidence` and `facts` `(k, hours, rows)`."""

    score: Floats
    starts_at: Times
    evidence: Floats
    facts: Floats

    def opened(self, row: int = 0) -> list[tuple[int, int]]:
        """(hour in which it began, hour in which it was told) of each change."""
        high = self.score[:, row] >= 0.9
        begins = np.flatnonzero(high & ~np.concatenate([[False], high[:-1]]))
        return [(int(self.starts_at[hour, row] - MONDAY) // HOUR, int(hour)) for hour in begins]


def watch(results: npt.NDArray[Any], at_once: int | None = None, **declared: Any) -> Watched:
    """Hours of rows; NaN is not handed over."""
    detector = Change()
    hours, many = results.shape
    state = detector.fresh(many)
    own = table([detector.parameters_of(declared, DATASTREAM)] * many, detector.parameters)
    seen = Watched(
        np.zeros(results.shape), np.zeros(results.shape, np.int64),
        np.zeros((2, *results.shape)), np.full((3, *results.shape), np.nan),
    )  # fmt: skip
    for begin in range(0, hours, at_once or hours):
        hour, row = np.nonzero(np.isfinite(results[begin : begin + (at_once or hours)]))
        hour += begin
        given = runs(row, MONDAY + hour * HOUR, results[hour, row])
        verdict = detector.update(state, {name: column[given.at] for name, column in own.items()}, given)
        at = hour[given.order], given.at
        seen.score[at], seen.starts_at[at] = verdict.score, verdict.starts_at
        assert verdict.evidence is not None
        assert verdict.facts is not None
        seen.evidence[:, at[0], at[1]], seen.facts[:, at[0], at[1]] = verdict.evidence, verdict.facts
    return seen


def weather(rows: int = 1, days: int = DAYS, seed: int = 1, *, keeps: float = 0.8) -> npt.NDArray[np.float64]:
    """Noise that remembers, with a standard deviation of 1, on a day of ±2 and weekends that are 1 higher."""
    chance = np.random.default_rng(seed)
    hours = np.arange(days * 24)
    noise = chance.normal(size=(len(hours), rows))
    for hour in range(1, len(hours)):
        noise[hour] = keeps * noise[hour - 1] + np.sqrt(1 - keeps**2) * noise[hour]
    usual = 20 + 2 * np.sin(hours / 24 * 2 * np.pi) + 1.0 * (hours // 24 % 7 >= 5)
    return usual[:, None] + noise


def test_a_new_level_is_told_once_with_its_time_and_the_levels() -> None:
    results = weather()
    results[AT:] += 4
    seen = watch(results)
    [(began, known)] = seen.opened()
    assert abs(began - AT) <= 24
    assert AT + 3 * 24 <= known <= AT + 5 * 24
    level, spread = seen.evidence[:, known, 0]
    assert level > 2 * spread
    before, after, _ = seen.facts[:, known, 0]
    assert after - before == pytest.approx(4, abs=1)
    assert np.isnan(seen.facts[:, AT, 0]).all()
    assert (seen.score[known : known + 24, 0] >= 0.9).all()
    assert seen.score[known + 24 :, 0].max() < 0.9, "it stands for a block"


def test_a_new_spread_is_told() -> None:
    results = weather(keeps=0)
    results[AT:] += 3 * np.random.default_rng(2).normal(size=(len(results) - AT, 1))
    seen = watch(results)
    [(began, known)] = seen.opened()
    assert abs(began - AT) <= 24
    level, spread = seen.evidence[:, known, 0]
    assert spread > 2 * level
    assert seen.facts[2, known, 0] > 1.3


@pytest.mark.parametrize("days", [1, 2])
def test_bad_days_are_no_change(days: int) -> None:
    results = weather()
    results[AT : AT + days * 24] += 30
    assert watch(results).opened() == []


def test_there_and_back_again_are_two() -> None:
    results = weather(days=150)
    results[AT : AT + 40 * 24] += 6
    assert [round(began / 24) for began, _ in watch(results).opened()] == [60, 100]


def test_false_alarms_are_few_on_series_that_remember() -> None:
    """A year of fifty series for each memory: less than one in a year and series, the fewer the less it remembers."""
    many = [sum(len(seen.opened(row)) for row in range(50)) / 50 for seen in (
        watch(weather(50, 365, 9, keeps=keeps), at_once=24) for keeps in (0.0, 0.8, 0.95)
    )]  # fmt: skip
    assert many[0] <= 0.06
    assert many[1] <= 0.25
    assert many[2] <= 0.6


def test_blocks_with_few_observations_do_not_count() -> None:
    results = weather()
    results[np.arange(len(results)) % 24 > 5] = np.nan
    results[AT:] += 30
    assert watch(results).score.max() == 0


def test_one_by_one_is_the_same_as_all_at_once() -> None:
    results = weather(6)
    results[AT:, 1] += 8
    results[:, 2] *= 1e300
    results[:, 3] = 7
    results[np.random.default_rng(3).random(results.shape) < 0.1] = np.nan
    whole = watch(results)
    for at_once in (1, 50):
        parts = watch(results, at_once=at_once)
        for name in ("score", "starts_at", "evidence", "facts"):
            assert getattr(parts, name).tobytes() == getattr(whole, name).tobytes(), name
    assert (whole.score[AT:, 1] >= 0.9).any()
    assert whole.opened(3) == []


def test_what_it_keeps_is_small() -> None:
    assert Change.state.itemsize <= 600

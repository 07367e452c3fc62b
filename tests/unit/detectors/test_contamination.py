"""Contamination looks at how many channels of a Thing have left their past at once."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from aedilis.vocabulary import Datastream, Thing
from detectors.contamination import Contamination
from detectors.core.columns import Columns, table
from detectors.core.interface import Floats, Times, Verdict
from detectors.core.panel import Panel

MINUTE = 60_000_000
START = 1_767_571_200_000_000
DETECTOR = Contamination()
OPEN, CLOSE = 0.9, 0.5
WATERWORKS = Path(__file__).parents[4] / "shared" / "data" / "water" / "gecco2018_train.csv"


def water(bins: int = 900, things: int = 1, channels: int = 4, seed: int = 1) -> Floats:
    """Calm water: each channel drifts a little and has its own unit; `(b, t, c)`."""
    chance = np.random.default_rng(seed)
    walk = np.cumsum(chance.normal(0, 0.03, (bins, things, channels)), axis=0)
    units = 10.0 ** np.arange(channels)
    return (8.0 + walk + chance.normal(0, 0.1, walk.shape)) * units


class Watched:
    """Some Things and their state."""

    def __init__(self, things: int, channels: int, **declared: Any) -> None:
        stream = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, MINUTE)
        shape = (things, channels)
        row = DETECTOR.parameters_of({"warm_up": 300, **declared}, stream)
        self.parameters = _grid(table([row] * (things * channels), DETECTOR.parameters), shape)
        self.state = _grid(DETECTOR.fresh(things * channels), shape)
        self.own = DETECTOR.fresh_own(things)
        self.there = np.ones(shape, bool)

    def take(self, result: Floats, time: Times) -> Verdict:
        names = tuple(f"c{i}" for i in range(result.shape[2]))
        nowhere = np.full(result.shape[1], np.nan)
        panel = Panel(time, result, self.there, names, names, nowhere, nowhere, MINUTE)
        return DETECTOR.update(self.state, self.own, self.parameters, panel)


def _grid(columns: Columns, shape: tuple[int, int]) -> Columns:
    return {name: np.array(column).reshape(*shape, *column.shape[1:]) for name, column in columns.items()}


def minutes(bins: int) -> Times:
    return START + np.arange(bins, dtype=np.int64) * MINUTE


def watch(result: Floats, time: Times | None = None, **declared: Any) -> Verdict:
    times = minutes(len(result)) if time is None else time
    return Watched(*result.shape[1:], **declared).take(result, times)


def high(verdict: Verdict) -> list[int]:
    """The bins in which the first Thing scores as high as it takes to open."""
    found: list[int] = np.flatnonzero(verdict.score[:, 0] >= OPEN).tolist()
    return found


def moved(channels: list[int], at: slice = slice(600, 630), by: float = 3.0) -> Floats:
    """Water in which some channels leave and come back."""
    result = water()
    result[at, 0, channels] += by * 10.0 ** np.array(channels)
    return result


def test_calm_water_is_calm() -> None:
    assert not high(watch(water(2000)))


@pytest.mark.parametrize("sign", [[1, 1], [1, -1]])
def test_two_channels_that_leave_together_are_found_and_the_end_is_too(sign: list[int]) -> None:
    result = water()
    result[600:630, 0, [0, 2]] += 3.0 * np.array(sign) * [1, 100]
    verdict = watch(result)
    found = high(verdict)
    assert 600 <= found[0] <= 603
    assert 626 <= found[-1] <= 632
    assert set(verdict.starts_at[found, 0]) <= set(minutes(900)[600:604])
    assert verdict.score[640:, 0].max() < 0.5
    assert verdict.evidence is not None
    share = verdict.evidence[:, 610, 0]
    assert share.shape == (4,)
    assert min(share[0], share[2]) > 0.5 > max(share[1], share[3]), "which channels moved is told"


@pytest.mark.parametrize("by", [3.0, 1e6])
def test_one_channel_alone_is_not(by: float) -> None:
    verdict = watch(moved([1], by=by))
    assert not high(verdict)
    assert verdict.score[600:630, 0].max() > 0.5, "but it is seen"


def test_a_spike_of_all_channels_is_not() -> None:
    assert not high(watch(moved([0, 1, 2, 3], at=slice(600, 602))))


def test_swings_back_and_forth_are() -> None:
    result = water()
    result[600:630, 0, :2] += np.where(np.arange(30) % 2, 3.0, -3.0)[:, None] * [1, 10]
    assert len(high(watch(result))) > 20


def test_a_long_one_is_held() -> None:
    verdict = watch(moved([0, 1], at=slice(600, 780), by=6.0))
    assert verdict.score[604:780, 0].min() >= CLOSE
    assert verdict.score[785:, 0].max() < CLOSE, "the levels of before are known"


def test_what_stays_is_taken_for_the_new_state() -> None:
    verdict = watch(moved([0, 1], at=slice(600, 900), by=30.0), patience=60)
    assert max(high(verdict)) < 670


def test_units_and_names_do_not_matter() -> None:
    result = moved([0, 2])
    factor = np.array([2.0**-20, 1.0, -(2.0**10), 2.0**40])
    assert watch(result * factor).score.tobytes() == watch(result).score.tobytes()
    assert watch(result[:, :, ::-1]).score == pytest.approx(watch(result).score)


def test_one_by_one_is_as_all_at_once() -> None:
    result = np.concatenate([moved([0, 1]), moved([2, 3], at=slice(500, 560))], axis=1)
    chance = np.random.default_rng(3)
    result[chance.random(result.shape) < 0.05] = np.nan
    result[700:710, 1] = np.nan
    time = minutes(900)
    time[760:] += 600 * MINUTE
    whole = Watched(2, 4)
    at_once = whole.take(result, time)
    for cuts in ([1] * 900, [0, 7, 593, 300]):
        parts = Watched(2, 4)
        ends = np.cumsum(cuts)
        got = [parts.take(result[a:b], time[a:b]) for a, b in zip(ends - cuts, ends, strict=True)]
        assert np.concatenate([one.score for one in got]).tobytes() == at_once.score.tobytes()
        assert np.concatenate([one.starts_at for one in got]).tobytes() == at_once.starts_at.tobytes()
        assert _evidence(*got).tobytes() == _evidence(at_once).tobytes()
        for name in parts.state:
            assert parts.state[name].tobytes() == whole.state[name].tobytes(), name
        for name in parts.own:
            assert parts.own[name].tobytes() == whole.own[name].tobytes(), name


def _evidence(*verdicts: Verdict) -> npt.NDArray[np.float64]:
    return np.concatenate([one.evidence for one in verdicts if one.evidence is not None], axis=1)


def test_things_beside_it_and_columns_that_it_lacks_do_not_matter() -> None:
    both = Watched(2, 5)
    both.there[0, 4] = False
    result = np.full((900, 2, 5), np.nan)
    result[:, 0, :4], result[:, 1] = moved([0, 2])[:, 0], water(channels=5, seed=4)[:, 0]
    assert both.take(result, minutes(900)).score[:, 0].tobytes() == watch(moved([0, 2])).score[:, 0].tobytes()


def test_a_long_silence_ends_it_and_begins_anew() -> None:
    result, time = moved([0, 1], at=slice(600, 900), by=30.0), minutes(900)
    assert len(high(watch(result, time))) > 60
    time[620:] += 600 * MINUTE
    assert max(high(watch(result, time))) < 620


def test_a_missing_channel_or_bin_does_not_end_it() -> None:
    result = moved([0, 1, 2], at=slice(600, 660), by=30.0)
    result[610, 0, 1] = np.nan
    result[620:625] = np.nan
    scores = watch(result).score[604:650, 0]
    assert scores.min() >= OPEN


def test_channels_that_rest_say_nothing() -> None:
    result = water()
    result[:, 0, 1:] = 5.0
    result[700:, 0, 1:] = 6.0
    assert not high(watch(result)), "of a channel that never moved nothing is known"


def test_a_long_rest_makes_no_channel_touchy() -> None:
    result = water()
    assert not high(watch(np.concatenate([result[:600], result[600:601].repeat(8000, axis=0), result[600:]])))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [0.0, 1e-300, 1e300, np.finfo(np.float64).max, np.inf])
def test_monstrous_results_are_survived(size: float) -> None:
    result = np.random.default_rng(2).normal(0, 1, (600, 1, 3))
    result[::7] = size
    time = np.linspace(-9e18, 9e18, 600).astype(np.int64)
    for times in (minutes(600), time):
        score = watch(result, times).score
        assert ((score >= 0) & (score <= 1)).all()


def test_warm_up_is_silent() -> None:
    assert not watch(moved([0, 1, 2, 3], at=slice(250, 290), by=30.0)).score[:300].any()


def test_parameters_out_of_range_are_refused() -> None:
    stream = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, MINUTE)
    for bad in ({"channels": 0}, {"memory": 5}, {"warm_up": 10}, {"patience": 1}, {"nonsense": 1}):
        with pytest.raises(ValueError, match="detector contamination"):
            DETECTOR.parameters_of(bad, stream)


@pytest.mark.skipif(not WATERWORKS.exists(), reason="the recorded data are not beside this folder")
def test_events_of_a_real_waterworks() -> None:
    """Four days of nine channels, of which the first is warm-up, with thirteen events in 44 hours."""
    with WATERWORKS.open() as file:
        rows = list(islice(csv.reader(file), 62_400, 68_300))
    values = np.array([[float(value or "nan") for value in row[1:10]] for row in rows])
    event = np.array([row[10] == "1" for row in rows])
    scores = watch(values[:, None], warm_up=1440).score[:, 0]
    begins = np.flatnonzero(event & ~np.roll(event, 1))
    begins = begins[begins > 2000]
    found = [scores[at : at + 20].max() >= OPEN for at in begins.tolist()]
    assert len(found) == 13
    assert sum(found) >= 12
    quiet = ~np.convolve(event, np.ones(11), "same").astype(bool)
    assert (scores[quiet] >= OPEN).mean() < 0.02

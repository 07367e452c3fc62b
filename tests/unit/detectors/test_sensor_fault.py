"""A sensor fault is told apart by kind on a made city; what a city or a plume does is none."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from aedilis.vocabulary import Datastream, Thing
from detectors.core.columns import Columns, table
from detectors.core.interface import Verdict
from detectors.core.panel import Panel
from detectors.sensor_fault import SensorFault

HOUR = 3_600_000_000
MONDAY = 1_767_571_200_000_000
BINS, THINGS, COLUMNS = 440, 5, 4
AT = 250  # the bin in which something begins
DATASTREAM = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, HOUR)

Results = npt.NDArray[np.float64]


def wander(chance: np.random.Generator, shape: tuple[int, ...], memory: float, size: float) -> Results:
    """A step towards zero and one by chance, along the first axis; of this size on the whole."""
    steps = chance.normal(0, size * np.sqrt(1 - memory**2), shape)
    for i in range(1, len(steps)):
        steps[i] += memory * steps[i - 1]
    return steps


@cache
def city() -> Results:
    """Weather that all share, days, and what is particular to each Thing and each of its Datastreams."""
    chance = np.random.default_rng(4)
    day = 0.5 * np.sin((np.arange(BINS) + 3) / 24 * 2 * np.pi)[:, None, None]
    weather = wander(chance, (BINS, 1, 1), 0.98, 0.6) + wander(chance, (BINS, 1, COLUMNS), 0.97, 0.3)
    place = wander(chance, (BINS, THINGS, 1), 0.8, 0.06) + wander(chance, (BINS, THINGS, COLUMNS), 0.8, 0.12)
    usual = np.log([40.0, 70.0, 45.0, 900.0]) + chance.normal(0, 0.2, (1, THINGS, COLUMNS))
    return np.round(np.exp(usual + day + weather + place))


def watch(result: Results, *edges: int, things: Any = slice(None), **declared: Any) -> tuple[list[Verdict], Columns]:
    """Verdicts on the bins between the edges, and the state at the end."""
    detector = SensorFault()
    result = result[:, things]
    shape = result.shape[1:]
    options = {"positive": True, "floor": 5.0, "warm_up": 200, **declared}
    rows = table([detector.parameters_of(options, DATASTREAM)] * (shape[0] * shape[1]), detector.parameters)
    parameters, state = ({name: np.ascontiguousarray(column).reshape(shape + column.shape[1:]) for name, column in each.items()}
                         for each in (rows, detector.fresh(shape[0] * shape[1])))  # fmt: skip
    edges = edges or (0, len(result))
    verdicts = []
    names = tuple(f"x{i}" for i in range(shape[1]))
    nowhere = np.full(shape[0], np.nan)
    for start, end in itertools.pairwise(edges):
        time = MONDAY + np.arange(start, end) * HOUR
        panel = Panel(time, result[start:end], np.ones(shape, bool), names, names, nowhere, nowhere, HOUR)
        verdicts.append(detector.update(state, {}, parameters, panel))
    return verdicts, state


def told(result: Results, **declared: Any) -> list[tuple[int, int, str, int, int]]:
    """(Thing, column, kind, bin of its beginning, bin in which it was known) of each fault from `AT` on."""
    (verdict,), _ = watch(result, **declared)
    assert verdict.kind is not None
    high = verdict.score >= 0.9
    high[1:] &= ~high[:-1]
    high[:AT] = False
    return [
        (thing, column, SensorFault.kinds[verdict.kind[b, thing, column]],
         (int(verdict.starts_at[b, thing, column]) - MONDAY) // HOUR, b)
        for b, thing, column in np.argwhere(high).tolist()
    ]  # fmt: skip


LENGTHS = {"spike": 2, "stuck": 40, "offset": 150, "scale": 150, "drift": 190, "noise": 60, "clock": 150}


def put(result: Results, kind: str, thing: int, column: int) -> None:
    """A fault into one Datastream, from `AT` on."""
    length = LENGTHS[kind]
    series = result[:, thing, column]
    part, late = series[AT : AT + length].copy(), series[AT - 8 : AT - 8 + length].copy()
    usual = float(np.median(series))
    noise = np.random.default_rng(1).normal(0, 1.2, length)
    series[AT : AT + length] = {
        "spike": part + 6 * usual,
        "stuck": np.full(length, part[0]),
        "offset": part + 2 * usual,
        "scale": part * 0.45,
        "drift": part + np.linspace(0, 4 * usual, length),
        "noise": np.maximum(0, part + noise * usual),
        "clock": late,
    }[kind]


@pytest.mark.parametrize("kinds", [("spike", "stuck", "scale", "noise"), ("offset", "drift", "clock")])
def test_each_kind_is_found_where_it_is_and_named(kinds: tuple[str, ...]) -> None:
    """Each in a Thing and a column of its own; nobody else is accused."""
    result = city().copy()
    for i, kind in enumerate(kinds):
        put(result, kind, i, i)
    found = told(result)
    assert {(thing, column) for thing, column, _, _, _ in found} == {(i, i) for i in range(len(kinds))}
    for i, kind in enumerate(kinds):
        known = [(began, at) for thing, _, name, began, at in found if (thing, name) == (i, kind)]
        assert known, (kind, found)
        began, at = known[0]
        assert AT <= at < AT + LENGTHS[kind] + 12
        assert AT - 12 <= began <= at


def test_a_calm_city_is_left_alone() -> None:
    assert told(city()) == []


def test_an_episode_of_the_whole_city_is_no_fault() -> None:
    """All Things and all columns rise at once, stay for three days and fall; then one column of all."""
    result = city().copy()
    result[AT : AT + 72] *= 4
    result[AT + 100 : AT + 160, :, 0] += 300
    assert told(result) == []


def test_a_plume_at_one_thing_is_no_fault_of_each_of_its_properties() -> None:
    result = city().copy()
    result[AT : AT + 48, 2, :3] *= 2.5
    assert told(result) == []
    result[:, 2, 1:] = city()[:, 2, 1:]
    assert {(thing, column) for thing, column, *_ in told(result)} == {(2, 0)}, "alone it is one"


def test_without_neighbours_own_history_speaks_and_nothing_is_called_apart() -> None:
    result = city().copy()
    for column, kind in enumerate(("spike", "stuck", "offset")):
        put(result, kind, 2, column)
    assert {(column, name) for _, column, name, _, _ in told(result, things=[2])} == {(0, "spike"), (1, "stuck")}


def test_neighbours_that_fall_silent_change_nothing() -> None:
    result = city().copy()
    result[AT : AT + 60, [0, 4]] = np.nan
    result[AT + 70 : AT + 75, [0, 1, 3]] = np.nan
    assert told(result) == []


def test_a_fault_that_goes_on_is_told_once_and_closes_after_patience() -> None:
    result = city().copy()
    result[AT:, 2, 1] *= 2.5
    (verdict,), _ = watch(result, patience=9)
    assert (verdict.score[AT:, 2, 1] >= 0.6).sum() == 9


def test_one_by_one_is_as_all_at_once() -> None:
    result = city().copy()
    put(result, "drift", 2, 1)
    result[300:303, 1] = np.nan
    whole, state = watch(result)
    cut, cut_state = watch(result, 0, 1, 2, AT, *range(AT + 60, AT + 90), BINS)
    for name in ("score", "expected_low", "starts_at", "kind"):
        assert np.concatenate([getattr(one, name) for one in cut]).tobytes() == getattr(whole[0], name).tobytes()
    assert {name: column.tobytes() for name, column in cut_state.items()} == {
        name: column.tobytes() for name, column in state.items()
    }


def test_the_order_of_things_does_not_matter() -> None:
    result = city().copy()
    put(result, "offset", 2, 1)
    order = np.array([3, 0, 4, 2, 1])
    (plain,), _ = watch(result)
    (turned,), _ = watch(result, things=order)
    assert turned.score.tobytes() == np.ascontiguousarray(plain.score[:, order]).tobytes()
    assert turned.starts_at.tobytes() == np.ascontiguousarray(plain.starts_at[:, order]).tobytes()


def test_a_property_that_may_be_below_zero_is_taken_as_it_is() -> None:
    """Temperatures of a cold place, without logarithms."""
    result = 6 * np.log(city()) - 40
    result[AT : AT + 150, 2, 1] += 5
    assert {(thing, column) for thing, column, *_ in told(result, positive=False)} == {(2, 1)}


def test_state_is_small() -> None:
    assert SensorFault.state.itemsize <= 1536


@pytest.mark.parametrize(
    "declared",
    [{"floor": 0}, {"warm_up": 3}, {"neighbours": 0}, {"patience": 0}, {"spike": 0}, {"positive": 1}, {"other": 1}],
)
def test_senseless_parameters_are_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="sensor_fault"):
        SensorFault().parameters_of(declared, DATASTREAM)

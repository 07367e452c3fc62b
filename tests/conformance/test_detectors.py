"""What every detector must do, found by scanning; and that the sensor types' use of them is sound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aedilis.vocabulary import Datastream, Quality, Thing
from detectors.core.columns import Columns, records, table
from detectors.core.decision import DECISION_PARAMETERS, DECISION_STATE, decide
from detectors.core.discovery import all_detectors, series_detectors
from detectors.core.interface import FAR, Detector, Verdict
from detectors.core.panel import PanelDetector
from detectors.core.runs import runs
from sensors.compile import compile_type
from sensors.declaration import DetectorUse, Property, SensorType
from sensors.registry import load
from simulation.city import City

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
STEPS = 400
START = 1_767_571_200_000_000  # a Monday


def datastream(interval: int = HOUR) -> Datastream:
    return Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, interval)


def series() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], list[str]]:
    """Times and results of all kinds of Datastreams, shape (STEPS, rows), and a name for each row."""
    chance = np.random.default_rng(1)
    step = np.arange(STEPS)
    noise = chance.normal(0, 1, STEPS)
    day = np.sin(step / 24 * 2 * np.pi)
    values = {
        "noise": 10 + noise,
        "day": 50 + 20 * day + noise,
        "spikes": 10 + noise + 200 * (step % 90 == 80),
        "shift": np.where(step < 200, 10.0, 90.0) + noise,
        "constant": np.full(STEPS, 7.0),
        "zero": np.zeros(STEPS),
        "rests": np.round(5 + np.cumsum(noise * (chance.random(STEPS) < 0.1)), 1),
        "nights": np.round(np.maximum(0, 80 * day) * (1 + 0.2 * chance.random(STEPS))),
        "huge": 1e300 * noise,
        "tiny": 1e-300 * noise,
        "largest": np.where(step % 2 == 0, 1, -1) * np.finfo(np.float64).max,
        "one outlier": np.where(step == 3, 1e300, 10 + noise),
    }
    hourly = START + step * HOUR
    names, times, results = [], [], []
    for name, value in values.items():
        names.append(name)
        times.append(hourly)
        results.append(value)
    ragged = START + np.cumsum(chance.integers(1, 3 * HOUR, STEPS))
    holes = START + np.cumsum(np.where(step % 50 == 49, 40 * DAY, HOUR))
    elsewhen = {
        "ragged": ragged,
        "holes": holes,
        "before 1970": hourly - 200 * 365 * DAY,
        "across 1970": (step - STEPS // 2) * HOUR,
        "far future": FAR - (STEPS - step) * HOUR,
        "all of time": np.linspace(-9e18, 9e18, STEPS).astype(np.int64),
    }
    for name, time in elsewhen.items():
        names.append(name)
        times.append(time)
        results.append(50 + 20 * day + noise)
    return np.array(times, np.int64).T.copy(), np.array(results).T.copy(), names


TIMES, RESULTS, NAMES = series()
ROWS = len(NAMES)

detectors = pytest.mark.parametrize("detector", series_detectors().values(), ids=lambda detector: detector.name)


def declared_uses() -> Iterator[tuple[SensorType, Property, DetectorUse]]:
    for declared in load().values():
        compiled = compile_type(declared)
        for prop in declared.properties:
            for use in compiled.detectors_of(prop.name):
                yield declared, prop, use


USES = list(declared_uses())


@cache
def parameters(detector: Detector) -> Columns:
    """The defaults, and what sensor types declare of this detector, in turn."""
    choices = [{}, *({**use.parameters} for _, _, use in USES if use.name == detector.name)]
    rows = [detector.parameters_of(choices[row % len(choices)], datastream()) for row in range(ROWS)]
    return table(rows, detector.parameters)


def of(columns: Columns, rows: npt.NDArray[np.intp]) -> Columns:
    return {name: column[rows] for name, column in columns.items()}


def bits(detector: Detector, state: Columns, part: slice = slice(None)) -> bytes:
    return records(state, detector.state, part).tobytes()


def columns_of(verdict: Verdict) -> npt.NDArray[np.float64]:
    """Score, band and start, shape (4, n), as the bits that they are."""
    columns = (verdict.score, verdict.expected_low, verdict.expected_high, verdict.starts_at.view(np.float64))
    assert all(column.shape == verdict.score.shape and column.dtype == np.float64 for column in columns)
    return np.array(columns)


def step_of(detector: Detector, state: Columns, rows: npt.NDArray[np.intp], step: int) -> npt.NDArray[np.float64]:
    """One update of some rows; returns score, band and start in the order of `rows`, shape (4, rows)."""
    given = runs(rows, TIMES[step, rows], RESULTS[step, rows])
    got = columns_of(detector.update(state, of(parameters(detector), given.at), given))
    return got[:, np.argsort(given.order)]


def whole(detector: Detector, steps: int = STEPS) -> tuple[npt.NDArray[np.float64], Columns]:
    """All rows step by step: verdicts of shape (steps, 4, rows) and the state at the end."""
    state = detector.fresh(ROWS)
    every = np.arange(ROWS)
    return np.array([step_of(detector, state, every, step) for step in range(steps)]), state


@detectors
def test_scores_and_bands(detector: Detector) -> None:
    verdicts, _ = whole(detector)
    score, low, high = verdicts[:, 0], verdicts[:, 1], verdicts[:, 2]
    assert ((score >= 0) & (score <= 1)).all(), NAMES  # NaN is neither
    known = ~np.isnan(low) & ~np.isnan(high)
    assert (low[known] <= high[known]).all()
    starts = verdicts[:, 3].view(np.int64)
    assert (starts <= TIMES).all()


@detectors
def test_what_comes_later_changes_nothing(detector: Detector) -> None:
    prefix = whole(detector, STEPS // 2)[0]
    assert whole(detector)[0][: STEPS // 2].tobytes() == prefix.tobytes()


@detectors
def test_a_row_alone_is_the_same_as_among_others(detector: Detector) -> None:
    verdicts, state = whole(detector)
    for row in range(ROWS):
        alone = detector.fresh(ROWS)
        given = runs(np.full(STEPS, row), TIMES[:, row], RESULTS[:, row])
        got = columns_of(detector.update(alone, of(parameters(detector), given.at), given))
        assert got.T.tobytes() == verdicts[:, :, row].tobytes(), NAMES[row]
        part = slice(row, row + 1)
        assert bits(detector, alone, part) == bits(detector, state, part), NAMES[row]


@detectors
@settings(max_examples=6, deadline=None)
@given(st.data())
def test_any_grouping_and_order_of_rows_is_the_same(detector: Detector, data: st.DataObject) -> None:
    steps = 60
    verdicts, state = whole(detector, steps)
    seed = data.draw(st.integers(0, 2**32 - 1))
    parts = data.draw(st.integers(1, ROWS))
    chance = np.random.default_rng(seed)
    split = detector.fresh(ROWS)
    for step in range(steps):
        for rows in np.array_split(chance.permutation(ROWS), parts):
            got = step_of(detector, split, rows, step)
            assert got.tobytes() == verdicts[step][:, rows].tobytes()
    assert bits(detector, split) == bits(detector, state)


@detectors
@settings(max_examples=6, deadline=None)
@given(st.data())
def test_many_at_once_are_the_same_as_one_by_one(detector: Detector, data: st.DataObject) -> None:
    """Rows of ragged length in one call, others in several."""
    steps = 100
    verdicts, state = whole(detector, steps)
    chance = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    together = detector.fresh(ROWS)
    done = np.zeros(ROWS, np.intp)
    while (done < steps).any():
        upto = np.minimum(done + chance.integers(0, data.draw(st.sampled_from([2, 9, steps])), ROWS), steps)
        every = [(row, step) for row in range(ROWS) for step in range(done[row], upto[row])]
        log = [every[i] for i in np.argsort([step + chance.random() / 2 for _, step in every])]
        rows = np.array([row for row, _ in log], np.intp)
        steps_of = np.array([step for _, step in log], np.intp)
        given = runs(rows, TIMES[steps_of, rows], RESULTS[steps_of, rows])
        got = columns_of(detector.update(together, of(parameters(detector), given.at), given))
        assert got.tobytes() == verdicts[steps_of[given.order], :, given.at].T.tobytes()
        done = upto
    assert bits(detector, together) == bits(detector, state)


@detectors
@settings(max_examples=6, deadline=None)
@given(at=st.integers(0, STEPS))
def test_a_snapshot_at_any_point_goes_on_to_the_bit(detector: Detector, at: int) -> None:
    verdicts, state = whole(detector)
    every, restored = np.arange(ROWS), detector.fresh(ROWS)
    got = []
    for step in range(STEPS):
        if step == at:
            restored = table(np.frombuffer(bits(detector, restored), detector.state), detector.state)
        got.append(step_of(detector, restored, every, step))
    assert np.array(got).tobytes() == verdicts.tobytes()
    assert bits(detector, restored) == bits(detector, state)


@detectors
def test_state_is_small_plain_and_starts_alike(detector: Detector) -> None:
    assert not detector.state.hasobject
    assert detector.state.itemsize <= 5 * 1024
    assert bits(detector, detector.fresh(3)) == bits(detector, detector.fresh(1)) * 3
    assert detector.schema >= 1


@detectors
def test_inputs_are_left_as_they_were(detector: Detector) -> None:
    state, every = detector.fresh(ROWS), np.arange(ROWS)
    given = runs(every, TIMES[0].copy(), RESULTS[0].copy())
    own = of(parameters(detector), given.at)
    before = {name: column.tobytes() for name, column in own.items()}
    verdict = detector.update(state, own, given)
    verdict.score[:] = verdict.expected_low[:] = verdict.expected_high[:] = 0
    verdict.starts_at[:] = 0
    fresh = whole(detector, 2)[0][1]
    assert step_of(detector, state, every, 1).tobytes() == fresh.tobytes(), "verdict and state share memory"
    assert {name: column.tobytes() for name, column in own.items()} == before


@detectors
def test_no_alarm_in_warm_up(detector: Detector) -> None:
    """Where a detector has to learn first it is silent until then, whatever comes; so with the defaults."""
    warm_up = int(detector.defaults.get("warm_up", 1))
    state = detector.fresh(ROWS)
    own = table([detector.parameters_of({}, datastream())] * ROWS, detector.parameters)
    for step in range(warm_up):
        given = runs(np.arange(ROWS), TIMES[step], RESULTS[step])
        assert detector.update(state, own, given).score.max() < 0.9


@detectors
def test_deadlines(detector: Detector) -> None:
    state = detector.fresh(ROWS)
    assert (detector.deadline(state, parameters(detector)) == FAR).all(), "nothing was ever due"
    step_of(detector, state, np.arange(ROWS), 0)
    deadline = detector.deadline(state, parameters(detector))
    assert deadline.dtype == np.int64
    assert deadline.shape == (ROWS,)
    assert (deadline > TIMES[0]).all()


# ---------------------------------------------------------------- parameters


def bad_values(default: Any) -> list[Any]:
    always = [None, [1], {}]
    if isinstance(default, str):
        return [*always, 1, 1.5, True, "no such word"]
    if isinstance(default, bool):
        return [*always, "yes", 1, 0.0]
    if isinstance(default, int):
        return [*always, "many", True, math.nan, math.inf, 2.5, -(10**9), 10**30]
    return [*always, "3", True, math.nan]


REFUSED = [
    (detector, name, value)
    for detector in series_detectors().values()
    for name, default in detector.defaults.items()
    for value in bad_values(default)
]


@pytest.mark.parametrize(("detector", "name", "value"), REFUSED, ids=lambda it: getattr(it, "name", None) or str(it))
def test_bad_parameters_are_refused_by_name(detector: Detector | PanelDetector, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^detector {detector.name}: expected {name} to be .*, got ") as refused:
        detector.parameters_of({name: value}, datastream())
    assert repr(value) in str(refused.value)


every = pytest.mark.parametrize("detector", all_detectors().values(), ids=lambda detector: detector.name)


@every
def test_unknown_parameters_are_refused(detector: Detector | PanelDetector) -> None:
    with pytest.raises(ValueError, match="knows no parameter no_such, other; it knows "):
        detector.parameters_of({"other": 1, "no_such": 1}, datastream())


@every
def test_defaults_fit_the_table(detector: Detector | PanelDetector) -> None:
    once, again = (np.array([detector.parameters_of({}, datastream())], detector.parameters) for _ in range(2))
    assert once.tobytes() == again.tobytes()
    assert len(once.dtype.names or ()) == len(detector.parameters_of({}, datastream()))


# ---------------------------------------------------------------- sensor types


@pytest.mark.parametrize(
    ("declared", "prop", "use"), USES, ids=[f"{declared.name}-{prop.name}-{use.name}" for declared, prop, use in USES]
)
def test_what_sensor_types_declare_is_accepted(declared: SensorType, prop: Property, use: DetectorUse) -> None:
    detector = all_detectors()[use.name]
    interval = round((prop.interval_s or declared.interval_s) * 1e6)
    found = detector.parameters_of(use.parameters, datastream(interval))
    row = np.array([found], detector.parameters)[0]
    assert use.close <= use.open
    if use.name == "range":
        assert np.isfinite(row["low"]) or np.isfinite(row["high"]), "a range without limits finds nothing"
        assert prop.fail is None or (row["low"] >= prop.fail[0] and row["high"] <= prop.fail[1])
    if use.name == "gap":
        assert row["after"] > interval


def test_the_simulated_city() -> None:
    """Its incidents are found by the declared pipelines, with little else; over the first 34 hours, on some Things."""
    start = datetime(2026, 1, 5, tzinfo=UTC)
    end = start + timedelta(hours=34)
    city = City(3, start)
    things = ("Station 05", "Station 07", "Station 12", "Mast 01", "Gauge 01", "Market 03")
    types = [compile_type(declared) for declared in load().values()]
    received = round(end.timestamp() * 1e6)
    uses: dict[tuple[str, str], list[tuple[DetectorUse, Detector, Columns, Columns, Any, Any]]] = {}
    found: dict[tuple[str, str, str], list[int]] = {}
    observations = 0
    for _, topic, payload in city.between(start, end):
        if topic.split("/")[2] not in things:
            continue
        compiled, fields = next((one, fields) for one in types if (fields := one.matches(topic)) is not None)
        decoded = compiled.decode(fields, payload, received)
        for one in decoded.observations:
            key = (decoded.thing, one.datastream_name)
            observations += 1
            assert one.quality == Quality.GOOD
            if key not in uses:
                uses[key] = []
                for use in compiled.detectors_of(one.observed_property):
                    detector = series_detectors().get(use.name)
                    if detector is None:
                        continue
                    row = detector.parameters_of(use.parameters, datastream(one.interval))
                    decision = np.array([(use.open, use.close, use.n_open, use.n_close)], DECISION_PARAMETERS)
                    own = table([row], detector.parameters)
                    uses[key].append((use, detector, own, detector.fresh(1), decision, np.zeros(1, DECISION_STATE)))
            time = np.array([one.phenomenon_time])
            for use, detector, own, state, limits, decision in uses[key]:
                late = time > detector.deadline(state, own)
                verdict = detector.update(state, own, runs(np.zeros(1, np.intp), time, np.array([one.result])))
                opened, _ = decide(decision, limits, time, verdict.score, verdict.starts_at)
                if opened[0] or late[0]:
                    found.setdefault((*key, use.name), []).append(int(time[0]))
    hours = {key: [(time / 1e6 - start.timestamp()) / 3600 for time in times] for key, times in found.items()}
    stuck, surge, gap = (hours.pop(key) for key in (
        ("Station 07", "TEMP", "stuck"), ("Market 03", "price/tomatoes", "spike"), ("Station 12", "TEMP", "gap"),
    ))  # fmt: skip
    assert len(stuck) == len(gap) == 1
    assert 16 < stuck[0] < 20
    assert surge == [21.0], "at its first price, and not again when it ends"
    hours.pop(("Station 07", "TEMP", "spike"), None)  # the step when it is freed
    hours.pop(("Station 12", "TEMP", "spike"), None)  # the step over its silence
    silent = {key for key in hours if key[0] == "Station 12" and key[2] == "gap"}
    assert len(silent) == 7
    assert set(hours) == silent, "the rest is calm"
    assert observations > 15_000

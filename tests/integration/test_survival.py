"""Killed, stopped, replaced in the middle of a load, the line ends with what a calm one ends with.

What is compared is what the contracts compare: all columns but those of when something was received and stored.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulation.city import City, observations_in
from tests.installation import Installation, aedilis

START, DAYS, SEED = datetime(2026, 1, 5, tzinfo=UTC), 1.2, 3
LOAD = ("simulate", "--start", "2026-01-05", "--duration", str(DAYS), "--seed", str(SEED), "--speed")
FAST, SLOW = "max", "8000"
"""Slow enough that what is broken in the middle has to be mended in the middle."""
TABLES = {
    "observations": "select datastream, agency, thing, name, observed_property, unit, phenomenon_time, result, quality,"
    " tests, raw_flag, sensor_type, sensor_version, result_time from observations order by 1, 7",
    "revisions": "select datastream, phenomenon_time, content, result, quality, result_time from revision order by 1, 2",
    "datastreams": "select id, thing_id, agency, thing, zone, name, observed_property, unit, sensor_type, sensor_version,"
    " interval_us, longitude, latitude, last_time, last_result, last_quality from datastreams order by 1",
    "rollups": "select * from rollup_hour order by 1, 2",
    "anomalies": "select * from anomalies order by id",
    "alerts": "select * from alerts order by id",
}


@pytest.fixture(scope="module")
def expected() -> int:
    """Observations that the load publishes."""
    messages = City(SEED, START).between(START, START + timedelta(days=DAYS))
    return sum(observations_in(payload) for _, _, payload in messages)


@pytest.fixture(scope="module")
def calm_once() -> dict[str, Any]:
    """What the calm run ended with, kept for all faults."""
    return {}


def tables(line: Installation) -> dict[str, list[tuple[Any, ...]]]:
    return {name: line.rows(query) for name, query in TABLES.items()}


def agree(line: Installation) -> None:
    counts = aedilis("counts", "--json", env=line.env, check=False)
    said = json.loads(counts.stdout)
    assert said["agree"], [one for one in said["sums"] if not one["agree"]]


def stored_part(line: Installation, part: float, expected: int) -> None:
    """Wait until so much of the load is stored."""
    deadline = time.monotonic() + 60
    while line.rows("select count(*) from observation")[0][0] < part * expected:
        assert time.monotonic() < deadline, "the load does not arrive"
        time.sleep(0.1)


# ---------------------------------------------------------------- what is done to the line in mid-stream


def kill(*names: str) -> Callable[[Installation], None]:
    """SIGKILL, and start again as a supervisor would."""

    def do(line: Installation) -> None:
        for name in names:
            line.signal(name, signal.SIGKILL)
            line.again(name)

    return do


def kill_for_good(line: Installation) -> None:
    """The other worker takes its partitions."""
    line.signal("detect", signal.SIGKILL)


def terminate(line: Installation) -> None:
    for name in ("detect", "store", "alert", "ingest"):
        line.signal(name, signal.SIGTERM)
        assert line.children[name].wait(30) == 0, f"{name} did not end well"
        line.again(name)


def stall(line: Installation) -> None:
    """Longer than the session timeout: it wakes with a state that is not its own any more."""
    line.signal("detect", signal.SIGSTOP)
    time.sleep(5)
    line.signal("detect", signal.SIGCONT)


def come_and_go(line: Installation) -> None:
    """A second worker comes, takes its share, and goes: two rebalances."""
    line.start("guest", "worker", "--role", "detect")
    line.ready("guest")  # it has partitions
    time.sleep(2)
    line.signal("guest", signal.SIGTERM)
    assert line.children["guest"].wait(30) == 0


Disturbance = Callable[[Installation], None]
FAULTS: dict[str, tuple[tuple[str, ...], tuple[Disturbance, ...]]] = {
    "ingest killed twice": ((), (kill("ingest"), kill("ingest"))),
    "detecting worker alone, stalled and killed": ((), (stall, kill("detect"))),
    "detecting worker with another one running, stalled and killed": (("second",), (stall, kill_for_good)),
    "two rebalances forth and back": ((), (come_and_go, come_and_go)),
    "storing and alerting workers killed, then all asked to end": ((), (kill("store", "alert"), terminate)),
}
"""What else runs, and what is done to the line when a fifth and when half of the load is stored."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("fault", FAULTS)
def test_interrupted_equals_calm(installations: Any, calm_once: dict[str, Any], expected: int, fault: str) -> None:
    if not calm_once:
        calm = installations()
        calm.line()
        aedilis(*LOAD, FAST, env=calm.env)
        calm.settle(expected)
        agree(calm)
        calm_once.update(tables(calm))
        for kind in ("observations", "anomalies", "alerts", "rollups"):
            assert len(calm_once[kind]) > 0, kind
        calm.close()
    guests, disturbances = FAULTS[fault]
    line = installations()
    line.line()
    for guest in guests:
        line.start(guest, "worker", "--role", "detect")
        line.ready(guest)
    line.start("load", *LOAD, SLOW)
    for part, disturb in zip((0.2, 0.5), disturbances, strict=True):
        stored_part(line, part, expected)
        disturb(line)
    assert line.children["load"].wait(120) == 0
    line.settle(expected)
    for kind, rows in tables(line).items():
        assert rows == calm_once[kind], kind
    agree(line)

"""Killed in the middle, the line ends with what a calm one ends with."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from tests.conftest import Installation, aedilis

LOAD = ("simulate", "--start", "2026-01-05", "--duration", "1.5", "--speed", "max", "--seed", "3")
OBSERVATIONS = "select datastream, phenomenon_time, result, quality, tests, raw_flag from observations order by 1, 2"
ANOMALIES = "select id, kind, starts_at, detected_at, ends_at, score, explanation from anomalies order by 1"
ALERTS = "select id, key, status, severity, opened_at, resolved_at, anomalies, summary from alerts order by 1"


def expected() -> int:
    """Observations that the load publishes."""
    import json
    from datetime import UTC, datetime, timedelta

    from simulation.city import City

    start = datetime(2026, 1, 5, tzinfo=UTC)
    total = 0
    for _, topic, payload in City(3, start).between(start, start + timedelta(days=1.5)):
        content = json.loads(payload)
        total += len(content["records"]) if topic.endswith("market") else len(content) - 4
    return total


def run(line: Installation, fault: str | None) -> tuple[Any, ...]:
    line.line()
    time.sleep(5)
    aedilis(*LOAD, env=line.env) if fault is None else disturbed(line, fault)
    line.settle(expected())
    counts = aedilis("counts", "--json", env=line.env, check=False)
    if fault != "ingest":  # a killed ingest leaves its last words unsaid
        assert counts.returncode == 0, counts.stdout
    return line.rows(OBSERVATIONS), line.rows(ANOMALIES), line.rows(ALERTS)


def disturbed(line: Installation, fault: str) -> None:
    line.start("load", *LOAD)
    for _ in range(2):
        time.sleep(2.5)
        if fault == "terminate":
            line.signal("detect", signal.SIGTERM)
            line.children["detect"].wait(30)
            line.start("detect", "worker", "--role", "detect")
        elif fault == "ingest":
            line.signal("ingest", signal.SIGKILL)
            line.start("ingest", "ingest")
        else:
            line.signal(fault, signal.SIGKILL)
            line.start(fault, "worker", "--role", fault)
    assert line.children["load"].wait(120) == 0


@pytest.fixture(scope="module")
def calm() -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("fault", ["detect"])
def test_interrupted_equals_calm(installations: Any, calm: dict[str, Any], fault: str) -> None:
    if "result" not in calm:
        calm["result"] = run(installations(), None)
    for kind, wanted, got in zip(
        ("observations", "anomalies", "alerts"), calm["result"], run(installations(), fault), strict=True
    ):
        assert len(wanted) > 0, kind
        assert got == wanted, kind

"""A trial reads as ingest does and watches as the workers do, by the clock of the recording."""

from __future__ import annotations

import json

from aedilis.settings import load
from kept.raw import RawMessage
from tests.unit.trial.lamps import BEGAN, lamp, message
from trial.run import Outcome, run, summary


def outcome(*messages: RawMessage) -> Outcome:
    return run(lamp(), load({}), messages)


def test_observations_are_counted_with_their_quality_and_range() -> None:
    found = outcome(*(message(i, 10 + i) for i in range(5)), message(5, 5000), message(6, -1), message(7, None))
    assert (found.messages, found.observations, len(found.things)) == (8, 8, 1)
    assert found.quality == {"good": 5, "fail": 2, "missing": 1}
    assert found.tests == {"gross_range": 1, "sentinel": 1}
    light = found.properties["light"]
    assert (light.observations, light.good, light.failed, light.missing) == (8, 5, 2, 1)
    assert (light.minimum, light.maximum, light.mean) == (10, 14, 12), "what failed is no part of it"


def test_rejects_are_told_with_their_reason_and_an_example() -> None:
    broken = RawMessage("city/demo/x/lamp", b"{", (BEGAN + 90) * 1_000_000, False)
    found = outcome(message(0, 1), broken, message(2, "bright"), message(3, 1, topic="none"))
    assert found.messages == 3, "a message of another topic is none of the type"
    assert found.refused == {"invalid_json": 1}
    assert sum(found.rejects.values()) == 1
    assert "city/demo/x/lamp" in found.reject_examples["invalid_json"][0]


def test_the_detectors_speak_and_the_alerts_are_counted() -> None:
    calm = outcome(*(message(i, 50) for i in range(10)))
    assert (sum(calm.anomalies.values()), sum(calm.alerts.values())) == (0, 0)
    loud = outcome(*(message(i, 50) for i in range(10)), *(message(i, 500) for i in range(10, 20)))
    assert (loud.anomalies["range"], loud.alerts["range"]) == (1, 1)
    assert "x · light" in loud.anomaly_examples["range"][0]


def test_progress_is_told_of_all_messages_and_the_span_is_that_of_the_recording() -> None:
    told: list[int] = []
    found = run(lamp(), load({}), [message(i, 1) for i in range(30)], told.append)
    assert sum(told) == 30
    assert len(told) > 1
    assert round(found.days * 1440) == 29


def test_the_same_messages_give_the_same_and_it_is_json() -> None:
    messages = [message(i, i * 37 % 200, thing=f"t{i % 3}") for i in range(60)]
    first, again = summary(outcome(*messages)), summary(outcome(*messages))
    assert first == again
    assert json.loads(json.dumps(first))["observations"] == 60

"""Runs one version of a sensor type over recorded messages: the same reader, framer, detectors and alerts as the line's.

Time is that of the recording: a message is received when it was received then, and silence is told by the recorded clock.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from aedilis.frame import Frame
from aedilis.settings import Settings
from aedilis.vocabulary import AlertStatus, Datastream, Quality, Test
from alerts.lifecycle import AlertBook
from detectors.core.discovery import all_detectors
from ingest.datastreams import Datastreams
from ingest.framer import Framer
from ingest.mqtt import Message, Share
from ingest.placement import Placement
from ingest.reader import Reader
from kept.raw import RawMessage
from sensors.batch import Channels
from sensors.compile import CompiledType
from streams.detecting.engine import Engine
from streams.detecting.uses import Use, as_use

_ROUND_MESSAGES = 2_000
_ROUND_US = 10_000_000
"""A frame leaves after so much recorded time: silence is then told no later than that."""
_EXAMPLES = 5
"""Of each reason and of each kind so many are told."""


@dataclass
class OfProperty:
    """What became of one ObservedProperty."""

    unit: str
    observations: int = 0
    missing: int = 0
    good: int = 0
    failed: int = 0
    minimum: float = math.inf
    maximum: float = -math.inf
    total: float = 0.0

    def add(self, result: npt.NDArray[np.float64], quality: npt.NDArray[np.uint8]) -> None:
        """Count observations; `(n,)` each."""
        failed = quality == Quality.FAIL
        there = result[~np.isnan(result) & ~failed]
        self.observations += len(result)
        self.missing += int(np.count_nonzero(np.isnan(result)))
        self.good += int(np.count_nonzero(quality == Quality.GOOD))
        self.failed += int(np.count_nonzero(failed & ~np.isnan(result)))
        if len(there):
            self.minimum = min(self.minimum, float(there.min()))
            self.maximum = max(self.maximum, float(there.max()))
            self.total += float(there.sum())

    @property
    def mean(self) -> float | None:
        """Of those that are neither missing nor failed, as are `minimum` and `maximum`."""
        there = self.observations - self.missing - self.failed
        return self.total / there if there else None


@dataclass
class Outcome:
    """What one version made of the messages."""

    sensor_type: str
    version: int
    messages: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # whole messages, by reason
    rejects: Counter[str] = field(default_factory=Counter)  # parts of messages, by reason
    reject_examples: dict[str, list[str]] = field(default_factory=dict)
    observations: int = 0
    quality: Counter[str] = field(default_factory=Counter)
    tests: Counter[str] = field(default_factory=Counter)
    things: set[str] = field(default_factory=set)
    properties: dict[str, OfProperty] = field(default_factory=dict)
    anomalies: Counter[str] = field(default_factory=Counter)
    anomaly_examples: dict[str, list[str]] = field(default_factory=dict)
    alerts: Counter[str] = field(default_factory=Counter)  # opened, by kind
    first: int | None = None  # µs UTC: when the first and the last message were received
    last: int | None = None
    values: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]] = field(
        default_factory=list
    )
    """(datastream, phenomenon_time, result) of each frame, to compare versions by."""
    names: dict[int, str] = field(default_factory=dict)
    """Datastream → `Thing · Datastream`."""

    @property
    def days(self) -> float:
        """How long the recording is."""
        return (self.last - self.first) / 86_400e6 if self.first is not None and self.last is not None else 0.0


def run(
    compiled: CompiledType,
    settings: Settings,
    messages: Iterable[RawMessage],
    advance: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Read the messages that have the type's topic, in their order. `advance` is told of each round's messages."""
    return _Run(compiled, settings).over(messages, advance)


class _Run:
    def __init__(self, compiled: CompiledType, settings: Settings) -> None:
        self._compiled = compiled
        channels = Channels([compiled])
        placement = Placement(settings, partitions=1)
        self._framer = Framer("trial", channels, Datastreams(channels, placement), partitions=1)
        self._reader = Reader(
            settings, "trial", [compiled], Share(settings, [compiled]), channels, placement, self._framer.batch
        )
        self._prefix = settings.mqtt_prefix.encode()
        self._engine = Engine(all_detectors(), self._pipeline)
        self._book = AlertBook()
        self._seen: set[int] = set()
        self._properties: dict[int, str] = {}
        self.outcome = Outcome(compiled.name, compiled.version)

    def _pipeline(self, datastream: Datastream) -> tuple[tuple[Use, ...], int]:
        uses = tuple(as_use(use) for use in self._compiled.detectors_of(datastream.observed_property))
        return uses, self._compiled.allowed_lateness

    def over(self, messages: Iterable[RawMessage], advance: Callable[[int], None]) -> Outcome:
        waiting, since = 0, None
        for recorded in messages:
            if self._compiled.matches(recorded.topic) is None:
                continue
            self._read(recorded)
            waiting += 1
            since = recorded.received_at if since is None else since
            if waiting >= _ROUND_MESSAGES or recorded.received_at - since >= _ROUND_US:
                self._frames(recorded.received_at)
                advance(waiting)
                waiting, since = 0, None
        if waiting:
            self._frames(self.outcome.last)
            advance(waiting)
        return self.outcome

    def _read(self, recorded: RawMessage) -> None:
        out = self.outcome
        out.messages += 1
        out.first = recorded.received_at if out.first is None else out.first
        out.last = recorded.received_at
        topic = self._prefix + recorded.topic.encode()
        read = self._reader.read(Message(topic, recorded.payload, recorded.received_at, 0, 0, 0, recorded.retained))
        for reject in read or ():
            counter = out.refused if reject.whole else out.rejects
            for problem in reject.problems:
                counter[problem.reason] += problem.count
                examples = out.reject_examples.setdefault(problem.reason, [])
                if len(examples) < _EXAMPLES:
                    where = f" at {problem.path}" if problem.path else ""
                    examples.append(f"{recorded.topic}: {problem.detail}{where}")

    def _frames(self, tick: int | None) -> None:
        for _, frame in self._framer.frames(tick):
            self._count(frame)
            for anomaly in self._engine.apply([frame]):
                if anomaly.revision.sequence == 1:
                    self.outcome.anomalies[anomaly.kind] += 1
                    examples = self.outcome.anomaly_examples.setdefault(anomaly.kind, [])
                    if len(examples) < _EXAMPLES:
                        examples.append(f"{anomaly.thing} · {anomaly.datastream_name}: {anomaly.explanation}")
                for alert in self._book.apply(anomaly):
                    if len(alert.anomalies) == 1 and alert.status is AlertStatus.OPEN:
                        self.outcome.alerts[alert.kind] += 1

    def _count(self, frame: Frame) -> None:
        out = self.outcome
        for one in frame.header.datastreams:
            out.names[one.id] = f"{one.thing.name} · {one.name}"
            out.things.add(one.thing.name)
            self._properties[one.id] = one.observed_property
            out.properties.setdefault(one.observed_property, OfProperty(one.unit))
        if not len(frame):
            return
        out.observations += len(frame)
        for value, number in zip(*np.unique(frame.quality, return_counts=True), strict=True):
            out.quality[Quality(int(value)).name.lower()] += int(number)
        for test in Test:
            if test and (spoke := int(np.count_nonzero(frame.tests & test))):
                out.tests[(test.name or "").lower()] += spoke
        out.values.append((frame.datastream, frame.phenomenon_time, frame.result))
        ids, where = np.unique(frame.datastream, return_inverse=True)
        of_property: dict[str, npt.NDArray[np.bool_]] = {}
        for i, number in enumerate(ids.tolist()):
            mask = where == i
            name = self._properties[number]
            of_property[name] = of_property[name] | mask if name in of_property else mask
        for name, mask in of_property.items():
            out.properties[name].add(frame.result[mask], frame.quality[mask])


def summary(outcome: Outcome) -> dict[str, Any]:
    """The outcome as JSON has it."""
    return {
        "sensor_type": outcome.sensor_type,
        "version": outcome.version,
        "days": round(outcome.days, 3),
        "messages": outcome.messages,
        "refused": dict(outcome.refused),
        "observations": outcome.observations,
        "rejects": dict(outcome.rejects),
        "reject_examples": outcome.reject_examples,
        "quality": dict(outcome.quality),
        "tests": dict(outcome.tests),
        "things": len(outcome.things),
        "properties": {
            name: {
                "unit": one.unit,
                "observations": one.observations,
                "missing": one.missing,
                "good": one.good,
                "failed": one.failed,
                "minimum": one.minimum if math.isfinite(one.minimum) else None,
                "maximum": one.maximum if math.isfinite(one.maximum) else None,
                "mean": one.mean,
            }
            for name, one in outcome.properties.items()
        },
        "anomalies": dict(outcome.anomalies),
        "anomaly_examples": outcome.anomaly_examples,
        "alerts": dict(outcome.alerts),
    }

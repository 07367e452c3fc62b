"""Publishes a simulated city, and keeps how far it came and what was true."""

from __future__ import annotations

import json
import math
import time
from datetime import datetime, timedelta
from pathlib import Path

from simulation.city import STEP_SECONDS, City
from simulation.memory import Memory
from simulation.pace import Delay
from simulation.publisher import Publisher

KEEP_SECONDS = 1.0
"""While it is fast, how far it came is kept so often."""


class Run:
    """One run of `aedilis simulate`."""

    def __init__(self, city: City, publisher: Publisher, memory: Memory, labels: Path) -> None:
        self._city = city
        self._publisher = publisher
        self._memory = memory
        self._labels = labels
        self._told: int | None = None
        self._kept_at = -math.inf

    def publish(self, begin: datetime, end: datetime, delay: Delay) -> None:
        """All of [begin, end), or up to where it is stopped."""
        position = begin
        while position < end:
            until = min(position + timedelta(seconds=STEP_SECONDS), end)
            for moment, topic, payload in self._city.between(position, until):
                due = delay(moment.timestamp())
                if due > KEEP_SECONDS:  # a long rest: whoever ends it finds all kept
                    self._keep(moment)
                if not self._publisher.rest(due) or not self._publisher.publish(topic, payload):
                    self._keep(moment)
                    return
            position = until
            if time.monotonic() > self._kept_at + KEEP_SECONDS:
                self._keep(position)
        self._publisher.flush()
        self._keep(position)

    def _keep(self, position: datetime) -> None:
        """What the broker has not acknowledged is not published; then it is kept at a later step."""
        if not self._publisher.flush(1.0):
            return
        self._kept_at = time.monotonic()
        self._memory.keep(position)
        labels = self._city.labels(self._memory.published_until)
        if len(labels) == self._told:
            return
        self._told = len(labels)
        self._labels.parent.mkdir(parents=True, exist_ok=True)
        partial = self._labels.with_name(self._labels.name + ".partial")
        partial.write_text(json.dumps(labels, indent=1))
        partial.replace(self._labels)

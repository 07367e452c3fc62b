"""RawMessage messages, from a file or from the log, in the order in which they came.

A file holds a message a line (`sensors.infer.lines`), or is a CSV that the type's `[replay]` table explains.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from aedilis.settings import Settings
from kept.raw import RawMessage, read_raw
from sensors.compile import CompiledType
from sensors.declaration import SensorType
from sensors.infer.lines import from_lines
from simulation.replay import Recording, Summary


def from_file(path: Path, declared: SensorType, now: int, agency: str = "demo") -> Iterator[RawMessage]:
    """The messages of a file; one that says no time came at `now` (µs UTC).

    Raises:
        TrafficError: a line is no message; it names the line.
        ReplayError: the CSV does not fit the type's `[replay]`.
    """
    if path.suffix == ".csv":
        recording = Recording(path, declared, agency, {})
        recording.survey(Summary())
        for item in recording:
            yield RawMessage(item.topic, item.payload, item.moment, False)
        return
    for line in from_lines(path):
        moment = now if line.received_at is None else line.received_at
        yield RawMessage(line.topic, line.payload, moment, line.retained)


async def recorded(
    settings: Settings, kinds: Sequence[CompiledType], hours: float, most: int | None = None
) -> list[RawMessage]:
    """What came in during the last hours under the topics of these types, in the order in which it came; of more than
    `most` the newest.

    Raises:
        ServerError: Kafka cannot be reached.
    """
    since = time.time_ns() // 1000 - round(hours * 3_600_000_000)
    found: deque[RawMessage] = deque(maxlen=most)
    async for message in read_raw(settings, since):
        if any(kind.matches(message.topic) is not None for kind in kinds):
            found.append(message)
    return sorted(found, key=lambda message: message.received_at)  # stable: one process's order is kept

"""RawMessage messages, from a file or from the log, in the order in which they came.

A file is JSON lines (`{"topic", "payload" | "payload_hex", "received_at"?, "retained"?}`), text lines (topic, a space,
payload: what `mosquitto_sub -v` prints), or a CSV that the type's `[replay]` table explains.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from aedilis.errors import TrafficError
from aedilis.settings import Settings
from kept.raw import RawMessage, read_raw
from sensors.compile import CompiledType
from sensors.declaration import SensorType
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
    try:
        file = path.open("rb")
    except OSError as error:
        raise TrafficError(path=path, line=0, problem=str(error), mend="name a file that can be read") from error
    with file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _message(path, number, line.rstrip(b"\r\n"), now)


def _message(path: Path, number: int, line: bytes, now: int) -> RawMessage:
    if not line.startswith(b"{"):
        topic, _, payload = line.partition(b" ")
        return RawMessage(topic.decode(errors="replace"), payload, now, False)
    mend = 'write {"topic": "…", "payload": "…", "received_at": "2026-01-05T08:00:00Z"}'
    try:
        said = json.loads(line)
        payload = bytes.fromhex(said["payload_hex"]) if "payload_hex" in said else _bytes(said["payload"])
        moment = _moment(said["received_at"]) if "received_at" in said else now
        return RawMessage(str(said["topic"]), payload, moment, bool(said.get("retained", False)))
    except KeyError as error:
        raise TrafficError(path=path, line=number, problem=f"{error} is missing", mend=mend) from error
    except (ValueError, TypeError) as error:
        raise TrafficError(path=path, line=number, problem=str(error)[:200], mend=mend) from error


def _bytes(payload: object) -> bytes:
    """Text as it is; an object or list as the JSON that it was."""
    return payload.encode() if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False).encode()


def _moment(said: object) -> int:
    if isinstance(said, int) and not isinstance(said, bool):
        return said
    moment = datetime.fromisoformat(str(said))
    if moment.tzinfo is None:
        raise ValueError(f"received_at {said!r} names no zone")
    return round(moment.timestamp() * 1e6)


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

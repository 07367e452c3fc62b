"""Messages as people keep them in files, one a line: JSON, or text.

JSON lines are `{"topic", "payload" | "payload_hex", "received_at"?, "retained"?}`; text lines are topic, a space, payload:
what `mosquitto_sub -v` prints.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from aedilis.errors import TrafficError


class Line(NamedTuple):
    """A message of a file; who wrote it down may not have said when it came (µs UTC)."""

    topic: str
    payload: bytes
    received_at: int | None
    retained: bool


def from_lines(source: Path | Iterable[bytes]) -> Iterator[Line]:
    """The messages of a text file, or of lines that come from elsewhere.

    Raises:
        TrafficError: a line is no message; it names the line.
    """
    if not isinstance(source, Path):
        yield from _messages("-", source)
        return
    try:
        file = source.open("rb")
    except OSError as error:
        raise TrafficError(path=source, line=0, problem=str(error), mend="name a file that can be read") from error
    with file:
        yield from _messages(str(source), file)


def _messages(where: str, lines: Iterable[bytes]) -> Iterator[Line]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _message(where, number, line.rstrip(b"\r\n"))


def _message(where: str, number: int, line: bytes) -> Line:
    mend = 'write `topic payload`, or {"topic": "…", "payload": "…", "received_at": "2026-01-05T08:00:00Z"}'
    if not line.startswith(b"{"):
        topic, _, payload = line.partition(b" ")
        if not payload.strip():
            raise TrafficError(path=where, line=number, problem="no payload follows the topic", mend=mend)
        return Line(topic.decode(errors="replace"), payload, None, False)
    try:
        said = json.loads(line)
        payload = bytes.fromhex(said["payload_hex"]) if "payload_hex" in said else _bytes(said["payload"])
        moment = _moment(said["received_at"]) if said.get("received_at") is not None else None
        return Line(str(said["topic"]), payload, moment, bool(said.get("retained", False)))
    except KeyError as error:
        raise TrafficError(path=where, line=number, problem=f"{error} is missing", mend=mend) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise TrafficError(path=where, line=number, problem=str(error)[:200], mend=mend) from error


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

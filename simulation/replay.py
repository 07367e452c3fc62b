"""Publishes recorded CSV files as the devices would have: merged by time, times and words as they stand in the file.

Files are read a line at a time: one open quote in a whole-file reader loses half a file. A line that cannot be read is
counted with its reason and its number; a cell that is no number goes out as text, so that ingest refuses and counts it.
"""

from __future__ import annotations

import csv
import heapq
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from aedilis.errors import ReplayError
from aedilis.identity import to_topic_level
from sensors.declaration import Replay, SensorType


@dataclass
class Summary:
    """What was done. `observations` have a value or say that it is missing; `missing` are the latter."""

    messages: int = 0
    observations: int = 0
    missing: int = 0
    malformed: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    """The first malformed lines, `file:number: reason`."""

    def refuse(self, path: Path, number: int, reason: str, detail: str = "") -> None:
        """Count a line that cannot be read."""
        self.malformed[reason] += 1
        if len(self.lines) < 20:
            self.lines.append(f"{path.name}:{number}: {reason} {detail}".rstrip())

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "messages": self.messages,
            "observations": self.observations,
            "missing": self.missing,
            "malformed": dict(self.malformed),
            "lines": self.lines,
        }


@dataclass(order=True)
class Item:
    """One message, ordered by the file's own time."""

    moment: datetime
    topic: str = field(compare=False)
    payload: bytes = field(compare=False)
    observations: int = field(compare=False)
    missing: int = field(compare=False)


def places(path: Path | None) -> dict[str, tuple[float, float]]:
    """Thing → (longitude, latitude), from JSON `{"name": [longitude, latitude]}`.

    Raises:
        ReplayError: the file is not of this form.
    """
    if path is None:
        return {}
    try:
        return {name: (float(at[0]), float(at[1])) for name, at in json.loads(path.read_text()).items()}
    except (ValueError, TypeError, AttributeError, IndexError, OSError) as error:
        mend = 'write {"name": [longitude, latitude], …}'
        raise ReplayError(path=path, problem=f"no places: {error}", mend=mend) from error


def items(
    files: list[Path], declared: SensorType, agency: str, summary: Summary, where: dict[str, tuple[float, float]]
) -> Iterator[Item]:
    """All messages of all files in the order of time; lines of the same time in the order of files and lines.

    Raises:
        ReplayError: the type has no `[replay]`, or a file lacks a column that it names.
    """
    if declared.replay is None:
        raise ReplayError(path="*", problem=f"{declared.name} has no [replay]", mend="add the table to its file")
    sources = [_sorted(_read(path, declared, agency, summary, where)) for path in files]
    return heapq.merge(*sources)


def _sorted(source: Iterator[Item]) -> Iterator[Item]:
    """Files are small; those that are not in order of time are put so, lines of one time as they stood."""
    return iter(sorted(source, key=lambda item: item.moment))


def _read(
    path: Path, declared: SensorType, agency: str, summary: Summary, where: dict[str, tuple[float, float]]
) -> Iterator[Item]:
    replay = declared.replay
    assert replay is not None
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            header = next(csv.reader([next(file, "")]), [])
            columns = _columns(path, header, replay, declared)
            topic = declared.topic.replace("{agency}", to_topic_level(agency))
            for number, line in enumerate(file, start=2):
                item = _line(path, number, line, header, columns, declared, summary, topic, where)
                if item is not None:
                    yield item
    except OSError as error:
        raise ReplayError(path=path, problem=str(error), mend="name a readable CSV file") from error


def _columns(path: Path, header: list[str], replay: Replay, declared: SensorType) -> dict[str, int]:
    """Payload key → column number."""
    times = [replay.time] if isinstance(replay.time, str) else list(replay.time.values())
    needed = [replay.thing, *times, *replay.fields.values()]
    lacking = [name for name in needed if name not in header]
    if lacking:
        raise ReplayError(
            path=path,
            problem=f"columns {', '.join(lacking)} are missing; it has {', '.join(header)}",
            mend=f"give a file of the form that {declared.name} declares in [replay]",
        )
    renamed = {column: key for key, column in replay.fields.items()}
    skip = {replay.thing, *times, *replay.drop}
    return {renamed.get(name, name): i for i, name in enumerate(header) if name not in skip}


def _line(
    path: Path,
    number: int,
    line: str,
    header: list[str],
    columns: dict[str, int],
    declared: SensorType,
    summary: Summary,
    topic: str,
    where: dict[str, tuple[float, float]],
) -> Item | None:
    replay = declared.replay
    assert replay is not None
    if not line.strip():
        return None
    try:
        cells = next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration) as error:
        summary.refuse(path, number, "not CSV", str(error))
        return None
    if len(cells) != len(header):
        summary.refuse(path, number, "wrong number of columns", f"expected {len(header)}, got {len(cells)}")
        return None
    row = dict(zip(header, cells, strict=True))
    try:
        moment, text = _moment(row, replay)
    except ValueError as error:
        summary.refuse(path, number, "no time", str(error))
        return None
    thing = row[replay.thing]
    if not thing.strip():
        summary.refuse(path, number, "no Thing", f"column {replay.thing} is empty")
        return None
    labels = set(declared.payload.labels)
    payload: dict[str, Any] = {declared.time.field: text}
    if thing in where and declared.payload.longitude and declared.payload.latitude:
        payload[declared.payload.longitude], payload[declared.payload.latitude] = where[thing]
    observations = missing = 0
    for key, index in columns.items():
        cell = cells[index]
        if key in labels:
            payload[key] = cell
            continue
        payload[key] = None if cell in replay.missing or cell == "" else _number(cell)
        observations += 1
        missing += payload[key] is None
    encoded = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Item(moment, topic.replace("{thing}", to_topic_level(thing)), encoded, observations, missing)


def _moment(row: dict[str, str], replay: Replay) -> tuple[datetime, str]:
    """The time as the file tells it, without a zone where the file names none."""
    if isinstance(replay.time, str):
        text = row[replay.time]
        return datetime.fromisoformat(text).replace(tzinfo=None), text
    parts = {name: int(row[column]) for name, column in replay.time.items()}
    moment = datetime(parts["year"], parts["month"], parts["day"], parts.get("hour", 0), parts.get("minute", 0))
    return moment, moment.isoformat()


def _number(cell: str) -> float | int | str:
    for kind in (int, float):
        try:
            value = kind(cell)
        except ValueError:
            continue
        return value if abs(value) < float("inf") else cell
    return cell


class Pace:
    """Holds the stream of messages to `speed` times the recorded time; 0 is as fast as it goes."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._first: tuple[datetime, float] | None = None

    def wait(self, moment: datetime) -> None:
        """Sleep until this moment is due."""
        if not self._speed:
            return
        if self._first is None:
            self._first = (moment, time.monotonic())
        due = self._first[1] + (moment - self._first[0]).total_seconds() / self._speed
        time.sleep(max(0.0, due - time.monotonic()))

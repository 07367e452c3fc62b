"""Publishes recorded CSV files as the devices would have: merged by time, times and words as they stand in the file.

A file is read twice: once to see that it can be read, and in which order its lines are due; then to publish it. A file
in order of time is streamed; of another one the place of each line is kept (16 bytes), never its content. Lines are
read one at a time: one open quote in a whole-file reader loses half a file. A line that cannot be read is counted with
its reason and its number; a cell that is no number goes out as text, so that ingest refuses and counts it.
"""

from __future__ import annotations

import csv
import heapq
import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec
import numpy as np

from aedilis.errors import ReplayError
from aedilis.identity import to_topic_level
from sensors.declaration import Replay, SensorType
from sensors.paths import put, show
from sensors.payload import Refused
from sensors.times import time_reader

Places = Mapping[str, tuple[float, float]]
"""Thing → (longitude, latitude)."""
_LINES_TOLD = 20


@dataclass
class Summary:
    """What was done, in the words of `aedilis counts`.

    `observations` is what counts calls published: each has a value, or says that it is missing (`missing`), or is text
    that ingest refuses. `malformed` lines were not published.
    """

    messages: int = 0
    observations: int = 0
    missing: int = 0
    malformed: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    """The first malformed lines, `file:number: reason`."""
    interrupted: bool = False

    def refuse(self, path: Path, number: int, bad: Malformed) -> None:
        """Count a line that cannot be read."""
        self.malformed[bad.reason] += 1
        if len(self.lines) < _LINES_TOLD:
            self.lines.append(f"{path.name}:{number}: {bad.reason} {bad.detail}".rstrip())

    def add(self, item: Item) -> None:
        """Count what was published."""
        self.messages += 1
        self.observations += item.observations
        self.missing += item.missing

    def as_json(self) -> dict[str, Any]:
        """For `--json`; `docs/commands.md` explains the keys."""
        return {
            "messages": self.messages,
            "observations": self.observations,
            "missing": self.missing,
            "malformed": dict(self.malformed),
            "lines": self.lines,
            "interrupted": self.interrupted,
        }


class Item(NamedTuple):
    """One message. `moment` is µs since 1970 UTC, read as ingest will read it."""

    moment: int
    topic: str
    payload: bytes
    observations: int
    missing: int


class Malformed(NamedTuple):
    """Why a line cannot be published."""

    reason: str
    detail: str = ""


class _Row(NamedTuple):
    cells: list[str]
    moment: int
    time: str | float


def places(path: Path | None) -> Places:
    """Where Things are, from JSON `{"name": [longitude, latitude]}`.

    Raises:
        ReplayError: the file is not of this form.
    """
    if path is None:
        return {}
    try:
        return {name: (float(at[0]), float(at[1])) for name, at in json.loads(path.read_text()).items()}
    except (ValueError, TypeError, AttributeError, IndexError, KeyError, OSError) as error:
        mend = 'write {"name": [longitude, latitude], …}'
        raise ReplayError(path=path, problem=f"no places: {error}", mend=mend) from error


def merged(recordings: list[Recording]) -> Iterator[Item]:
    """All messages of all files in the order of time; those of one time in the order of files and lines."""
    return heapq.merge(*recordings, key=lambda item: item.moment)


class Recording:
    """One CSV file. `survey` it first; then iterate over its messages, in the order of time."""

    def __init__(self, path: Path, declared: SensorType, agency: str, where: Places) -> None:
        if declared.replay is None:
            raise ReplayError(path=path, problem=f"{declared.name} has no [replay]", mend="add the table to its file")
        self.path = path
        self.messages = 0
        """How many lines can be published; known after `survey`."""
        self._declared = declared
        self._replay = declared.replay
        self._missing = {*declared.replay.missing, ""}
        self._read_time = time_reader(declared.time)
        topic = declared.topics[0].replace("{agency}", to_topic_level(agency))
        self._topic_of = cache(lambda thing: topic.replace("{thing}", to_topic_level(thing)))
        self._where = where
        self._order: list[int] | None = None  # offsets in the order of time; none: as they stand
        with self._open() as file:
            self._layout = _Layout(path, self._header(file), self._replay, declared)

    def survey(self, summary: Summary, advance: Callable[[int], bool] = lambda _: True) -> None:
        """Look at each line; count those that cannot be read. `advance` gets bytes read, and says whether to go on."""
        moments, offsets = array("q"), array("q")
        read = 0
        with self._open() as file:
            self._header(file)
            for number, (offset, line) in enumerate(_lines(file), start=2):
                row = self._row(line)
                if isinstance(row, Malformed):
                    summary.refuse(self.path, number, row)
                elif row is not None:
                    moments.append(row.moment)
                    offsets.append(offset)
                if number % 1000 == 0:
                    if not advance(file.tell() - read):
                        break
                    read = file.tell()
            advance(file.tell() - read)
        self.messages = len(moments)
        times = np.frombuffer(moments, np.int64) if moments else np.array([], np.int64)
        if (np.diff(times) < 0).any():
            self._order = np.frombuffer(offsets, np.int64)[np.argsort(times, kind="stable")].tolist()

    def __iter__(self) -> Iterator[Item]:
        with self._open() as file:
            self._header(file)
            lines = (line for _, line in _lines(file)) if self._order is None else self._ordered(file, self._order)
            for line in lines:
                row = self._row(line)
                if isinstance(row, _Row):
                    yield self._item(row)

    @staticmethod
    def _ordered(file: BinaryIO, offsets: list[int]) -> Iterator[bytes]:
        for offset in offsets:
            file.seek(offset)
            yield file.readline()

    def _open(self) -> BinaryIO:
        if self.path.exists() and not self.path.is_file():
            raise ReplayError(path=self.path, problem="it is no file", mend="name CSV files; they are read twice")
        try:
            return self.path.open("rb")
        except OSError as error:
            raise ReplayError(path=self.path, problem=str(error), mend="name a readable CSV file") from error

    def _header(self, file: BinaryIO) -> list[str]:
        try:
            return next(csv.reader([file.readline().decode("utf-8-sig")], strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            mend = "write it as CSV in UTF-8, with a header of its own"
            raise ReplayError(path=self.path, problem=f"its first line is no header: {error}", mend=mend) from error

    def _row(self, line: bytes) -> _Row | Malformed | None:
        """The cells and the time of a line; None for a blank one."""
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            return Malformed("not UTF-8", str(error))
        if not text.strip():
            return None
        try:
            cells = next(csv.reader([text], strict=True))
        except (csv.Error, StopIteration) as error:
            return Malformed("not CSV", str(error))
        if len(cells) != self._layout.width:
            return Malformed("wrong number of columns", f"expected {self._layout.width}, got {len(cells)}")
        try:
            time = self._time(cells)
            moment = self._read_time(time, show(self._declared.time.field)[2:])
        except (ValueError, Refused) as error:
            return Malformed("no time", getattr(error, "detail", str(error)))
        if cells[self._layout.thing].strip() in self._missing:
            return Malformed("no Thing", f"column {self._replay.thing} is empty")
        return _Row(cells, moment, time)

    def _time(self, cells: list[str]) -> str | float:
        """The time as the payload tells it, without a zone where the file names none."""
        times = self._layout.times
        if isinstance(times, int):
            return cells[times] if self._declared.time.form == "iso" else _number(cells[times])
        part = {name: int(cells[index]) for name, index in times.items()}
        year, month, day = part["year"], part["month"], part["day"]
        return f"{year:04}-{month:02}-{day:02}T{part.get('hour', 0):02}:{part.get('minute', 0):02}:00"

    def _item(self, row: _Row) -> Item:
        cells, layout, payload = row.cells, self._layout, self._declared.payload
        thing = cells[layout.thing]
        place: dict[str, Any] = {}
        if thing in self._where and payload.longitude and payload.latitude:
            for path, degrees in zip((payload.longitude, payload.latitude), self._where[thing], strict=True):
                put(place, path, degrees)
        place.update((key, _number(cells[index])) for key, index in layout.place if cells[index] not in self._missing)
        record: dict[str, Any] = {}
        put(record, self._declared.time.field, row.time)
        record.update((key, cells[index]) for key, index in layout.texts if cells[index] not in self._missing)
        missing = 0
        for key, index in layout.values:
            cell = cells[index]
            if cell in self._missing:
                record[key] = None
                missing += 1
            else:
                record[key] = _number(cell)
        if payload.records is None:
            content = {**record, **place}
        else:
            content = place
            put(content, payload.records, [record])
        return Item(row.moment, self._topic_of(thing), msgspec.json.encode(content), len(layout.values), missing)


class _Layout:
    """Which column of a file is what: lists of (payload key, column number)."""

    def __init__(self, path: Path, header: list[str], replay: Replay, declared: SensorType) -> None:
        times = [replay.time] if isinstance(replay.time, str) else list(replay.time.values())
        lacking = [name for name in (replay.thing, *times, *replay.fields.values()) if name not in header]
        if lacking:
            raise ReplayError(
                path=path,
                problem=f"columns {', '.join(lacking)} are missing; it has {', '.join(header) or 'none'}",
                mend=f"give a file of the form that {declared.name} declares in [replay]",
            )
        twice = [name for name, number in Counter(header).items() if number > 1]
        if twice:
            raise ReplayError(path=path, problem=f"columns {', '.join(twice)} stand twice", mend="rename or drop one")
        self.width = len(header)
        self.thing = header.index(replay.thing)
        self.times: int | dict[str, int]
        if isinstance(replay.time, str):
            self.times = header.index(replay.time)
        else:
            self.times = {part: header.index(column) for part, column in replay.time.items()}
        payload = declared.payload
        renamed = {column: key for key, column in replay.fields.items()}
        skip = {replay.thing, *times, *replay.drop}
        columns = [(renamed.get(name, name), i) for i, name in enumerate(header) if name not in skip]
        texts = {*payload.labels, payload.zone, payload.flag, declared.time.result_time, *payload.ignore}
        place = {payload.longitude, payload.latitude}
        self.texts = [column for column in columns if column[0] in texts]
        self.place = [column for column in columns if column[0] in place]
        self.values = [column for column in columns if column[0] not in texts | place]


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    offset = file.tell()
    for line in iter(file.readline, b""):
        yield offset, line
        offset += len(line)


@lru_cache(maxsize=100_000)
def _number(cell: str) -> float | int | str:
    """A number that keeps its value on the way; what is none, or more than a float holds, stays text."""
    if "_" in cell or not cell.isascii():  # Python alone would take `1_000` and digits of other scripts
        return cell
    try:
        value = float(cell)
    except ValueError:
        return cell
    if not abs(value) < float("inf"):
        return cell
    return int(value) if value.is_integer() and abs(value) < 2**53 and cell.strip("-+0123456789") == "" else value

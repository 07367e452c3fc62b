"""Reads a CSV file into arrays, one line at a time: one open quote in a whole-file reader loses half a file.

Nothing of the text is kept. To write it again, with more columns, the file is read a second time, and each line stands as it
stood. What cannot be read is counted, and told with its line and what to mend.
"""

from __future__ import annotations

import csv
import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from aedilis.errors import DetectError
from aedilis.vocabulary import Location
from sensors.values import number_of
from trial.detect.times import Mixed, Times

LONG = ("time", "thing", "property", "value")
PLACE = ("longitude", "latitude")
SINGLE = ("timestamp", "value")
_SAME = {"time": "timestamp", "timestamp": "time"}
_MISSING = frozenset({"", "-", "--", "na", "n/a", "nan", "null", "none", "nil"})
_BYTES = 1 << 18
"""Progress is told after so many."""
LINES_TOLD = 20
FORM = f"`{', '.join(LONG)}` (and {', '.join(PLACE)} if known), or `{', '.join(SINGLE)}` for one series"


class State(IntEnum):
    """What became of a line."""

    READ = 0  # an Observation
    UNREAD = 1  # a row of which a cell cannot be read
    NO_ROW = 2  # not even a row: no UTF-8, no CSV, or not as many cells as the header


class Name(NamedTuple):
    """A series as the file calls it."""

    thing: str
    property: str


@dataclass(frozen=True)
class Header:
    """The first line: its text, what parts its cells, and where the columns that matter stand."""

    text: str
    delimiter: str
    names: tuple[str, ...]
    at: dict[str, int]

    @property
    def long(self) -> bool:
        """Whether the file holds several series."""
        return "thing" in self.at


@dataclass
class Rows:
    """The Observations of a file, in its order; shapes `(n,)`. A missing value is NaN."""

    path: Path
    header: Header
    times: Times
    time: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    series: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))  # a place in `names`
    value: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    names: list[Name] = field(default_factory=list)
    places: dict[str, Location] = field(default_factory=dict)  # of Things, where the file first tells one
    states: npt.NDArray[np.uint8] = field(
        default_factory=lambda: np.zeros(0, np.uint8)
    )  # of each line that is not blank
    refused: Counter[str] = field(default_factory=Counter)  # lines, by reason
    told: list[str] = field(default_factory=list)
    """The first lines that were refused: `file:line: what is wrong; what to mend`."""

    def __len__(self) -> int:
        return len(self.time)


class _Bad(Exception):
    """Why a line is refused; `told` says it with what stands there."""

    def __init__(self, reason: str, told: str, mend: str, state: State = State.UNREAD) -> None:
        super().__init__(told)
        self.reason, self.told, self.mend, self.state = reason, told, mend, state


def read(path: Path, times: Times, advance: Callable[[int], object] = lambda _: None) -> Rows:
    """Read a file; `advance` is told of bytes.

    Raises:
        DetectError: it cannot be opened, has no header of a known form, no row that can be read, or times of two kinds.
    """
    with _open(path) as file:
        rows = Rows(path, _header(path, file), times)
        _fill(rows, file, advance)
    if not len(rows.states):
        raise DetectError(path=path, problem="it has a header and no rows", mend="give a file with Observations")
    if not len(rows):
        raise DetectError(
            path=path,
            problem=f"none of its {len(rows.states):,} rows can be read:\n" + "\n".join(rows.told[:5]),
            mend=f"write rows of the form {FORM}",
        )
    return rows


def lines(path: Path, header: Header) -> Iterator[str]:
    """Each line after the header as it stands, without its end; blank ones are left out. What is no UTF-8 stays as it is
    when written with `surrogateescape`."""
    with _open(path) as file:
        file.readline()
        for raw in file:
            text = raw.decode(errors="surrogateescape").rstrip("\r\n")
            if text.strip():
                yield text


def _open(path: Path) -> BinaryIO:
    if not path.exists():
        raise DetectError(path=path, problem="there is no such file", mend="name a CSV file with --input")
    if not path.is_file():
        raise DetectError(path=path, problem="it is no file", mend="name a CSV file; it is read twice")
    try:
        return path.open("rb")
    except OSError as error:
        raise DetectError(path=path, problem=f"{error.strerror}", mend="name a readable CSV file") from error


# ---------------------------------------------------------------- the header


def _header(path: Path, file: BinaryIO) -> Header:
    raw = file.readline()
    if not raw:
        raise DetectError(path=path, problem="it is empty", mend=f"write a header: {FORM}")
    try:
        text = raw.decode("utf-8-sig").rstrip("\r\n")
        delimiter = max(",;\t", key=text.count)
        names = tuple(name.strip() for name in next(csv.reader([text], delimiter=delimiter, strict=True), []))
    except (UnicodeDecodeError, csv.Error) as error:
        mend = "write it as CSV in UTF-8, with a header of its own"
        raise DetectError(path=path, problem=f"its first line is no header: {error}", mend=mend) from error
    lower = [name.lower() for name in names]
    wanted = LONG if {"thing", "property"} & {*lower} else SINGLE
    at: dict[str, int] = {}
    for name in (*wanted, *(PLACE if wanted is LONG else ())):
        places = [i for i, own in enumerate(lower) if own == name] or [
            i for i, own in enumerate(lower) if own == _SAME.get(name)
        ]
        if len(places) > 1:
            raise DetectError(path=path, problem=f"it has several columns {name}", mend="rename or drop all but one")
        if places:
            at[name] = places[0]
    lacking = [name for name in wanted if name not in at]
    if lacking:
        raise DetectError(
            path=path,
            problem=f"column {', '.join(lacking)} is missing; found are {', '.join(names) or 'none'}, expected {FORM}",
            mend="rename the columns in the first line",
        )
    at["time"] = at.pop("timestamp", at.get("time", -1))
    if len(at) < len(wanted) + len(PLACE):
        at = {name: place for name, place in at.items() if name not in PLACE}
    return Header(text, delimiter, names, at)


# ---------------------------------------------------------------- its rows


def _fill(rows: Rows, file: BinaryIO, advance: Callable[[int], object]) -> None:
    time, series, value, states = array("q"), array("i"), array("d"), array("B")
    codes: dict[Name, int] = {}
    row = _Row(rows)
    since = 0
    for number, raw in enumerate(file, start=2):
        since += len(raw)
        if since >= _BYTES:
            advance(since)
            since = 0
        if raw.isspace():
            continue
        try:
            moment, name, result = row.of(raw)
        except _Bad as bad:
            states.append(bad.state)
            rows.refused[bad.reason] += 1
            if len(rows.told) < LINES_TOLD:
                rows.told.append(f"{rows.path.name}:{number}: {bad.told}; {bad.mend}")
            continue
        except Mixed as mixed:
            raise DetectError(
                path=rows.path,
                problem=f"line {number}: {mixed}",
                mend="write all times with a zone, or all without",
            ) from mixed
        code = codes.get(name)
        if code is None:
            code = codes[name] = len(codes)
        time.append(moment)
        series.append(code)
        value.append(result)
        states.append(State.READ)
    advance(since)
    rows.names = list(codes)
    rows.places = row.places
    rows.time = np.frombuffer(time, np.int64) if time else rows.time
    rows.series = np.frombuffer(series, np.int32) if series else rows.series
    rows.value = np.frombuffer(value, np.float64) if value else rows.value
    rows.states = np.frombuffer(states, np.uint8) if states else rows.states


class _Row:
    """Reads one row after the other."""

    def __init__(self, rows: Rows) -> None:
        self._times = rows.times
        header = rows.header
        self._delimiter, self._width, self._at = header.delimiter, len(header.names), header.at
        self._alone = Name(rows.path.stem, "value")
        self._names: dict[tuple[str, str], Name] = {}
        self.places: dict[str, Location] = {}

    def of(self, raw: bytes) -> tuple[int, Name, float]:
        cells, at = self._cells(raw), self._at
        text = cells[at["time"]].strip()
        try:
            time = self._times.read(text)
        except ValueError as error:
            raise _Bad("no time", str(error), "write it as the others of the file") from error
        name = self._name(cells) if "thing" in at else self._alone
        text = cells[at["value"]].strip()
        value = number_of(text)
        if value is None or not math.isfinite(value):
            if text.lower() not in _MISSING:
                told = f"expected a number in column value, got {text[:50]!r}"
                raise _Bad("no number", told, "write 12.5, or nothing where it is missing")
            value = math.nan
        return time, name, value

    def _cells(self, raw: bytes) -> list[str]:
        try:
            text = raw.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            told = f"no UTF-8 at byte {error.start + 1} of the line"
            raise _Bad("no UTF-8", told, "save the file as UTF-8", State.NO_ROW) from error
        if '"' in text:
            try:
                cells = next(csv.reader([text], delimiter=self._delimiter, strict=True))
            except csv.Error as error:
                raise _Bad("no CSV", str(error), "close the quote in its line", State.NO_ROW) from error
        else:
            cells = text.split(self._delimiter)
        if len(cells) != self._width:
            told = f"expected {self._width} cells as in the header, got {len(cells)}"
            raise _Bad("another number of cells", told, "quote cells that hold the delimiter", State.NO_ROW)
        return cells

    def _name(self, cells: list[str]) -> Name:
        at = self._at
        key = (cells[at["thing"]], cells[at["property"]])
        name = self._names.get(key)
        if name is None:
            name = Name(key[0].strip(), key[1].strip())
            for column, text in zip(("thing", "property"), name, strict=True):
                if not text:
                    raise _Bad(f"no {column}", f"column {column} is empty", "say what was observed, and where")
            self._names[key] = name
        if "longitude" in at and name.thing not in self.places:
            longitude, latitude = (number_of(cells[at[column]].strip()) for column in PLACE)
            if longitude is not None and latitude is not None and abs(longitude) <= 180 and abs(latitude) <= 90:
                self.places[name.thing] = Location(longitude, latitude)
        return name

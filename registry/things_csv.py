"""Things in a CSV file: read with every fault of every line at once, and written so that reading it changes nothing.

A header names the columns, in any order. `agency` and `thing` say which Thing; of the others those that are there are
told, an empty cell meaning that its messages decide, and those that are not there stay as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, NamedTuple

from registry.things import FIELDS, Entry, Fault, Key, read_fields
from sensors.payload import Refused, read_name

COLUMNS = ("agency", "thing", *FIELDS)
_NAMES = ("agency", "thing")


class LineFault(NamedTuple):
    """What is wrong in a line; 1 is the header."""

    line: int
    column: str
    expected: str
    got: str
    mend: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: expected {self.expected}, got {self.got!r}. Mend: {self.mend}"


def read_csv(content: bytes) -> tuple[dict[Key, dict[str, Any]], list[LineFault]]:
    """Thing → what is told of it, of the lines without a fault; and the faults of all others."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        got = repr(content[error.start : error.end])
        return {}, [LineFault(line, "all", "UTF-8", got, "save the file as UTF-8")]
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    told: dict[Key, dict[str, Any]] = {}
    faults: list[LineFault] = []
    lines: dict[Key, int] = {}
    header: list[str] | None = None
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            faults.append(LineFault(line, "all", "CSV", str(error), "close the quotes"))
            break
        if row is None:
            break
        if not any(cell.strip() for cell in row):
            continue
        if header is None:
            header = [cell.strip().lower() for cell in row]
            faults += _faults_of_header(header, line)
            if faults:
                return {}, faults
            continue
        found = [LineFault(line, *fault) for fault in _faults_of_width(header, row)]
        if not found:
            cells = dict(zip(header, row, strict=True))
            key, wrong = _key(cells)
            fields, more = read_fields({name: cells[name] for name in header if name not in _NAMES})
            found = [LineFault(line, *fault) for fault in wrong + more]
            if not found and key in lines:
                mend = "keep one of the two lines"
                found = [LineFault(line, "thing", "each Thing once", f"{key[1]} of line {lines[key]}", mend)]
            if not found:
                lines[key] = line
                told[key] = fields
        faults += found
    if header is None and not faults:
        faults = [LineFault(1, "all", f"a header with {', '.join(COLUMNS)}", "", "write one")]
    return told, faults


def write_csv(entries: Iterable[Entry]) -> str:
    """The file of these entries."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        writer.writerow([entry.agency, entry.thing, *(_written(value) for value in entry.tells().values())])
    return out.getvalue()


def _written(value: object) -> str:
    if value is None:
        return ""
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _key(cells: dict[str, str]) -> tuple[Key, list[Fault]]:
    names, faults = [], []
    for column in _NAMES:
        try:
            names.append(read_name(cells[column].strip(), column, encoded=False))
        except Refused as refused:
            expected = refused.detail.removeprefix("expected ")
            faults.append(Fault(column, expected, cells[column][:50], "write the name as it stands in the topic"))
    return (names[0], names[1]) if len(names) == 2 else ("", ""), faults


def _faults_of_header(header: list[str], line: int) -> list[LineFault]:
    faults = []
    for name in dict.fromkeys(header):
        if name not in COLUMNS:
            faults.append(LineFault(line, name or "(empty)", f"one of {', '.join(COLUMNS)}", name, "rename the column"))
        elif header.count(name) > 1:
            faults.append(LineFault(line, name, "each column once", f"{header.count(name)} of it", "remove the others"))
    faults += [
        LineFault(line, name, f"a column {name}", ", ".join(header), "add it") for name in _NAMES if name not in header
    ]
    if ("longitude" in header) != ("latitude" in header):
        lacking = "latitude" if "longitude" in header else "longitude"
        faults.append(LineFault(line, lacking, "both longitude and latitude", ", ".join(header), "add it"))
    return faults


def _faults_of_width(header: list[str], row: list[str]) -> list[Fault]:
    if len(row) == len(header):
        return []
    return [Fault("all", f"{len(header)} cells", f"{len(row)}", "quote a cell that holds a comma")]

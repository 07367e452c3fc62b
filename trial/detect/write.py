"""Writes scores and anomalies as CSV, times in the form of the input."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from aedilis.errors import DetectError
from aedilis.vocabulary import Anomaly, Quality
from trial.detect.rows import Rows, State, lines
from trial.detect.run import Found

ADDED = ("quality", "score")
ANOMALY = ("thing", "property", "kind", "starts_at", "detected_at", "ends_at", "severity", "score", "explanation")
_EVERY = 10_000


def check(path: Path, rows_path: Path) -> None:
    """Before the work begins: whether a file can be written there.

    Raises:
        DetectError: it is the input, a folder, or in no folder.
    """
    if path.exists() and rows_path.exists() and path.samefile(rows_path):
        raise DetectError(path=path, problem="it is the input", mend="write into another file")
    if path.is_dir():
        raise DetectError(path=path, problem="it is a folder", mend="name a file")
    if not path.parent.is_dir():
        raise DetectError(path=path, problem=f"there is no folder {path.parent}", mend="make it first")


def check_columns(rows: Rows) -> None:
    """Before the work begins: whether the input leaves room for what is added.

    Raises:
        DetectError: it has a column of the same name.
    """
    twice = [name for name in ADDED if name in rows.header.names]
    if twice:
        raise DetectError(
            path=rows.path, problem=f"it has a column {twice[0]} already", mend="rename it, or leave --scores out"
        )


def write_scores(path: Path, rows: Rows, found: Found, advance: Callable[[int], object] = lambda _: None) -> None:
    """Each row of the input as it stands, in its order, with quality and score. A row of which a cell could not be read has
    quality 4 and score 0; what is no row at all is left out. `advance` is told of lines.

    Raises:
        DetectError: the file cannot be written, or the input has changed.
    """
    delimiter = rows.header.delimiter
    unread = f"{delimiter}{Quality.FAIL.value}{delimiter}0.0\n"
    row = written = 0
    with _writing(path) as out:
        out.write(delimiter.join([rows.header.text, *ADDED]) + "\n")
        for text, state in zip(lines(rows.path, rows.header), rows.states.tolist(), strict=False):
            written += 1
            if state == State.READ:
                out.write(f"{text}{delimiter}{found.quality[row]}{delimiter}{float(found.score[row])!r}\n")
                row += 1
            elif state == State.UNREAD:
                out.write(text + unread)
            if written % _EVERY == 0:
                advance(_EVERY)
        advance(written % _EVERY)
    if written != len(rows.states):
        raise DetectError(path=rows.path, problem="it was changed while it was read", mend="run it again")


def write_anomalies(path: Path, rows: Rows, anomalies: Iterable[Anomaly]) -> None:
    """One row each, in the order given.

    Raises:
        DetectError: the file cannot be written.
    """
    times = rows.times
    written = times.write
    with _writing(path) as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(ANOMALY)
        for one in anomalies:
            ends_at = "" if one.ends_at is None else written(one.ends_at)
            table.writerow(
                [
                    *(one.thing, one.datastream_name, one.kind),
                    *(written(one.starts_at), written(one.detected_at), ends_at),
                    *(one.severity.value, one.score, times.in_words(one.explanation)),
                ]
            )


@contextmanager
def _writing(path: Path) -> Iterator[TextIO]:
    try:
        with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out:
            yield out
    except OSError as error:
        raise DetectError(
            path=path, problem=f"it cannot be written: {error.strerror}", mend="name another file"
        ) from error

"""A file is read line by line: what is missing, what is refused and why, and what is no file of a known form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aedilis.errors import DetectError
from aedilis.vocabulary import Location
from trial.detect.rows import Name, Rows, lines, read
from trial.detect.times import Times

SECOND = 1_000_000


def rows_of(folder: Path, content: str | bytes) -> Rows:
    path = folder / "in.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path, Times())


def test_the_long_form(tmp_path: Path) -> None:
    rows = rows_of(
        tmp_path,
        "note,time,Thing,property,value,longitude,latitude\n"
        "x,2015-01-01T00:00:01,B,no2,5,,\n"
        '"a, ""b""",2015-01-01T00:00:00,A,no2, 6.5 ,116.5,39.5\r\n'
        "\n"
        "x,2015-01-01T00:00:01,B,o3,-1e3,116,39",
    )
    assert rows.names == [Name("B", "no2"), Name("A", "no2"), Name("B", "o3")]
    assert rows.series.tolist() == [0, 1, 2]
    assert rows.value.tolist() == [5.0, 6.5, -1000.0]
    assert (rows.time - rows.time[1]).tolist() == [SECOND, 0, SECOND]
    assert rows.places == {"A": Location(116.5, 39.5), "B": Location(116.0, 39.0)}
    assert list(lines(rows.path, rows.header))[1] == '"a, ""b""",2015-01-01T00:00:00,A,no2, 6.5 ,116.5,39.5'


def test_one_series(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "\ufefftimestamp;value;label\n2015-01-01 00:00:00;5;1\n")
    assert rows.names == [Name("in", "value")]
    assert rows.value.tolist() == [5.0]


def test_what_is_missing_is_no_error(tmp_path: Path) -> None:
    cells = ["", "NA", "NaN", "null", "None", "-", "n/a", '""', " "]
    rows = rows_of(tmp_path, "timestamp,value\n" + "".join(f"2015-01-0{i + 1},{one}\n" for i, one in enumerate(cells)))
    assert len(rows) == len(cells)
    assert np.isnan(rows.value).all()
    assert not rows.refused


def test_what_cannot_be_read_is_told_with_its_line_and_the_rest_is_read(tmp_path: Path) -> None:
    good = b"2015-01-01T00:00:00,A,no2,5\n"
    bad = {
        b"2015-01-01T00:00:00,A,no2,five\n": "no number",
        b"2015-01-01T00:00:00,A,no2,inf\n": "no number",
        b"2015-01-01T00:00:00,A,no2,1_000\n": "no number",
        b"yesterday,A,no2,5\n": "no time",
        b"2015-01-01T00:00:00,,no2,5\n": "no thing",
        b"2015-01-01T00:00:00,A, ,5\n": "no property",
        b'2015-01-01T00:00:00,"A,no2,5\n': "no CSV",
        b"2015-01-01T00:00:00,A,no2\n": "another number of cells",
        b"2015-01-01T00:00:00,A,no2,1,5\n": "another number of cells",
        b"2015-01-01T00:00:00,\xff,no2,5\n": "no UTF-8",
    }
    rows = rows_of(tmp_path, b"time,thing,property,value\n" + good + b"".join(one + good for one in bad))
    assert len(rows) == 1 + len(bad)
    assert sum(rows.refused.values()) == len(bad)
    assert len(rows.states) == len(rows) + len(bad)
    for i, (told, reason) in enumerate(zip(rows.told, bad.values(), strict=True)):
        assert told.startswith(f"in.csv:{3 + 2 * i}: ")
        assert reason in rows.refused
        assert "; " in told, "what to mend"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "it is empty"),
        ("time,thing,property,value\n", "no rows"),
        ("when,value\n1,2\n", "column timestamp is missing; found are when, value"),
        ("time,thing,value\n1,2,3\n", "column property is missing"),
        ("timestamp,value,Value\n1,2,3\n", "several columns value"),
        ("timestamp,value\nx,2\ny,3\n", "none of its 2 rows can be read"),
        ("timestamp,value\n2015-01-01T00:00:00,2\n2015-01-01T00:00:00Z,3\n", "line 3: the first time has no zone"),
        (b"\xff\xfet\x00i\x00", "no header"),
    ],
)
def test_a_file_of_no_known_form_is_refused(tmp_path: Path, content: str | bytes, told: str) -> None:
    with pytest.raises(DetectError, match=told):
        rows_of(tmp_path, content)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(DetectError, match="no"):
            read(path, Times())

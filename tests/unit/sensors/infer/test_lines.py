"""Messages of a file, one a line; a line that is none is named with the mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from aedilis.errors import TrafficError
from sensors.infer.lines import Line, from_lines


def test_text_and_json_lines() -> None:
    lines = [
        b"tele/x/SENSOR 21.5 C\r\n",
        b"  \n",
        b'{"topic": "a", "payload": "t|1", "retained": true}\n',
        b'{"topic": "b", "payload_hex": "00ff", "received_at": 5}\n',
    ]
    assert list(from_lines(lines)) == [
        Line("tele/x/SENSOR", b"21.5 C", None, False),
        Line("a", b"t|1", None, True),
        Line("b", b"\x00\xff", 5, False),
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"topic-alone", "no payload"),
        (b'{"payload": "x"}', "'topic' is missing"),
        (b'{"topic": "x"}', "'payload' is missing"),
        (b'{"topic": ', "Expecting"),
        (b'{"topic": "x", "payload_hex": "zz"}', "hexadecimal"),
        (b'{"topic": "x", "payload": "", "received_at": "2026-01-05T00:00:00"}', "names no zone"),
    ],
)
def test_what_is_no_message_is_named_by_its_line(line: bytes, problem: str) -> None:
    with pytest.raises(TrafficError, match=problem) as told:
        list(from_lines([b"a b\n", line]))
    assert ":2:" in str(told.value)
    assert "Mend:" in str(told.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrafficError, match=r"none\.txt"):
        list(from_lines(tmp_path / "none.txt"))

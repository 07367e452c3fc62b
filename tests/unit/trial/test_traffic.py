"""Recorded traffic of a file, as it would have come."""

from __future__ import annotations

from pathlib import Path

from kept.raw import RawMessage
from tests.unit.trial.lamps import lamp
from trial.traffic import from_file


def test_a_line_that_says_no_time_came_now(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes(b'a/b {"x": 1}\n\n{"topic": "c", "payload": {"y": 2}, "received_at": "2026-01-05T00:00:00Z"}\n')
    assert list(from_file(file, lamp().declared, 7)) == [
        RawMessage("a/b", b'{"x": 1}', 7, False),
        RawMessage("c", b'{"y": 2}', 1_767_571_200_000_000, False),
    ]

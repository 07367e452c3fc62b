"""Logs are JSON lines that carry the process, and one line does not fill the disk."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from aedilis import logs


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    out = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", out)
    logs.setup("ingest")
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)


def test_each_line_is_an_object_with_process_logger_level_and_time(lines: Any) -> None:
    logging.getLogger("aiokafka.cluster").warning("broker %s\nis gone", "a:1")
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "broker a:1\nis gone",
        "level": "warning",
        "logger": "aiokafka.cluster",
        "process": "ingest",
    }


def test_a_traceback_stays_on_its_line(lines: Any) -> None:
    try:
        raise ValueError("what")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (line,) = lines()
    assert "ValueError: what" in line["exception"]


def test_libraries_tell_warnings_only(lines: Any) -> None:
    logging.getLogger("aiokafka.x").info("chatter")
    logging.getLogger("ingest").info("ours")
    logging.getLogger("ingest").debug("too much")
    assert [line["event"] for line in lines()] == ["ours"]


def test_a_flood_becomes_one_line_that_tells_how_many_were_held_back(
    lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(logs.time, "monotonic", lambda: now)
    log = logging.getLogger("flood")
    for i in range(50):
        log.warning("lost %d", i)
    log.error("lost %d", 1)
    now = 111.0
    log.warning("lost %d", 50)
    log.warning("lost %d", 51)
    now = 122.0
    log.warning("lost %d", 52)
    assert [(line["event"], line.get("held_back")) for line in lines()] == [
        ("lost 0", None),
        ("lost 1", None),
        ("lost 50", 49),
        ("lost 52", 1),
    ]


@pytest.mark.parametrize(
    ("template", "arguments"),
    [
        ("request 17 to 127.0.0.1:9092 failed after 30.5 s", ("request 18 to 127.0.0.1:40123 failed after 7 s",)),
        ("<Task at 0x7f01ab> failed", ("<Task at 0x7f99cd> failed",)),
    ],
)
def test_lines_that_differ_in_numbers_only_are_equal(lines: Any, template: str, arguments: tuple[str]) -> None:
    for text in (template, *arguments):
        logging.getLogger("x").warning(text)
        logging.getLogger("x").warning("%s", f"again {text}")
    assert [line["event"] for line in lines()] == [template, f"again {template}"]


def test_a_template_without_words_tells_nothing(lines: Any) -> None:
    for what in ("the broker is away", "the database is away", "the broker is away"):
        logging.getLogger("x").warning("%s", what)
    assert [line["event"] for line in lines()] == ["the broker is away", "the database is away"]


def test_information_is_never_held_back(lines: Any) -> None:
    for _ in range(3):
        logging.getLogger("x").info("again")
    assert len(lines()) == 3


def test_the_filter_forgets_when_templates_are_endless() -> None:
    held = logs.FloodFilter()
    for i in range(3000):
        held.filter(logging.LogRecord("x", logging.ERROR, "", 1, f"text {'x' * (i % 100)}{'y' * (i // 100)}", (), None))
    assert len(held._seen) <= 1001

"""Structured logs: one JSON object a line on standard error, for our own lines and those of libraries alike."""

from __future__ import annotations

import logging
import re
import sys
import time

import structlog

_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+(?:[.:,]\d+)*")
_WORDS = re.compile(r"[A-Za-z]{3}")


def _kind(record: logging.LogRecord) -> str:
    """What lines that say the same have in common: their template; where it says nothing by itself, or is a text made
    beforehand, the text without its numbers (of attempts, ports, times, correlation)."""
    template = str(record.msg)
    if record.args and not _WORDS.search(template):  # "%s", "%r: %s"
        template = record.getMessage()
    return _NUMBERS.sub("#", template[:400])[:200]


class FloodFilter(logging.Filter):
    """Lets a line of one (logger, level, kind) through once in `seconds`, then tells how many were held back.

    It hangs on the handler: a filter on a logger does not see the records of its children.
    """

    def __init__(self, seconds: float = 10.0) -> None:
        super().__init__()
        self.seconds = seconds
        self._seen: dict[tuple[str, int, str], list[float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if record.levelno < logging.WARNING:
            return True
        key = (record.name, record.levelno, _kind(record))
        now = time.monotonic()
        last = self._seen.get(key)
        if last is not None and now - last[0] < self.seconds:
            last[1] += 1
            return False
        if last is not None and last[1]:
            record.held_back = int(last[1])
        if len(self._seen) > 1000:
            self._seen.clear()
        self._seen[key] = [now, 0]
        return True


def setup(process: str, level: int = logging.INFO) -> None:
    """Send all logs of this process to standard error as JSON lines that carry its name."""

    def stamp(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        record = event.get("_record")
        event["process"] = process
        if record is not None:
            event["logger"] = record.name
            if held := getattr(record, "held_back", 0):
                event["held_back"] = held
        return event

    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            stamp,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(FloodFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("aiokafka", "faust", "mode", "kafka", "aiohttp.access", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)

"""Shows how far a fetch has come: one line that changes on a terminal, elsewhere a new one every few seconds."""

from __future__ import annotations

import re
import time
from types import TracebackType

from rich.console import Console
from rich.status import Status

EVERY_SECONDS = 3.0


class Progress:
    """What is being fetched and how far it is; use it as a context manager."""

    def __init__(self, console: Console, title: str, every_seconds: float = EVERY_SECONDS) -> None:
        self._console = console
        self._title = title
        self._every = every_seconds
        self._said_at = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Progress:
        text = f"fetching {self._title}"
        if self._console.is_terminal:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._console.print(text)
        return self

    def say(self, text: str | None) -> None:
        """Tell how far it is; nothing new if None."""
        if text is None:
            return
        if self._status is not None:
            self._status.update(f"fetching {self._title}: {text}")
        elif time.monotonic() - self._said_at >= self._every:
            self._said_at = time.monotonic()
            self._console.print(f"  {text}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()
        if kind is None:
            self._console.print(f"fetched {self._title}")


class AptLines:
    """Reads what `apt-get install` says: how many packages, how large, which one now."""

    _NEW = re.compile(r"(\d+) newly installed")
    _SIZE = re.compile(r"Need to get (?:\S+ \S+/)?(\S+ [kMG]?B) of archives")
    _GET = re.compile(r"Get:(\d+) \S+ \S+ \S+ (\S+) .*\[(.+)\]")

    def __init__(self) -> None:
        self._packages = self._size = ""

    def __call__(self, line: str) -> str | None:
        """What to say after this line, None for nothing."""
        if found := self._NEW.search(line):
            self._packages = f" of {found[1]}"
        elif found := self._SIZE.search(line):
            self._size = f", {found[1]} in all"
        elif found := self._GET.match(line):
            return f"package {found[1]}{self._packages}, {found[2]} ({found[3]}){self._size}"
        return None


def maven_line(line: str) -> str | None:
    """What to say after a line of Maven's: which file came, and its size."""
    found = re.search(r"Downloaded from .*/(\S+\.jar) \((\S+ [kMG]?B)", line)
    return f"{found[1]} ({found[2]})" if found else None

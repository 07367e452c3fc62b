"""One guarded process: start, ask, stop; its output goes to a log file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

LOG_BYTES = 20_000_000
"""A log longer than this is moved aside when its process starts."""


class Guarded:
    """A command that ends with this process, whatever happens to it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        stop_signal: str = "SIGTERM",
        grace: float = 15.0,
    ) -> None:
        self.name = name
        self.log = log
        self._command = [sys.executable, "-m", "deploy.guard", stop_signal, str(grace), *command]
        self._env = {**os.environ, **(env or {})}
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, under a guard of its own, in a session of its own: Ctrl-C reaches the parent only."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as out:
            self._guard = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                env=self._env,
                start_new_session=True,
            )

    @property
    def pid(self) -> int | None:
        """The guard's process id."""
        return self._guard.pid if self._guard else None

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._guard.poll() if self._guard else None

    def ask_to_stop(self) -> None:
        """Begin to stop; `wait` follows."""
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()

    def wait(self, timeout: float = 40.0) -> None:
        """Wait until it and all below it are gone."""
        if self._guard is not None:
            self._guard.wait(timeout)

    def tail(self, lines: int = 8) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

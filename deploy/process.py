"""One guarded process: start, ask, stop; its output goes to a log file."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import psutil

from deploy import guard

LOG_BYTES = 20_000_000
"""A log longer than this is moved aside, to `<log>.1`."""


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
        self.grace = grace
        # without `site` and by its path: a guard starts in a third of the time
        self._command = [sys.executable, "-I", "-S", guard.__file__, stop_signal, str(grace), *command]
        self._env = {**os.environ, **(env or {})}
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self, hold: Collection[int] = ()) -> None:
        """Start it, under a guard of its own, in a session of its own: Ctrl-C reaches the parent only.

        The guard, and not the command, keeps the file descriptors `hold` open until all is gone.
        """
        self.ask_to_stop()  # started again: the last guard's pipe goes
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self._guard = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                env=self._env,
                start_new_session=True,
                pass_fds=tuple(hold),
                umask=0o077,
            )

    @property
    def pid(self) -> int | None:
        """The guard's process id."""
        return self._guard.pid if self._guard else None

    def commands(self) -> list[int]:
        """The process ids right below the guard: the command's, and those that lost their parent."""
        return guard.children(self._guard.pid) if self._guard else []

    def listens(self, port: int) -> bool:
        """Whether the command itself listens there: something else may have taken the port a moment before."""
        for pid in self.commands():
            with contextlib.suppress(psutil.Error):
                for one in psutil.Process(pid).net_connections("tcp"):
                    if one.status == psutil.CONN_LISTEN and one.laddr.port == port:
                        return True
        return False

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._guard.poll() if self._guard else None

    def ask_to_stop(self) -> None:
        """Begin to stop; `wait` follows."""
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()

    def wait(self) -> None:
        """Wait until it and all below it are gone: its grace, and the time of the sweep."""
        if self._guard is not None:
            self._guard.wait(self.grace + 20)

    def bound_log(self) -> None:
        """Move a long log aside; the process writes on into the emptied file, because it appends."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            shutil.copyfile(self.log, self.log.with_name(f"{self.log.name}.1"))
            os.truncate(self.log, 0)

    def tail(self, lines: int = 8) -> str:
        """The end of its log, without the frames of Java's stacks, which would fill it."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 20_000))
            said = file.read().decode(errors="replace").splitlines()
        return "\n".join([line for line in said if not line.startswith("\tat ")][-lines:])

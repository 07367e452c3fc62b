"""An installation in a home of its own, for tests that start and kill it: its commands, and all its processes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

CLEAN = {
    name: value for name, value in os.environ.items() if not name.startswith("AEDILIS_") or name == "AEDILIS_CACHE"
}


class OwnHome:
    """Runs commands with `AEDILIS_HOME` set to a folder, and more variables."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.env = {**CLEAN, "AEDILIS_HOME": str(folder), **variables}
        self.errors = folder.with_suffix(".err")  # what `up` says beside its line
        self._seen: set[psutil.Process] = set()
        self.up: subprocess.Popen[str] | None = None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        command = [sys.executable, "-m", "aedilis", *arguments]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=200, check=False)

    def ok(self, *arguments: str) -> str:
        """A command that must succeed; its standard output and error."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def settings(self) -> dict[str, Any]:
        """`settings --json`."""
        found: dict[str, Any] = json.loads(self.run("settings", "--json").stdout)
        return found

    def begin_up(self, *options: str) -> None:
        """Start `aedilis up`, do not wait."""
        command = [sys.executable, "-m", "aedilis", "up", *options]
        with self.errors.open("a") as out:
            self.up = subprocess.Popen(
                command, env=self.env, stdout=subprocess.PIPE, stderr=out, text=True, start_new_session=True
            )

    def start_up(self, *options: str) -> str:
        """Start `aedilis up`; returns its line `ready …`."""
        self.begin_up(*options)
        assert self.up is not None
        assert self.up.stdout is not None
        line = self.up.stdout.readline()
        assert line.startswith("ready"), self.errors.read_text()
        return line

    def processes(self) -> list[psutil.Process]:
        """All that live: by the variable in their environment, and those seen below such a one before."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("AEDILIS_HOME") == str(self.folder):
                    self._seen.update([process, *process.children(recursive=True)])
        return [process for process in self._seen if _lives(process)]

    def until_gone(self) -> None:
        """Wait until none of its processes lives."""
        until(lambda: not self.processes(), lambda: str(self.processes()))

    def close(self) -> None:
        """Stop what a failed test left; by number, never by name."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        if self.up is not None:
            self.up.wait()
            assert self.up.stdout is not None
            self.up.stdout.close()
        if self.folder.exists():
            self.run("servers", "reset")


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def until(happened: Callable[[], bool], what: Callable[[], str] = str, seconds: float = 60.0) -> None:
    """Wait until it happened; `what` tells why not."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"it did not happen: {what()}"
        time.sleep(0.05)

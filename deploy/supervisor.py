"""Keeps a set of guarded processes running: starts them again when they end, up to a limit."""

from __future__ import annotations

import time
from collections import deque

from aedilis.errors import ServerError
from deploy.process import Guarded

RESTARTS = 5
WINDOW_SECONDS = 300.0


class Supervisor:
    """Processes in the order of their start; they are stopped in the opposite order."""

    def __init__(self) -> None:
        self._processes: list[Guarded] = []
        self._ended: dict[str, deque[float]] = {}
        self.restarts = 0

    def add(self, process: Guarded) -> Guarded:
        """Start a process and keep it."""
        process.start()
        self._processes.append(process)
        return process

    def tend(self) -> list[str]:
        """Start again what has ended. Returns a line for each.

        Raises:
            ServerError: one ended more than five times in five minutes.
        """
        said = []
        now = time.monotonic()
        for process in self._processes:
            code = process.poll()
            if code is None:
                continue
            ended = self._ended.setdefault(process.name, deque(maxlen=RESTARTS))
            if len(ended) == RESTARTS and now - ended[0] < WINDOW_SECONDS:
                raise ServerError(
                    server=process.name,
                    problem=f"ended {RESTARTS + 1} times in five minutes, last with code {code}:\n{process.tail()}",
                    mend=f"read {process.log}",
                )
            ended.append(now)
            self.restarts += 1
            said.append(f"{process.name} ended with code {code}; started again")
            process.start()
        return said

    def stop(self) -> None:
        """Stop all: the processes of ours side by side, then what was started before them."""
        for process in reversed(self._processes):
            process.ask_to_stop()
            if process.name in ("mqtt", "kafka", "database"):
                process.wait()
        for process in self._processes:
            process.wait()
        self._processes.clear()

"""Keeps a set of guarded processes running: starts them again when they end or hang, up to a limit."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from aedilis.errors import ServerError
from deploy import guard
from deploy.process import Guarded

RESTARTS = 5
WINDOW_SECONDS = 300.0
LONGEST_PAUSE_SECONDS = 16.0
"""Between the end of a process and its next start: none the first time, then 1, 2, 4 … seconds."""
ASK_SECONDS = 5.0
HANG_SECONDS = 30.0
"""A process that has not answered for so long is stopped and started again; every five seconds it is asked."""
STARTING_SECONDS = 180.0
"""One that has not answered since its start has so long: a server reads its log again, a worker waits for a server."""


@dataclass
class _Kept:
    process: Guarded
    layer: int
    hold: Collection[int]
    answers: Callable[[], bool] | None
    answered_at: float  # when it last answered, or was started
    asked_at: float
    has_answered: bool = False  # since its start
    ended: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS))
    start_at: float | None = None  # it ended, and starts again then

    @property
    def patience(self) -> float:
        """Seconds without an answer until it counts as hanging."""
        return HANG_SECONDS if self.has_answered else STARTING_SECONDS


class Supervisor:
    """A set of processes in layers: those of a higher one use those below, and stop before them.

    It is the only one of its process, which must have no other children: what a killed guard leaves behind comes to
    it, and is told from the rest by being nobody it knows. `clock` tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: list[_Kept] = []
        guard.become_subreaper()

    def add(
        self,
        process: Guarded,
        *,
        layer: int = 0,
        hold: Collection[int] = (),
        answers: Callable[[], bool] | None = None,
    ) -> Guarded:
        """Start a process and keep it running.

        Its guard keeps the file descriptors `hold` open. `answers` says whether it is alive; it may take a second.
        """
        now = self._clock()
        kept = _Kept(process, layer, hold, answers, now, now)
        self._kept.append(kept)
        process.start(hold)
        return process

    def tend(self) -> list[str]:
        """Start again what has ended, stop what hangs, bound the logs. Returns a line for each event.

        Raises:
            ServerError: one ended more than five times in five minutes.
        """
        said = []
        for kept in self._kept:
            kept.process.bound_log()
            if kept.start_at is not None:
                if self._clock() >= kept.start_at:
                    self._start(kept)
            elif (code := kept.process.poll()) is not None:
                said.append(self._ended(kept, code))
            elif self._hangs(kept):
                said.append(f"{kept.process.name} has not answered for {kept.patience:.0f} s; stopped")
                kept.process.ask_to_stop()
        return said

    def _start(self, kept: _Kept) -> None:
        kept.start_at = None
        kept.has_answered = False
        kept.answered_at = kept.asked_at = self._clock()
        kept.process.start(kept.hold)

    def _ended(self, kept: _Kept, code: int) -> str:
        process, now = kept.process, self._clock()
        if code < 0:
            self._clear_orphans(process.grace)
        if len(kept.ended) == RESTARTS and now - kept.ended[0] < WINDOW_SECONDS:
            raise ServerError(
                server=process.name,
                problem=f"ended {RESTARTS + 1} times in five minutes, last with code {code}:\n{process.tail()}",
                mend=f"read {process.log}",
            )
        kept.ended.append(now)
        recent = sum(now - moment < WINDOW_SECONDS for moment in kept.ended)
        pause = min(LONGEST_PAUSE_SECONDS, 2.0 ** (recent - 2)) if recent > 1 else 0.0
        kept.start_at = now + pause
        return f"{process.name} ended with code {code}; starts again {f'in {pause:.0f} s' if pause else 'now'}"

    def _hangs(self, kept: _Kept) -> bool:
        now = self._clock()
        if kept.answers is None or now - kept.asked_at < ASK_SECONDS:
            return False
        kept.asked_at = now
        if kept.answers():
            kept.has_answered, kept.answered_at = True, self._clock()
            return False
        if now - kept.answered_at < kept.patience:
            return False
        kept.answered_at = now  # it has as long again to stop
        return True

    def _clear_orphans(self, grace: float) -> None:
        """A guard was killed: the kernel has told its command to stop, and this process has inherited it."""

        def orphans() -> list[int]:
            known = {kept.process.pid for kept in self._kept}
            return [pid for pid in guard.children(os.getpid()) if pid not in known]

        deadline = time.monotonic() + grace
        while (left := orphans()) and time.monotonic() < deadline:
            for pid in left:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    continue
            time.sleep(0.02)
        guard.sweep(orphans)

    def stop(self) -> None:
        """Stop all, a layer at a time, side by side within it, and wait until nothing of them is left."""
        for layer in sorted({kept.layer for kept in self._kept}, reverse=True):
            processes = [kept.process for kept in self._kept if kept.layer == layer]
            for process in processes:
                process.ask_to_stop()
            for process in processes:
                process.wait()
        self._kept.clear()

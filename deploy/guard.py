"""A small process between a parent and what it started: when the parent dies, nothing is left.

    python deploy/guard.py SIGNAL GRACE COMMAND [ARG …]

It becomes the subreaper of all below it, reads its standard input until end-of-file (the parent closed it, or is
dead, however it died), then sends SIGNAL to the command, waits GRACE seconds, kills, and sweeps what is left. It
ends with the command's exit code. Killed itself, the command gets SIGNAL from the kernel, and what the command left
behind goes to the next subreaper, the supervisor.

It imports little, and nothing of ours, because one stands beside every process.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Whoever below loses its parent becomes a child of this process."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children(parent: int) -> list[int]:
    """The process ids right below `parent`."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{parent}/task"):
            with open(f"/proc/{parent}/task/{task}/children") as file:
                found += [int(pid) for pid in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):  # gone in between
        pass
    return found


def sweep(below: Callable[[], list[int]], seconds: float = 10.0) -> None:
    """Kill and reap until `below`, children of this process, says that none is left."""
    deadline = time.monotonic() + seconds
    while (left := below()) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
            except (ProcessLookupError, ChildProcessError):
                continue
        time.sleep(0.02)


class _Command:
    """The command, and the reaping of it and of whoever comes below this process."""

    def __init__(self, command: list[str], stop_signal: int) -> None:
        self.code: int | None = None
        self._wake, write = os.pipe()
        for end in (self._wake, write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        guard = os.getpid()

        def end_with_the_guard() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)
            if os.getppid() != guard:
                os._exit(1)

        self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=end_with_the_guard)

    def send(self, number: int) -> None:
        """Send a signal to the command alone."""
        if self.code is None:
            os.kill(self._child.pid, number)

    def wait(self, seconds: float | None, *others: int) -> bool:
        """Wait until something happens; whether one of the file descriptors `others` can be read."""
        readable, _, _ = select.select([self._wake, *others], [], [], seconds)
        if self._wake in readable:
            os.read(self._wake, 4096)
        self._reap()
        return any(other in readable for other in others)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._child.pid:
                self.code = self._child.returncode = os.waitstatus_to_exitcode(status)


def main() -> int:
    """Run the command under guard."""
    number, grace, command = getattr(signal, sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    become_subreaper()
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    try:
        running = _Command(command, number)
    except OSError as error:
        print(f"cannot start {command[0]}: {error}", file=sys.stderr)
        return 127
    while running.code is None and not asked:
        if running.wait(None, 0) and not os.read(0, 1024):
            break
    running.send(number)
    deadline = time.monotonic() + grace
    while running.code is None and (left := deadline - time.monotonic()) > 0:
        running.wait(left)
    running.send(signal.SIGKILL)
    while running.code is None:
        running.wait(1.0)
    sweep(lambda: children(os.getpid()))
    return running.code if running.code >= 0 else 128 - running.code


if __name__ == "__main__":
    sys.exit(main())

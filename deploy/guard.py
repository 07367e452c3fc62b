"""A small process between a parent and what it started: when the parent dies, nothing is left.

    python -m deploy.guard SIGNAL GRACE COMMAND [ARG …]

It becomes the subreaper of all below it, reads its standard input until end-of-file (the parent closed it, or is
dead, however it died), then sends SIGNAL to the command, waits GRACE seconds, kills, and sweeps what is left. It
ends with the command's exit code. It imports little, because one stands beside every process.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def _children(parent: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            found += [int(pid) for pid in task.read_text().split()]
        except OSError:  # gone in between
            continue
    return found


def _sweep() -> None:
    """Kill until nothing is below: whoever loses its parent becomes a child of this process."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        below = _children(os.getpid())
        if not below:
            return
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                return
        time.sleep(0.02)


def _stop(child: subprocess.Popen[bytes], number: int, grace: float) -> None:
    if child.poll() is None:
        child.send_signal(number)
        try:
            child.wait(grace)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def main() -> int:
    """Run the command under guard."""
    number, grace, command = getattr(signal, sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    while child.poll() is None and not asked:
        readable, _, _ = select.select([0], [], [], 0.2)
        if readable and not os.read(0, 1024):
            break
    _stop(child, number, grace)
    _sweep()
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    sys.exit(main())

"""Who runs an installation: a lock on its home that the guards of what was started share.

So the lock is free when the last of them is gone, and not when the one who started them has died. There are two:
`servers` and `line` (ingest, workers, api).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from aedilis.errors import ServerError

WAIT_SECONDS = 60.0


def _file(home: Path, what: str) -> Path:
    return home / "run" / f"{what}.lock"


def holder(home: Path, what: str) -> int | None:
    """The process that claimed it, None when it is free. The process may be dead and its servers still stopping."""
    file = _file(home, what)
    if not file.exists():
        return None
    with file.open() as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(probe.read() or 0)
    return None


def lives(pid: int) -> bool:
    """Whether a process runs: it is there, and no zombie that nobody has reaped."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def claim(home: Path, what: str) -> Iterator[int]:
    """Hold the lock; yields the file descriptor to hand to guards. Waits while a dead holder's processes still stop.

    Raises:
        ServerError: it runs already.
    """
    file = _file(home, what)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+") as lock:
        deadline = time.monotonic() + WAIT_SECONDS
        while not _locked(lock.fileno()):
            lock.seek(0)
            pid = int(lock.read() or 0)
            if (pid and lives(pid)) or time.monotonic() > deadline:
                raise ServerError(
                    server=what,
                    problem=f"of {home} run already, by process {pid}",
                    mend="stop that first, or set AEDILIS_HOME to another folder",
                )
            time.sleep(0.05)
        lock.truncate(0)
        os.pwrite(lock.fileno(), str(os.getpid()).encode(), 0)
        try:
            yield lock.fileno()
        finally:
            os.ftruncate(lock.fileno(), 0)


def wait_free(home: Path, what: str) -> None:
    """Wait until nothing of it is left.

    Raises:
        ServerError: something is, after a minute.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while (pid := holder(home, what)) is not None:
        if time.monotonic() > deadline:
            raise ServerError(server=what, problem=f"process {pid} does not stop", mend=f"look at it: ps -fp {pid}")
        time.sleep(0.05)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

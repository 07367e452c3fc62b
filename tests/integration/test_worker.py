"""`aedilis worker` runs every role, and none outlives it."""

from __future__ import annotations

import signal
import time

import psutil
import pytest

from aedilis.health import running
from aedilis.vocabulary import ROLES
from tests.installation import Installation


def all_roles(installation: Installation) -> dict[str, int]:
    """Role → process id, once all are there."""
    deadline = time.monotonic() + 60
    wanted = {f"worker-{role}" for role in ROLES}
    while (found := {one.process: one.pid for one in running(installation.settings.home_path)}).keys() != wanted:
        assert time.monotonic() < deadline, f"only {sorted(found)}"
        time.sleep(0.2)
    return found


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # whoever inherits it need not ask for its end
    except psutil.NoSuchProcess:
        return False


def all_gone(pids: dict[str, int]) -> None:
    deadline = time.monotonic() + 30
    while left := [name for name, pid in pids.items() if lives(pid)]:
        assert time.monotonic() < deadline, f"{left} live on"
        time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_role_outlives_the_worker(installation: Installation, number: int) -> None:
    installation.start("worker", "worker")
    pids = all_roles(installation)
    installation.signal("worker", number)
    assert installation.children["worker"].wait(30) == (0 if number == signal.SIGTERM else -number)
    all_gone(pids)


def test_when_a_role_dies_the_worker_ends_and_says_so(installation: Installation) -> None:
    installation.start("worker", "worker")
    pids = all_roles(installation)
    psutil.Process(pids["worker-store"]).kill()
    assert installation.children["worker"].wait(30) == signal.SIGKILL
    all_gone(pids)

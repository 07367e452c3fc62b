"""Real servers for the tests, started once, and installations of their own on them."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, settings

from tests.installation import ROOT, Installation, aedilis

# a machine that is busy with servers is slow now and then, which says nothing of the code
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")


SHARED = ROOT / ".aedilis" / "test"
"""Home of the servers that all processes of a test run share."""

OURS = "ours"
"""Among the users: the tests started the servers, and the last one stops them."""


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Any]]:
    """Mosquitto, Kafka and PostgreSQL under `.aedilis/test`; their settings. Those that ran before are left running."""
    env = {**os.environ, "AEDILIS_HOME": str(SHARED)}
    with _users() as users:
        started = aedilis("servers", "start", env=env, check=False)
        assert started.returncode == 0, started.stderr
        if "run already" not in started.stderr:
            users.append(OURS)
        users.append(str(os.getpid()))
    yield json.loads(aedilis("settings", "--json", env=env).stdout)
    with _users() as users:
        users.remove(str(os.getpid()))
        if users == [OURS]:
            aedilis("servers", "stop", env=env)


@contextmanager
def _users() -> Iterator[list[str]]:
    """Who uses the shared servers; nobody else reads or changes it meanwhile."""
    SHARED.parent.mkdir(exist_ok=True)
    with (SHARED.parent / "test.users").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        users = [user for user in file.read().split() if user == OURS or psutil.pid_exists(int(user))]
        if users == [OURS]:  # of a run that was killed
            users.clear()
        yield users
        file.truncate(0)
        file.write("\n".join(users))


@pytest.fixture
def installation(servers: dict[str, Any], tmp_path: Path) -> Iterator[Installation]:
    """A fresh one."""
    made = Installation(servers, tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def module_installation(servers: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One that all tests of a file share."""
    made = Installation(servers, tmp_path_factory.mktemp("module"))
    yield made
    made.close()


@pytest.fixture
def installations(servers: dict[str, Any], tmp_path: Path) -> Iterator[Any]:
    """Makes several."""
    made: list[Installation] = []

    def make() -> Installation:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Installation(servers, folder))
        return made[-1]

    yield make
    for one in made:
        one.close()

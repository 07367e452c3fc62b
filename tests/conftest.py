"""Real servers for the tests, started once, and installations of their own on them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.installation import ROOT, Installation, aedilis

# a machine that is busy with servers is slow now and then, which says nothing of the code
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Any]]:
    """Mosquitto, Kafka and PostgreSQL under `.aedilis/test`; their settings. Those that ran before are left running."""
    env = {**os.environ, "AEDILIS_HOME": str(ROOT / ".aedilis" / "test")}
    started = aedilis("servers", "start", env=env, check=False)
    assert started.returncode == 0, started.stderr
    yield json.loads(aedilis("settings", "--json", env=env).stdout)
    if "run already" not in started.stderr:
        aedilis("servers", "stop", env=env)


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

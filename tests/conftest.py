"""Real servers for the tests, started once, and an installation of its own for each test that asks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROOT = Path(__file__).parent.parent


def aedilis(*arguments: str, env: dict[str, str], check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    command = [sys.executable, "-m", "aedilis", *arguments]
    return subprocess.run(command, env=env, check=check, capture_output=True, text=True, timeout=200)


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Any]]:
    """Mosquitto, Kafka and PostgreSQL under `.aedilis/test`; their settings."""
    env = {**os.environ, "AEDILIS_HOME": str(ROOT / ".aedilis" / "test")}
    started = aedilis("servers", "start", env=env, check=False)
    assert started.returncode == 0, started.stderr
    yield json.loads(aedilis("settings", "--json", env=env).stdout)
    aedilis("servers", "stop", env=env)


class Installation:
    """Topics and a database of its own on the shared servers, and the processes that a test starts."""

    def __init__(self, servers: dict[str, Any], folder: Path) -> None:
        name = f"t{uuid.uuid4().hex[:10]}"
        self.database = servers["database"].rpartition("/")[0] + f"/{name}"
        self._servers = servers["database"]
        self._name = name
        with psycopg.connect(self._servers, autocommit=True) as admin:
            admin.execute(f"create database {name}")  # type: ignore[arg-type]
        given = {key: str(servers[key]) for key in ("mqtt", "mqtt_user", "mqtt_password", "kafka", "admin_password")}
        own = {"home": str(folder), "database": self.database, "kafka_prefix": f"{name}-", "mqtt_prefix": f"{name}/"}
        pairs = {**given, **own, "session_timeout_seconds": "3", "checkpoint_seconds": "0.5"}
        self.env = {**os.environ, **{f"AEDILIS_{key.upper()}": value for key, value in pairs.items()}}
        self._folder = folder
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        aedilis("topics", env=self.env)
        aedilis("migrate", env=self.env)

    def start(self, name: str, *arguments: str) -> None:
        """Start a process of the line."""
        log = (self._folder / f"{name}.log").open("ab")
        command = [sys.executable, "-m", "aedilis", *arguments]
        self.children[name] = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)

    def line(self) -> None:
        """Start ingest and the roles."""
        self.start("ingest", "ingest")
        for role in ("detect", "store", "alert"):
            self.start(role, "worker", "--role", role)

    def signal(self, name: str, number: int) -> None:
        """Send a signal to one of them, and wait when it is a kill."""
        self.children[name].send_signal(number)
        if number == signal.SIGKILL:
            self.children[name].wait()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]

    def settle(self, observations: int, seconds: float = 120) -> None:
        """Wait until so many observations are stored and nothing moves any more."""
        deadline, last, calm = time.monotonic() + seconds, None, 0
        while time.monotonic() < deadline and calm < 6:
            time.sleep(0.5)
            now = self.rows(
                "select (select count(*) from observation), (select count(*) from anomaly), (select count(*) from alert),"
                " (select coalesce(sum(records), 0) from log_progress where topic not like '%observations')"
            )[0]
            calm = calm + 1 if now == last and now[0] >= observations else 0
            last = now
        logs = "".join(path.read_text()[-1500:] for path in self._folder.glob("*.log"))
        assert last is not None, "the database never answered"
        assert last[0] == observations, f"{last[0]} of {observations}\n{logs}"

    def close(self) -> None:
        """End all processes, drop the database."""
        for child in self.children.values():
            child.kill()
            child.wait()
        with psycopg.connect(self._servers, autocommit=True) as admin:
            admin.execute(f"drop database {self._name} with (force)")  # type: ignore[arg-type]


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

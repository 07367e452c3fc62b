"""One installation of a test: topics and a database of its own on the shared servers, and the processes it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
from aiokafka.admin import AIOKafkaAdminClient

from aedilis.health import running
from aedilis.settings import Settings, load
from aedilis.topics import ALL
from tests.progress import Progress, apart

ROOT = Path(__file__).parent.parent


def aedilis(*arguments: str, env: dict[str, str], check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    command = [sys.executable, "-m", "aedilis", *arguments]
    ended = subprocess.run(command, env=env, check=False, capture_output=True, text=True, timeout=200)
    assert ended.returncode == 0 or not check, f"{' '.join(arguments)}: {ended.stderr}"
    return ended


class Installation(Progress):
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
        self._closed = False
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, tuple[str, ...]] = {}
        aedilis("topics", env=self.env)
        aedilis("migrate", env=self.env)

    @property
    def settings(self) -> Settings:
        """As its processes read them."""
        return load(self.env)

    @property
    def logs(self) -> Path:
        """Where the logs of its processes are."""
        return self._folder

    @property
    def roles(self) -> set[str]:
        """The roles that run."""
        return {command[2] for command in self._commands.values() if command[:2] == ("worker", "--role")}

    def start(self, name: str, *arguments: str) -> None:
        """Start a process of the line."""
        self._commands[name] = arguments
        command = [sys.executable, "-m", "aedilis", *arguments]
        with (self._folder / f"{name}.log").open("ab") as log:
            self.children[name] = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)

    def again(self, name: str) -> None:
        """Start a process that has ended as it was started before."""
        self.start(name, *self._commands[name])

    def line(self) -> None:
        """Start ingest and the roles."""
        self.start("ingest", "ingest")
        for role in ("detect", "store", "alert"):
            self.start(role, "worker", "--role", role)
        self.ready("ingest")  # from now on the broker keeps what is published

    def ready(self, name: str, seconds: float = 60) -> None:
        """Wait until a process says that it is ready."""
        deadline = time.monotonic() + seconds
        wrong = "it has no health server yet"
        while wrong:
            log = (self._folder / f"{name}.log").read_text()[-1500:]
            assert time.monotonic() < deadline, f"{name} is not ready: {wrong}\n{log}"
            time.sleep(0.1)
            for found in running(self._folder):
                if found.pid == self.children[name].pid:
                    wrong = _problem(found.port)

    def signal(self, name: str, number: int) -> None:
        """Send a signal to one of them, and wait when it is a kill."""
        self.children[name].send_signal(number)
        if number == signal.SIGKILL:
            self.children[name].wait()

    def close(self) -> None:
        """End all processes, delete topics and database."""
        if self._closed:
            return
        self._closed = True
        self.stop_asking()
        for child in self.children.values():
            child.kill()
            child.wait()
        apart(self._delete_topics())
        with psycopg.connect(self._servers, autocommit=True) as admin:
            for _ in range(100):
                try:
                    admin.execute(f"drop database if exists {self._name} with (force)")  # type: ignore[arg-type]
                    return
                except psycopg.errors.InsufficientPrivilege:  # autovacuum is at work in it, which is not ours to end
                    time.sleep(0.2)

    async def _delete_topics(self) -> None:
        """A broker that keeps those of hundreds of tests grows slow."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka)
        await admin.start()
        try:
            await admin.delete_topics([self.settings.topic(topic.name) for topic in ALL])
        finally:
            await admin.close()


def _problem(port: int) -> str:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2):
            return ""
    except HTTPError as error:
        return error.read().decode()
    except OSError as error:
        return str(error)

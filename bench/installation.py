"""Servers of the bench's own, in a private home that is deleted in the end, and lines on them, each fresh.

Servers whose address the environment gives are used and not started; there each line has a database and a prefix of
its own, which are deleted too. Every process is guarded: nothing outlives the bench, whatever happens to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
from aiokafka.admin import AIOKafkaAdminClient
from psycopg import sql

from aedilis.errors import BenchError
from aedilis.health import running
from aedilis.settings import NOT_SETTINGS, Settings, default_home, load
from bench.load import Connection
from deploy import choices
from deploy import servers as local
from deploy.line import LINE, Commands, problem
from deploy.process import Guarded
from storage.database import migrate
from streams.topics import create

READY_SECONDS = 90.0
_SERVERS_OF_THE_USER = ("mqtt", "mqtt_user", "mqtt_password", "kafka", "database")
_TUNING = ("frame_ms", "frame_rows", "checkpoint_seconds", "session_timeout_seconds")
"""Settings of the environment that the bench takes over; all others are its own."""

Cpu = dict[str, float]
"""Process → seconds of processor time that it and all below it have used."""


class Servers:
    """Mosquitto, Kafka and PostgreSQL while the context lasts."""

    def __init__(self) -> None:
        self._ours: dict[str, Guarded] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Servers:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_only_these_settings())
            self.home = default_home() / f"bench-{os.getpid()}"
            self.home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True)
            stack.callback(shutil.rmtree, self.home, ignore_errors=True)
            os.environ["AEDILIS_HOME"] = str(self.home)
            stack.callback(os.environ.pop, "AEDILIS_HOME", None)
            local.fetch_programs()
            with choices.turn():
                choices.choose(self.home, set(choices.PREFERRED) - _given())
                self.settings = load()
                local.check_given(self.settings)
                self._start(stack)
            self._stack = stack.pop_all()
        return self

    def _start(self, stack: contextlib.ExitStack) -> None:
        servers = local.local_servers(self.settings)
        for server in servers:
            stack.callback(server.empty)
        started = []
        for server in servers:
            process = server.prepare()
            process.start()
            stack.callback(_stop, process)
            started.append((server, process))
            self._ours[server.name] = process
        for server, process in reversed(started):  # the slowest was started first
            local.wait_ready(process, server.address)
            server.finish()

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def processes(self) -> Mapping[str, Guarded]:
        """Those that are ours, by name."""
        return self._ours


WHOLE: Commands = {name: command for name, command in LINE.items() if name != "api"}
"""All of the line but the pages, which nobody looks at."""


class Line:
    """Processes of the line on topics and a database of their own, while the context lasts; `more` are settings."""

    def __init__(self, servers: Servers, commands: Commands = WHOLE, **more: str) -> None:
        self._servers = servers
        self.name = f"b{secrets.token_hex(4)}"
        self.home = servers.home / self.name
        theirs = servers.settings
        self._server_database = theirs.database
        database = urlsplit(theirs.database)._replace(path=f"/{self.name}").geturl()
        values = {
            **{name: str(getattr(theirs, name)) for name in (*_SERVERS_OF_THE_USER, *_TUNING)},
            "database": database,
            "home": str(self.home),
            "kafka_prefix": f"{self.name}-",
            "mqtt_prefix": f"{self.name}/",
            "sensor_types": str(files("bench") / "types"),
            "data_clock_agencies": "bench",
            **more,
        }
        self.env = {f"AEDILIS_{name.upper()}": value for name, value in values.items()}
        self.settings: Settings = load(self.env)
        self._commands = commands
        self.processes: dict[str, Guarded] = {}
        self._stack = contextlib.ExitStack()
        self._asking: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Line:
        with contextlib.ExitStack() as stack:
            self.home.mkdir(mode=0o700)
            with psycopg.connect(self._server_database, autocommit=True) as admin:
                admin.execute(sql.SQL("create database {}").format(sql.Identifier(self.name)))
            stack.callback(self._drop_database)
            migrate(self.settings)
            stack.callback(self._delete_topics)
            asyncio.run(create(self.settings))
            self._asking = stack.enter_context(psycopg.connect(self.settings.database, autocommit=True))
            stack.callback(self._forget_session)
            stack.callback(self._stop_all)
            for name, command in self._commands.items():
                self.start(name, [sys.executable, "-m", "aedilis", *command])
            for name in self._commands:
                self.wait_ready(name)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, name: str, command: list[str]) -> Guarded:
        """Start a process that counts as one of the line's."""
        process = Guarded(name, command, self.home / "logs" / f"{name}.log", env=self.env)
        process.start()
        self.processes[name] = process
        return process

    def wait_ready(self, name: str) -> None:
        """Wait until a process of ours says that it is ready.

        Raises:
            BenchError: it ended, or does not say so in time.
        """
        process, deadline = self.processes[name], time.monotonic() + READY_SECONDS
        while wrong := problem(self.settings, process):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(problem=f"{name} is not ready: {wrong}\n{process.tail()}", mend="run it alone")
            time.sleep(0.1)

    def _stop_all(self) -> None:
        for process in self.processes.values():
            process.ask_to_stop()
        for process in self.processes.values():
            process.wait()

    # ------------------------------------------------------------ how far it has come

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the line's database."""
        assert self._asking is not None
        return self._asking.execute(query).fetchall()

    def stored(self) -> int:
        """Observations whose transaction is visible to another connection."""
        return int(self.rows("select coalesce(sum(inserted), 0) from frame_count")[0][0])

    def counter(self, process: str, name: str) -> float:
        """The sum of a metric of a process over its labels; 0 while it does not answer."""
        below = self.processes[process].commands()
        port = next((found.port for found in running(self.home) if found.pid in below), None)
        if port is None:
            return 0.0
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        except (OSError, http.client.HTTPException):
            return 0.0
        finally:
            connection.close()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    def cpu(self) -> Cpu:
        """What the line, the servers that are ours, and this process have used until now."""
        used = {name: _used(process) for name, process in {**self._servers.processes, **self.processes}.items()}
        own = psutil.Process().cpu_times()
        return {**used, "bench": own.user + own.system}

    def memory(self) -> dict[str, int]:
        """Process → bytes resident, of the line."""
        return {name: sum(_resident(one) for one in _family(process)) for name, process in self.processes.items()}

    # ------------------------------------------------------------ leaving nothing behind

    def _forget_session(self) -> None:
        """The broker would keep what comes for ingest for days: a clean connection under its name ends the session."""
        if self._servers.processes.get("mqtt") is None:
            name = f"aedilis-ingest-{self.settings.mqtt_prefix.replace('/', '.')}all"
            settings = self.settings
            Connection(settings.mqtt, settings.mqtt_user, settings.mqtt_password, name).close()

    def _delete_topics(self) -> None:
        async def delete() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka)
            await admin.start()
            try:
                prefix = self.settings.kafka_prefix
                await admin.delete_topics([name for name in await admin.list_topics() if name.startswith(prefix)])
            finally:
                await admin.close()

        asyncio.run(delete())

    def _drop_database(self) -> None:
        with psycopg.connect(self._server_database, autocommit=True) as admin:
            for _ in range(50):
                try:
                    admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(self.name)))
                    return
                except psycopg.errors.InsufficientPrivilege:  # autovacuum is at work in it, which is not ours to end
                    time.sleep(0.2)


def _given() -> set[str]:
    return {name for name in choices.PREFERRED if os.environ.get(f"AEDILIS_{name.upper()}")}


@contextlib.contextmanager
def _only_these_settings() -> Iterator[None]:
    """While it lasts the environment holds no setting of ours but servers, tuning and where programs come from."""
    kept = {f"AEDILIS_{name.upper()}" for name in (*_SERVERS_OF_THE_USER, *_TUNING)} | {*NOT_SETTINGS, "AEDILIS_HOME"}
    taken = {
        name: os.environ.pop(name) for name in list(os.environ) if name.startswith("AEDILIS_") and name not in kept
    }
    home = os.environ.get("AEDILIS_HOME")
    try:
        yield
    finally:
        os.environ.update(taken)
        if home is not None:
            os.environ["AEDILIS_HOME"] = home


def _stop(process: Guarded) -> None:
    process.ask_to_stop()
    process.wait()


def _family(process: Guarded) -> Iterator[psutil.Process]:
    for pid in process.commands():
        with contextlib.suppress(psutil.Error):
            one = psutil.Process(pid)
            yield from (one, *one.children(recursive=True))


def _used(process: Guarded) -> float:
    """Seconds of processor time of all that lives below the guard, and of what it has buried."""
    used = 0.0
    for one in _family(process):
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0

"""One installation of a test: topics and a database of its own on the shared servers, and the processes it starts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen

import msgspec
import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from aedilis.health import running
from aedilis.settings import Settings, load
from aedilis.topics import (
    ALERT_STATE,
    ALERTS,
    ALL,
    ANOMALIES,
    DELIVERIES,
    DETECT_STATE,
    NOTIFY_STATE,
    OBSERVATIONS,
    PARTITIONS,
    REJECTS,
    Topic,
)
from streams.checkpoint import Manifest

T = TypeVar("T")
ROOT = Path(__file__).parent.parent


def aedilis(*arguments: str, env: dict[str, str], check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    command = [sys.executable, "-m", "aedilis", *arguments]
    ended = subprocess.run(command, env=env, check=False, capture_output=True, text=True, timeout=200)
    assert ended.returncode == 0 or not check, f"{' '.join(arguments)}: {ended.stderr}"
    return ended


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
        self._asking: psycopg.Connection[Any] | None = None
        self._closed = False
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, tuple[str, ...]] = {}
        aedilis("topics", env=self.env)
        aedilis("migrate", env=self.env)

    @property
    def settings(self) -> Settings:
        """As its processes read them."""
        return load(self.env)

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

    def run(self, statement: str) -> None:
        """Change the database."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        if self._asking is None:
            self._asking = psycopg.connect(self.database, autocommit=True)
        return self._asking.execute(query).fetchall()  # type: ignore[arg-type]

    # ------------------------------------------------------------ how far it has come

    def settle(self, observations: int, seconds: float = 120) -> None:
        """Wait until so many observations are stored, and every role that runs has done what follows from them."""
        roles = {command[2] for command in self._commands.values() if command[:2] == ("worker", "--role")}
        deadline = time.monotonic() + seconds

        def wait(what: str, done: Callable[[], bool]) -> None:
            while not done():
                logs = "".join(path.read_text()[-1500:] for path in self._folder.glob("*.log"))
                assert time.monotonic() < deadline, f"{what}: stored are {self._stored()} of {observations}\n{logs}"
                time.sleep(0.2)

        wait("observations", lambda: self._stored() >= observations)
        for role, source, state, outputs in (
            ("detect", OBSERVATIONS, DETECT_STATE, (ANOMALIES,)),
            ("alert", ANOMALIES, ALERT_STATE, (ALERTS,)),
            ("notify", ALERTS, NOTIFY_STATE, (DELIVERIES,)),
            ("store", REJECTS, None, (REJECTS,)),
        ):
            if role not in roles:
                continue
            if state is not None:
                ends = self._ends(source)
                wait(role, lambda ends=ends, state=state: _all_at(self._kept(state), ends))  # type: ignore[misc]
            for output in outputs:
                ends = self._ends(output)
                wait("store", lambda ends=ends, output=output: _all_at(self._progress(output), ends))  # type: ignore[misc]
        stands = self._progress(OBSERVATIONS)  # ticks go on
        wait("latest values", lambda: _all_at(self._progress(OBSERVATIONS, "followed_offset"), stands))
        wait("rollups", lambda: self.rows("select count(*) from rollup_dirty") == [(0,)])
        assert self._stored() == observations, f"{self._stored()} of {observations}"

    def _stored(self) -> int:
        return int(self.rows("select count(*) from observation")[0][0])

    def _progress(self, topic: Topic, column: str = "next_offset") -> dict[int, int]:
        name = self.settings.topic(topic.name)
        return dict(self.rows(f"select partition, {column} from log_progress where topic = '{name}'"))

    def _ends(self, topic: Topic) -> dict[int, int]:
        """Partition → the offset after its last record."""
        name = self.settings.topic(topic.name)

        async def ask(consumer: AIOKafkaConsumer) -> dict[int, int]:
            found = await consumer.end_offsets([TopicPartition(name, number) for number in range(topic.partitions)])
            return {tp.partition: end for tp, end in found.items()}

        return self._asked(ask)

    def _kept(self, topic: Topic) -> dict[int, int]:
        """Partition → the next offset in the newest of its latest manifests."""
        tps = [TopicPartition(self.settings.topic(topic.name), number) for number in range(PARTITIONS)]

        async def ask(consumer: AIOKafkaConsumer) -> dict[int, int]:
            consumer.assign(tps)
            ends = await consumer.end_offsets(tps)
            first = await consumer.beginning_offsets(tps)
            for tp in tps:
                consumer.seek(tp, max(first[tp], ends[tp] - 60))
            found: dict[int, int] = {}
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                    for record in records:
                        if record.key.endswith(b"|manifest") and record.value is not None:
                            offset = msgspec.json.decode(record.value, type=Manifest).next_offset
                            found[tp.partition] = max(offset, found.get(tp.partition, 0))
            return found

        return self._asked(ask)

    def _asked(self, ask: Callable[[AIOKafkaConsumer], Any]) -> dict[int, int]:
        async def run() -> dict[int, int]:
            consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka, enable_auto_commit=False)
            await consumer.start()
            try:
                answer: dict[int, int] = await ask(consumer)
                return answer
            finally:
                await consumer.stop()

        return _apart(run())

    def close(self) -> None:
        """End all processes, delete topics and database."""
        if self._closed:
            return
        self._closed = True
        if self._asking is not None:
            self._asking.close()
            self._asking = None
        for child in self.children.values():
            child.kill()
            child.wait()
        _apart(self._delete_topics())
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


def _apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: the browser's driver has an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def _problem(port: int) -> str:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2):
            return ""
    except HTTPError as error:
        return error.read().decode()
    except OSError as error:
        return str(error)


def _all_at(reached: dict[int, int], ends: dict[int, int]) -> bool:
    return all(reached.get(partition, 0) >= end for partition, end in ends.items())

"""How far a line has come: what a test asks the database and the log about it, and waits for."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition

from aedilis.settings import Settings
from aedilis.topics import (
    ALERT_STATE,
    ALERTS,
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


class Progress(ABC):
    """The database and the log of a line that somebody runs."""

    _asking: psycopg.Connection[Any] | None = None

    @property
    @abstractmethod
    def settings(self) -> Settings:
        """As the processes of the line read them."""

    @property
    @abstractmethod
    def logs(self) -> Path:
        """Where the logs of its processes are."""

    @property
    @abstractmethod
    def roles(self) -> set[str]:
        """The roles that run."""

    def run(self, statement: str) -> None:
        """Change the database."""
        with psycopg.connect(self.settings.database, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        if self._asking is None or self._asking.closed:
            self._asking = psycopg.connect(self.settings.database, autocommit=True)
        return self._asking.execute(query).fetchall()  # type: ignore[arg-type]

    def stop_asking(self) -> None:
        """Close the connection to the database."""
        if self._asking is not None:
            self._asking.close()
            self._asking = None

    # ------------------------------------------------------------ how far it has come

    def settle(self, observations: int, seconds: float = 120) -> None:
        """Wait until so many observations are stored, and every role that runs has done what follows from them."""
        deadline = time.monotonic() + seconds

        def wait(what: str, done: Callable[[], bool]) -> None:
            while not done():
                logs = "".join(path.read_text()[-1500:] for path in self.logs.glob("*.log"))
                assert time.monotonic() < deadline, f"{what}: stored are {self.stored()} of {observations}\n{logs}"
                time.sleep(0.2)

        wait("observations", lambda: self.stored() >= observations)
        for role, source, state, outputs in (
            ("detect", OBSERVATIONS, DETECT_STATE, (ANOMALIES,)),
            ("alert", ANOMALIES, ALERT_STATE, (ALERTS,)),
            ("notify", ALERTS, NOTIFY_STATE, (DELIVERIES,)),
            ("store", REJECTS, None, (REJECTS,)),
        ):
            if role not in self.roles:
                continue
            if state is not None:
                ends = self.ends(source)
                wait(role, lambda ends=ends, state=state: _all_at(self._kept(state), ends))  # type: ignore[misc]
            for output in outputs:
                ends = self.ends(output)
                wait("store", lambda ends=ends, output=output: _all_at(self.progress(output), ends))  # type: ignore[misc]
        stands = self.progress(OBSERVATIONS)  # ticks go on
        wait("latest values", lambda: _all_at(self.progress(OBSERVATIONS, "followed_offset"), stands))
        wait("rollups", lambda: self.rows("select count(*) from rollup_dirty") == [(0,)])
        assert self.stored() == observations, f"{self.stored()} of {observations}"

    def stored(self) -> int:
        """How many observations are stored."""
        return int(self.rows("select count(*) from observation")[0][0])

    def progress(self, topic: Topic, column: str = "next_offset") -> dict[int, int]:
        name = self.settings.topic(topic.name)
        return dict(self.rows(f"select partition, {column} from log_progress where topic = '{name}'"))

    def ends(self, topic: Topic) -> dict[int, int]:
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

        return apart(run())


def apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: the browser's driver has an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def _all_at(reached: dict[int, int], ends: dict[int, int]) -> bool:
    return all(reached.get(partition, 0) >= end for partition, end in ends.items())

"""A role as a process: its Faust app, its agents, one runner a partition, its health.

Faust carries records from the consumer to `PartitionRunner.put`; the rule of order lives there. `noack` streams are
read, because a record is acknowledged only when a checkpoint or a transaction covers it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import faust
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError
from faust.types import TP

from aedilis import metrics
from aedilis.errors import TopicError
from aedilis.health import HealthServer
from aedilis.settings import Settings
from aedilis.topics import DEAD_LETTERS, Topic
from aedilis.vocabulary import DeadLetter
from streams.fetching import Transport
from streams.partition import Job, PartitionRunner, Record

log = logging.getLogger(__name__)

STALL_SECONDS = 60.0
"""Behind the end of the log without moving for so long, a worker ends, and its supervisor starts it anew."""
REVOKE_SECONDS = 15.0
"""A worker that does not let its partitions go for so long ends: the whole group waits for it."""
REBALANCE_SECONDS = 90.0
"""So does one whose rebalance does not come to an end; a broker that is away and comes back takes part of it."""
SLOW_ANSWER_SECONDS = 5.0
"""A broker that took longer to answer was away: who stood still meanwhile did not stall."""


@dataclass
class Role:
    """What distinguishes one kind of worker: the topics that it reads and the job it does on each partition."""

    name: str
    sources: Sequence[Topic]
    make_job: Callable[[str, int, AIOKafkaProducer], Job]
    start: Callable[[], Awaitable[None]] | None = None
    stop: Callable[[], Awaitable[None]] | None = None
    checks: dict[str, Callable[[], Awaitable[str | None]]] = field(default_factory=dict)


class RoleWorker:
    """Runs one role until it is told to stop."""

    def __init__(self, settings: Settings, role: Role) -> None:
        self.settings = settings
        self.role = role
        self._runners: dict[TP, PartitionRunner] = {}
        self._moved: dict[TP, tuple[int | None, float]] = {}
        self._settled_at = time.monotonic()
        self._producer: AIOKafkaProducer | None = None
        self._probe: AIOKafkaConsumer | None = None
        self._background: list[asyncio.Task[None]] = []
        self._health = HealthServer(settings, f"worker-{role.name}", {"partitions": self._check, **role.checks})
        self.app = self._build()

    def _build(self) -> Any:
        settings, role = self.settings, self.role
        folder = settings.home_path / "faust"  # Faust asks for one; no Table of ours lives there
        folder.mkdir(parents=True, exist_ok=True)
        app = faust.App(
            f"{settings.kafka_prefix}aedilis-{role.name}",
            broker=";".join(f"kafka://{host}" for host in settings.kafka.split(",")),
            datadir=str(folder),
            autodiscover=False,
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            consumer_auto_offset_reset="earliest",
            stream_wait_empty=False,  # kept events would hang every rebalance and the stop
            stream_buffer_maxsize=256,
            broker_session_timeout=settings.session_timeout_seconds,
            broker_heartbeat_interval=settings.session_timeout_seconds
            / 8,  # how soon it learns that another one is gone
            broker_request_timeout=90.0,
            broker_commit_interval=1.0,
            broker_max_poll_records=500,
            consumer_max_fetch_size=8 * 1024 * 1024,
            value_serializer="raw",
            key_serializer="raw",
        )
        app.transport = Transport(app.conf.broker_consumer, app)
        for source in role.sources:
            topic = app.topic(settings.topic(source.name), key_type=bytes, value_type=bytes)
            app.agent(topic, name=f"{role.name}-{source.name}")(self._read)
        app.on_partitions_revoked.connect(self._on_revoked, weak=False)
        app.on_partitions_assigned.connect(self._on_assigned, weak=False)
        app.on_before_shutdown.connect(self._on_shutdown, weak=False)
        app.task(self._on_start)
        return app

    async def _on_start(self) -> None:
        await self._health.start()
        self._background.append(asyncio.create_task(self._watch()))

    async def prepare(self) -> None:
        """Connect the producer and the probe; called in the loop before Faust starts its consumer."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka,
            enable_idempotence=True,
            compression_type="zstd",
            linger_ms=5,
            max_request_size=8 * 1024 * 1024,
            request_timeout_ms=90_000,
        )
        while True:
            try:
                await self._producer.start()
                break
            except KafkaConnectionError as error:  # started while the broker is away
                log.warning("waiting for Kafka: %s", error)
                await asyncio.sleep(1)
        self._probe = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka, enable_auto_commit=False)
        await self._probe.start()
        await self._check_topics()
        if self.role.start is not None:
            await self.role.start()

    async def _check_topics(self) -> None:
        assert self._producer is not None
        for source in (*self.role.sources, DEAD_LETTERS):
            name = self.settings.topic(source.name)
            found = await self._producer.partitions_for(name)
            if len(found) != source.partitions:
                raise TopicError(
                    topic=name,
                    expected=f"{source.partitions} partitions",
                    got=len(found),
                    mend="run `aedilis topics`; a topic with another number of partitions must be made anew",
                )

    async def _read(self, stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            runner = self._runners.get(message.tp)
            if runner is None:
                continue  # revoked while it lay in the buffer: its new owner reads it
            value = message.value or b""  # a record without one is poison like any other
            await runner.put(Record(message.offset, message.key, value, event.ack))

    async def _on_assigned(self, app: Any, assigned: set[TP], **_: Any) -> None:
        sources = {self.settings.topic(source.name) for source in self.role.sources}
        for tp in assigned:
            if tp.topic in sources and tp not in self._runners:
                self._runners[tp] = self._runner(tp)
        metrics.PARTITIONS.labels(self.role.name).set(len(self._runners))

    async def _on_revoked(self, app: Any, revoked: set[TP], **_: Any) -> None:
        gone = [self._runners.pop(tp) for tp in list(self._runners) if tp in revoked]
        try:
            async with asyncio.timeout(REVOKE_SECONDS):
                await asyncio.gather(*(runner.drop() for runner in gone))
        except TimeoutError:
            log.error("worker ends: its partitions were not let go for %.0f s", REVOKE_SECONDS)
            os._exit(75)
        metrics.PARTITIONS.labels(self.role.name).set(len(self._runners))

    def _runner(self, tp: TP) -> PartitionRunner:
        assert self._producer is not None
        job = self.role.make_job(tp.topic, tp.partition, self._producer)
        return PartitionRunner(
            f"{tp.topic}-{tp.partition}", self.role.name, job, _PartitionConsumer(self, tp), self._dead_letter(tp)
        )

    def _dead_letter(self, tp: TP) -> Callable[[Record, str, int], Awaitable[None]]:
        async def send(record: Record, reason: str, lost: int) -> None:
            assert self._producer is not None
            topic = self.settings.topic(DEAD_LETTERS.name)
            letter = DeadLetter(tp.topic, tp.partition, record.offset, self.role.name, reason[:500], record.value, lost)
            if lost or tp.topic != topic:  # one that cannot be stored must not come back for ever
                await send_all(self._producer, topic, tp.partition, [(self.role.name.encode(), letter)])

        return send

    async def offsets(self, tp: TP) -> tuple[int, int]:
        """The oldest offset that the log still holds, and the one after its newest."""
        assert self._probe is not None
        kafka = TopicPartition(tp.topic, tp.partition)
        first = (await self._probe.beginning_offsets([kafka]))[kafka]
        return int(first), int((await self._probe.end_offsets([kafka]))[kafka])

    async def _watch(self) -> None:
        """Mends what a consumer forgets: a partition that stands still before the end of its log is sought again."""
        assert self._probe is not None
        while True:
            await asyncio.sleep(2)
            self._end_if_failed()
            try:
                await self._nudge()
            except Exception as error:  # the broker is away: the consumer waits for it as well
                self._moved.clear()
                log.warning("cannot ask the broker for offsets: %s", error)

    def _end_if_failed(self) -> None:
        now = time.monotonic()
        if not self.app.rebalancing:
            self._settled_at = now
        elif now - self._settled_at > REBALANCE_SECONDS:
            log.error("worker ends: a rebalance has taken more than %.0f s", REBALANCE_SECONDS)
            os._exit(75)
        for runner in self._runners.values():
            if runner.failure is not None:
                log.error("worker ends: %s failed with %r", runner.name, runner.failure)
                os._exit(70)  # as after a kill: the next start goes on from the kept state

    async def _nudge(self) -> None:
        assert self._probe is not None
        tps = {TopicPartition(tp.topic, tp.partition): tp for tp in self._runners}
        asked = time.monotonic()
        ends = await self._probe.end_offsets(list(tps))
        now = time.monotonic()
        if now - asked > SLOW_ANSWER_SECONDS:
            self._moved.clear()
        for kafka, end in ends.items():
            tp = tps[kafka]
            runner = self._runners.get(tp)
            if runner is None or runner.next_offset is None:
                continue
            stood, since = self._moved.get(tp, (None, now))
            if runner.next_offset >= end or stood != runner.next_offset:
                self._moved[tp] = (runner.next_offset, now)
            elif now - since > STALL_SECONDS and not runner.waiting:
                log.error("worker ends: %s stood at %d of %d for %.0f s", runner.name, stood, end, now - since)
                os._exit(75)
            elif now - since > 4 and runner.idle:
                await self.app.consumer.seek(tp, runner.next_offset)

    async def _check(self) -> str | None:
        if not self._runners:
            return "no partitions assigned"
        failed = [runner.name for runner in self._runners.values() if runner.failure is not None]
        return f"failed: {', '.join(failed)}" if failed else None

    async def _on_shutdown(self, app: Any, **_: Any) -> None:
        for task in self._background:
            task.cancel()
        runners, self._runners = list(self._runners.values()), {}
        await asyncio.gather(*(runner.stop() for runner in runners))
        if self.role.stop is not None:
            await self.role.stop()
        await self._health.stop()
        if self._probe is not None:
            await self._probe.stop()
        if self._producer is not None:
            await self._producer.stop()


class _PartitionConsumer:
    """What a runner may ask of Faust's consumer, for one partition."""

    def __init__(self, worker: RoleWorker, tp: TP) -> None:
        self._worker = worker
        self._tp = tp

    async def seek(self, offset: int) -> None:
        await self._worker.app.consumer.seek(self._tp, offset)

    async def offsets(self) -> tuple[int, int]:
        return await self._worker.offsets(self._tp)


async def send_all(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[tuple[bytes, Any]]
) -> None:
    """Send records as JSON and wait until all are confirmed."""
    sends = [
        await producer.send(topic, value=msgspec.json.encode(value), key=key, partition=partition)
        for key, value in records
    ]
    if sends:
        await asyncio.gather(*sends)

"""The loop of ingest: take, read, place, frame, send; acknowledge to MQTT after Kafka has confirmed.

     MQTT ──▶ queue ──▶ read ──▶ place ──▶ frame ──▶ Kafka ──confirmed──▶ acknowledge MQTT, in order
                          └────▶ rejects ──────────────┘

Killed anywhere in between, the broker sends again what was not acknowledged: at worst a frame stands twice in the
log, and the database makes it once.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import time
import zlib
from collections import Counter

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from aedilis import metrics
from aedilis.frame import encode
from aedilis.health import HealthServer
from aedilis.settings import Settings
from aedilis.topics import OBSERVATIONS, PARTITIONS, REJECTS, THINGS, TICKS
from aedilis.vocabulary import Reject
from ingest.framer import Framer
from ingest.mqtt import Message, MqttSource, Share
from ingest.placement import Placement, read_placed
from ingest.reader import Read, Reader
from sensors.compile import CompiledType

log = logging.getLogger(__name__)

BATCH_MESSAGES = 5_000
BATCHES_UNDER_WAY = 4
ANNOUNCE_SECONDS = 600
"""Each Datastream is declared again after so long: 100,000 of them cost 60 kB a second."""


class Pipeline:
    """One ingest process."""

    def __init__(self, settings: Settings, types: list[CompiledType]) -> None:
        share = Share(settings, [compiled.topic for compiled in types])
        self._settings = settings
        self._process = f"ingest-{share.name}-{time.time_ns() // 1000:016x}"
        client_id = f"aedilis-ingest-{settings.mqtt_prefix.replace('/', '.')}{share.name}"
        self._ticks_below = f"{settings.mqtt_prefix}{TICKS}".encode()
        self._tick_topic = f"{settings.mqtt_prefix}{TICKS}{client_id}"
        self._source = MqttSource(settings, client_id, share.filters())
        self._reader = Reader(settings, self._process, types, share)
        self._placement = Placement(settings)
        self._framer = Framer(self._process)
        self._under_way: asyncio.Queue[tuple[list[asyncio.Future[object]], list[Message]]] = asyncio.Queue(
            BATCHES_UNDER_WAY
        )
        self._producer: AIOKafkaProducer | None = None
        self._stop = asyncio.Event()
        self._health = HealthServer(settings, f"ingest-{share.name}", {"mqtt": self._check_mqtt})

    async def _check_mqtt(self) -> str | None:
        return self._source.problem

    def stop(self) -> None:
        """End after the batch under way."""
        self._stop.set()

    async def run(self) -> None:
        """Run until `stop`."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka,
            enable_idempotence=True,
            compression_type="lz4",
            linger_ms=2,
            max_batch_size=1024 * 1024,
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
        for placed in await read_placed(self._settings):
            self._placement.learn(placed)
        await self._health.start()
        self._source.start()
        confirm = asyncio.create_task(self._confirm())
        ticks = asyncio.create_task(self._tick())
        try:
            while not self._stop.is_set():
                await self._turn()
            await self._under_way.join()
            await asyncio.gather(*await self._send(None, closing=True))  # the last word of this process's counts
        finally:
            confirm.cancel()
            ticks.cancel()
            self._source.stop()
            await self._health.stop()
            await self._producer.stop()

    async def _turn(self) -> None:
        messages = self._source.take(BATCH_MESSAGES)
        if not messages:
            await asyncio.sleep(self._settings.frame_ms / 1000)
            return
        sends: list[asyncio.Future[object]] = []
        rejects: list[Reject] = []
        tick = None
        for message in messages:
            if message.topic.startswith(self._ticks_below):
                if message.topic.decode(errors="replace") == self._tick_topic:
                    tick = max(tick or 0, _tick_of(message))
                continue
            read = self._reader.read(message)
            if read is None:
                continue
            self._framer.messages += 1
            rejects += read.rejects
            self._count(read)
            if read.decoded is not None:
                self._collect(read, message)
            if self._framer.pending() >= self._settings.frame_rows:
                sends += await self._send(None)
        sends += await self._send(tick)
        sends += await self._send_rejects(rejects)
        metrics.MESSAGES.inc(len(messages))
        metrics.INGEST_BACKLOG.set(self._source.waiting())
        await self._under_way.put((sends, messages))
        if len(messages) < BATCH_MESSAGES:  # caught up: let a frame fill
            await asyncio.sleep(self._settings.frame_ms / 1000)

    def _count(self, read: Read) -> None:
        if read.decoded is None:
            self._framer.messages_rejected += 1
        else:
            self._framer.observations_rejected += len(read.rejects)
        for reason, number in Counter(reject.reason for reject in read.rejects).items():
            metrics.REJECTS.labels(reason).inc(number)

    def _collect(self, read: Read, message: Message) -> None:
        decoded, compiled = read.decoded, read.compiled
        assert decoded is not None
        assert compiled is not None
        thing = self._placement.thing(decoded.agency, decoded.thing, decoded.zone, decoded.location)
        for observation in decoded.observations:
            datastream = self._placement.datastream(
                thing,
                observation.datastream_name,
                observation.observed_property,
                observation.unit,
                compiled.name,
                compiled.version,
                observation.interval,
            )
            self._framer.add(datastream, observation, message.received_at)

    async def _send(self, tick: int | None, *, closing: bool = False) -> list[asyncio.Future[object]]:
        assert self._producer is not None
        if changed := self._placement.changed():
            topic = self._settings.topic(THINGS.name)
            writes = [
                await self._producer.send(
                    topic, key=str(placed.thing.id).encode(), value=msgspec.json.encode(placed), partition=0
                )
                for placed in changed
            ]
            await asyncio.gather(*writes)  # the placement stands before the first frame that follows it
        sends = []
        topic = self._settings.topic(OBSERVATIONS.name)
        for partition, frame in self._framer.frames(tick, closing=closing):
            sends.append(await self._producer.send(topic, value=encode(frame), partition=partition))
            metrics.OBSERVATIONS_FRAMED.inc(len(frame))
            metrics.FRAMES.inc()
        return sends

    async def _send_rejects(self, rejects: list[Reject]) -> list[asyncio.Future[object]]:
        assert self._producer is not None
        topic = self._settings.topic(REJECTS.name)
        return [
            await self._producer.send(
                topic, value=msgspec.json.encode(reject), partition=zlib.crc32(reject.topic.encode()) % PARTITIONS
            )
            for reject in rejects
        ]

    async def _confirm(self) -> None:
        while True:
            sends, messages = await self._under_way.get()
            try:
                await asyncio.gather(*sends)
            except Exception:
                log.exception("Kafka did not confirm; ingest ends and the broker sends again what is not acknowledged")
                os._exit(70)
            self._source.acknowledge(messages)
            self._under_way.task_done()

    async def _tick(self) -> None:
        """The wall clock goes through the broker: come back behind the backlog, it says that all before it is here."""
        for seconds in itertools.count(1):
            await asyncio.sleep(1)
            if seconds % ANNOUNCE_SECONDS == 0:
                self._framer.announce_again()
            self._source.publish(self._tick_topic, str(time.time_ns() // 1000).encode())


def _tick_of(message: Message) -> int:
    """The time of a tick, never ahead of when it came in: anyone may publish to its topic."""
    try:
        return min(int(message.payload), message.received_at)
    except ValueError:
        return 0

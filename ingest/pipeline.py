"""The loop of ingest: take, read, place, frame, send; acknowledge to MQTT after Kafka has confirmed.

     MQTT ──▶ queue ──▶ read ──▶ place ──▶ frame ──▶ Kafka ──confirmed──▶ acknowledge MQTT, in order
                ├─▶ raw   └────▶ rejects, redriven ────┤
                └──────────────────────────────────────┘

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
from collections.abc import Sequence

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from aedilis import metrics
from aedilis.frame import encode
from aedilis.health import HealthServer
from aedilis.settings import Settings
from aedilis.topics import (
    ANNOUNCEMENTS,
    OBSERVATIONS,
    PARTITIONS,
    RAW,
    REDRIVE,
    REDRIVEN,
    REJECTS,
    THINGS,
    TICKS,
    WAITING,
)
from aedilis.vocabulary import Redriven, Reject
from ingest.announcements import read_announcements
from ingest.datastreams import Datastreams
from ingest.framer import Framer
from ingest.mqtt import Message, MqttSource, Share
from ingest.placement import Placement, read_placed
from ingest.reader import Reader
from ingest.redrive import Redriver
from ingest.types import TypesInForce
from ingest.waiting import WaitingBook
from kept import raw
from registry.things import Things
from sensors.batch import Channels
from sensors.compile import CompiledType

log = logging.getLogger(__name__)

ROUND_MESSAGES = 10_000
ROUNDS_UNDER_WAY = 4
ANNOUNCE_SECONDS = 600
"""Each Datastream is declared again after so long, a 600th of them each second: 100,000 cost 60 kB a second."""


class Pipeline:
    """One ingest process."""

    def __init__(self, settings: Settings, types: TypesInForce) -> None:
        share = Share(settings, types.kinds)
        self._settings = settings
        self._types = types
        self._process = f"ingest-{share.name}-{time.time_ns() // 1000:016x}"
        client_id = f"aedilis-ingest-{settings.mqtt_prefix.replace('/', '.')}{share.name}"
        self._ticks_below = f"{settings.mqtt_prefix}{TICKS}".encode()
        self._own_below = (self._ticks_below, f"{settings.mqtt_prefix}{REDRIVE}".encode())
        self._tick_topic = f"{settings.mqtt_prefix}{TICKS}{client_id}"
        self._source = MqttSource(settings, client_id, share.filters())
        channels = Channels(types.kinds)
        self._placement = Placement(settings, turned_away=lambda *who: self._waiting.note(*who))
        self._datastreams = Datastreams(channels, self._placement)
        self._framer = Framer(self._process, channels, self._datastreams)
        self._framer.tell(types.in_force)
        self._things = Things(settings, self._placement.tell)
        self._waiting = WaitingBook(self._things, share)
        self._reader = Reader(
            settings, self._process, types.kinds, share, channels, self._placement, self._framer.batch
        )
        self._redriver = Redriver(settings, self._process, self._reader, self._framer)
        self._raw_partition = zlib.crc32(share.name.encode()) % PARTITIONS
        self._under_way: asyncio.Queue[tuple[list[asyncio.Future[object]], list[Message]]] = asyncio.Queue(
            ROUNDS_UNDER_WAY
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
            compression_type="zstd",  # aiokafka runs lz4 at level 9: twenty times slower, and larger
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
        await self._things.open()
        self._waiting.adopt()
        self._reader.recall(await read_announcements(self._settings))
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
            await self._things.close()
            await self._health.stop()
            await self._producer.stop()

    async def _turn(self) -> None:
        """Read what waits, as much as one round of frames takes, and send it; then let more come, if that was all."""
        self._types.between_rounds(self._use)
        rejects: list[Reject] = []
        redriven: list[Redriven] = []
        messages: list[Message] = []
        ours: list[Message] = []
        tick = None
        while not (full := self._framer.pending() >= self._settings.frame_rows or len(messages) >= ROUND_MESSAGES):
            taken = self._source.take()
            if not taken:
                break
            messages += taken
            tick = self._read(taken, ours, rejects, redriven, tick)
        if messages:
            sends = await self._send(tick)
            sends += await self._send_refused(rejects, redriven)
            if ours and self._settings.keep_raw:
                sends += await self._send_raw(ours)
            metrics.MESSAGES.inc(len(messages))
            metrics.INGEST_BACKLOG.set(self._source.waiting())
            await self._under_way.put((sends, messages))
            for topic, payload in self._reader.requests:
                self._source.publish(self._settings.mqtt_prefix + topic, payload)
            self._reader.requests.clear()
        await asyncio.sleep(0 if full else self._settings.frame_ms / 1000)

    def _use(self, types: Sequence[CompiledType]) -> None:
        share = Share(self._settings, types)
        self._reader.use(types, share)
        self._framer.tell(self._types.in_force)
        self._source.listen(share.filters())

    def _read(
        self,
        messages: list[Message],
        ours: list[Message],
        rejects: list[Reject],
        redriven: list[Redriven],
        tick: int | None,
    ) -> int | None:
        """Read them; the latest tick among them and before."""
        read, before = self._reader.read, len(ours)
        for message in messages:
            if message.topic.startswith(self._own_below):
                if not message.topic.startswith(self._ticks_below):
                    redriven += self._redriver.read(message)
                elif message.topic.decode(errors="replace") == self._tick_topic:
                    tick = max(tick or 0, _tick_of(message))
                continue
            refused = read(message)
            if refused is None:
                continue
            ours.append(message)
            if refused:
                self._count(refused[0])
                rejects += refused
        self._framer.messages += len(ours) - before
        return tick

    def _count(self, reject: Reject) -> None:
        self._framer.observations_rejected += reject.observations
        self._framer.messages_rejected += reject.whole
        for problem in reject.problems:
            metrics.REJECTS.labels(problem.reason).inc(problem.count)

    async def _send(self, tick: int | None, *, closing: bool = False) -> list[asyncio.Future[object]]:
        assert self._producer is not None
        changed = self._placement.changed()
        told = [(THINGS, str(placed.thing.id), msgspec.json.encode(placed)) for placed in changed]
        told += [(ANNOUNCEMENTS, key, msgspec.json.encode(one)) for key, one in self._reader.announcements.items()]
        if told:
            self._reader.announcements.clear()
            writes = [
                await self._producer.send(self._settings.topic(topic.name), key=key.encode(), value=value, partition=0)
                for topic, key, value in told
            ]
            await asyncio.gather(*writes)  # they stand before the first frame that follows from them
        for key, value in self._waiting.due(time.time_ns() // 1000):
            await self._producer.send(self._settings.topic(WAITING.name), key=key.encode(), value=value, partition=0)
        sends = []
        topic = self._settings.topic(OBSERVATIONS.name)
        for partition, frame in self._framer.frames(tick, closing=closing):
            sends.append(await self._producer.send(topic, value=encode(frame), partition=partition))
            metrics.OBSERVATIONS_FRAMED.inc(len(frame))
            metrics.FRAMES.inc()
        return sends

    async def _send_refused(self, rejects: list[Reject], redriven: list[Redriven]) -> list[asyncio.Future[object]]:
        assert self._producer is not None
        topic = self._settings.topic(REJECTS.name)
        sends = [
            await self._producer.send(
                topic, value=msgspec.json.encode(reject), partition=zlib.crc32(reject.topic.encode()) % PARTITIONS
            )
            for reject in rejects
        ]
        topic = self._settings.topic(REDRIVEN.name)
        return sends + [
            await self._producer.send(topic, value=msgspec.json.encode(outcome), partition=outcome.partition)
            for outcome in redriven
        ]

    async def _send_raw(self, messages: list[Message]) -> list[asyncio.Future[object]]:
        assert self._producer is not None
        topic, most = self._settings.topic(RAW.name), self._settings.max_message_bytes
        return [
            await self._producer.send(topic, value=value, partition=self._raw_partition)
            for value in raw.pack(messages, len(self._settings.mqtt_prefix), most)
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
            self._datastreams.announce_again(seconds % ANNOUNCE_SECONDS, ANNOUNCE_SECONDS)
            self._source.publish(self._tick_topic, str(time.time_ns() // 1000).encode())


def _tick_of(message: Message) -> int:
    """The time of a tick, never ahead of when it came in: anyone may publish to its topic."""
    try:
        return min(int(message.payload), message.received_at)
    except ValueError:
        return 0

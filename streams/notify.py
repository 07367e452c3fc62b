"""The notify role: each alert to each notifier. What came of it goes to the topic `deliveries`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import ClassVar

import msgspec
from aiokafka import AIOKafkaProducer

from aedilis import metrics
from aedilis.settings import Settings
from aedilis.topics import ALERTS, DELIVERIES, NOTIFY_STATE
from aedilis.vocabulary import Alert, Delivery, Revision
from alerts.delivery import deliver
from alerts.discovery import notifiers
from alerts.kept import Kept
from alerts.notifier import Notifier
from streams.app import Role, send_all
from streams.checkpoint import Checkpoints
from streams.partition import Poison, Record

SCHEMA = 1
CHECKPOINT_SECONDS = 0.5
"""What was told since is told again after a crash, with the same idempotency keys."""


class Told(msgspec.Struct):
    """The latest change of an alert key that was told."""

    event_time: int
    sequence: int
    changed: int = 0
    done: ClassVar[bool] = True

    @property
    def revision(self) -> Revision:
        """As a revision."""
        return Revision(self.event_time, self.sequence)


class NotifyJob:
    """Sends the alerts of one partition, in order, and remembers the latest change told of each key.

    What a restarted alert worker says again is not told again; a delivery of which a crash of our own leaves open
    whether it arrived is repeated, with the same idempotency key.
    """

    def __init__(
        self, settings: Settings, partition: int, producer: AIOKafkaProducer, channels: Sequence[Notifier]
    ) -> None:
        self._topic = settings.topic(DELIVERIES.name)
        self._partition = partition
        self._producer = producer
        self._channels = channels
        self._checkpoints = Checkpoints(
            "notify",
            settings.topic(NOTIFY_STATE.name),
            partition,
            SCHEMA,
            producer,
            settings.kafka,
            CHECKPOINT_SECONDS,
        )
        self._decoder = msgspec.json.Decoder(Alert)
        self._told = Kept(Told)
        self.waiting = False

    async def load(self) -> int | None:
        """Where it stood, and what had been told."""
        restored = await self._checkpoints.restore()
        self._told = Kept(Told)
        self._told.restore(restored.chunks)
        return restored.next_offset

    async def apply(self, records: Sequence[Record]) -> None:
        """Deliver: the changes of one key one after the other, those of different keys side by side."""
        by_key: dict[str, list[Alert]] = {}
        poison: Poison | None = None
        for record in records:
            try:
                alert = self._decoder.decode(record.value)
            except msgspec.MsgspecError as error:
                poison = Poison(record.offset, str(error))
                break
            by_key.setdefault(alert.key, []).append(alert)
        self.waiting = True
        try:
            await asyncio.gather(*(self._tell(alerts) for alerts in by_key.values()))
        finally:
            self.waiting = False
        if poison is not None:
            raise poison

    async def _tell(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            told = self._told.get(alert.key)
            if told is not None and alert.revision <= told.revision:
                continue
            outcomes = await asyncio.gather(*(self._deliver(channel, alert) for channel in self._channels))
            out = [(delivery.id.encode(), delivery) for delivery in outcomes if delivery is not None]
            await send_all(self._producer, self._topic, self._partition, out)
            self._told.put(alert.key, Told(alert.revision.event_time, alert.revision.sequence))

    @staticmethod
    async def _deliver(channel: Notifier, alert: Alert) -> Delivery | None:
        delivery = await deliver(channel, alert, clock=lambda: time.time_ns() // 1000, sleep=asyncio.sleep)
        if delivery is not None:
            metrics.DELIVERIES.labels(channel.name, delivery.status).inc()
        return delivery

    async def keep(self, next_offset: int, *, last: bool = False) -> bool:
        """Write a checkpoint when it is due."""
        if not (last or self._checkpoints.due()):
            return False
        await self._checkpoints.write(next_offset, self._told.changed_chunks(whole=self._checkpoints.whole))
        self._told.mark_clean()
        return True


def role(settings: Settings) -> Role:
    """The notify role."""
    channels = notifiers(settings)

    async def stop() -> None:
        for channel in channels:
            await channel.close()

    return Role(
        "notify",
        (ALERTS,),
        lambda _, partition, producer: NotifyJob(settings, partition, producer, channels),
        stop=stop,
    )

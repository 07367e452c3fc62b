"""The alert role: anomalies in, alerts out. The state machine is `alerts.lifecycle`; here is its log and its state."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from aiokafka import AIOKafkaProducer

from aedilis import metrics
from aedilis.settings import Settings
from aedilis.topics import ALERT_STATE, ALERTS, ANOMALIES
from aedilis.vocabulary import Alert, Anomaly
from alerts.lifecycle import AlertBook
from streams.app import Role, send_all
from streams.checkpoint import Checkpoints
from streams.partition import Poison, Record

SCHEMA = 1


class AlertJob:
    """Keeps the alerts of one partition."""

    waiting = False

    def __init__(self, settings: Settings, partition: int, producer: AIOKafkaProducer) -> None:
        self._topic = settings.topic(ALERTS.name)
        self._partition = partition
        self._producer = producer
        self._checkpoints = Checkpoints(
            "alert",
            settings.topic(ALERT_STATE.name),
            partition,
            SCHEMA,
            producer,
            settings.kafka,
            settings.checkpoint_seconds,
        )
        self._decoder = msgspec.json.Decoder(Anomaly)
        self._book = AlertBook()

    async def load(self) -> int | None:
        """Restore the open alerts."""
        restored = await self._checkpoints.restore()
        self._book = AlertBook()
        self._book.kept.restore(restored.chunks)
        return restored.next_offset

    async def apply(self, records: Sequence[Record]) -> None:
        """Apply anomalies; what follows leaves at once."""
        out: list[tuple[bytes, Alert]] = []
        poison: Poison | None = None
        for record in records:
            try:
                anomaly = self._decoder.decode(record.value)
            except msgspec.MsgspecError as error:
                poison = Poison(record.offset, str(error))
                break
            for alert in self._book.apply(anomaly):
                if len(alert.anomalies) == 1 and alert.resolved_at is None:
                    metrics.ALERTS_OPENED.labels(alert.severity).inc()
                out.append((alert.key.encode(), alert))
        await send_all(self._producer, self._topic, self._partition, out)
        if poison is not None:
            raise poison

    async def keep(self, next_offset: int, *, last: bool = False) -> bool:
        """Write a checkpoint when it is due."""
        if not (last or self._checkpoints.due()):
            return False
        kept = self._book.kept
        await self._checkpoints.write(next_offset, kept.changed_chunks(whole=self._checkpoints.whole))
        kept.mark_clean()
        return True


def role(settings: Settings) -> Role:
    """The alert role."""
    return Role("alert", (ANOMALIES,), lambda _, partition, producer: AlertJob(settings, partition, producer))

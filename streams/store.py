"""The store role: every topic that ends in a table. A transaction holds the rows, the counts and the next offset.

The offset in the database decides what is applied, so a stalled worker that wakes finds its records below it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from aedilis import metrics
from aedilis.errors import FrameError
from aedilis.frame import decode
from aedilis.settings import Settings
from aedilis.topics import ALERTS, ANOMALIES, DEAD_LETTERS, DELIVERIES, OBSERVATIONS, REDRIVEN, REJECTS
from aedilis.vocabulary import Alert, Anomaly, DeadLetter, Delivery, Redriven, Reject
from kept.log import beginnings
from storage.progress import WentBack
from storage.retention import Retention
from storage.rollup import refresh
from storage.writer import Refused, Unavailable, Writer
from streams.app import Role
from streams.partition import Poison, Record, SetBack, Stalled
from streams.types import TypesTable

log = logging.getLogger(__name__)

BYTES_TOGETHER = 2 * 1024 * 1024
"""After a standstill the log brings more at once than is quick in one transaction, or small in memory."""

RETENTION_SECONDS = 60.0
"""The bounds of the tables are kept this often."""


class StoreJob:
    """Writes the records of one partition."""

    waiting = False

    def __init__(
        self,
        writer: Writer,
        topic: str,
        partition: int,
        read: Callable[[bytes], Any],
        write: Callable[[str, int, list[tuple[int, Any]]], Awaitable[None]],
    ) -> None:
        self._writer, self._topic, self._partition = writer, topic, partition
        self._read, self._write = read, write

    async def load(self) -> int | None:
        """The next offset as the database has it; waits for the database."""
        while True:
            try:
                return await self._writer.next_offset(self._topic, self._partition)
            except Unavailable as error:
                log.warning("waiting for the database: %s", error)
                await asyncio.sleep(0.5)

    async def apply(self, records: Sequence[Record]) -> None:
        """Write the records, so many in one transaction; one by one only to find which of them is refused."""
        decoded: list[tuple[int, Any]] = []
        size = 0
        poison: Poison | None = None
        for record in records:
            try:
                decoded.append((record.offset, self._read(record.value)))
            except (FrameError, msgspec.MsgspecError) as error:
                poison = Poison(record.offset, str(error))
                break
            size += len(record.value)
            if size > BYTES_TOGETHER:
                await self._put(decoded)
                decoded, size = [], 0
        if decoded:
            await self._put(decoded)
        if poison is not None:
            raise poison

    async def _put(self, decoded: list[tuple[int, Any]]) -> None:
        try:
            await self._write(self._topic, self._partition, decoded)
        except Unavailable as error:
            metrics.DATABASE_UP.set(0)
            raise Stalled(f"database: {error}") from error
        except WentBack as error:
            raise SetBack(str(error)) from error
        except Refused as error:
            await self._one_by_one(decoded, error)
        metrics.DATABASE_UP.set(1)

    async def _one_by_one(self, decoded: list[tuple[int, Any]], first: Refused) -> None:
        if len(decoded) == 1:
            raise Poison(decoded[0][0], str(first)) from first
        for offset, value in decoded:
            try:
                await self._write(self._topic, self._partition, [(offset, value)])
            except Unavailable as error:
                raise Stalled(f"database: {error}") from error
            except WentBack as error:
                raise SetBack(str(error)) from error
            except Refused as error:
                raise Poison(offset, str(error)) from error

    async def keep(self, next_offset: int, *, last: bool = False) -> bool:
        """The transaction kept it already."""
        return True


def role(settings: Settings) -> Role:
    """The store role."""
    writer = Writer(settings)
    tables: dict[str, tuple[Callable[[bytes], Any], Callable[[str, int, list[tuple[int, Any]]], Awaitable[None]]]] = {
        settings.topic(OBSERVATIONS.name): (decode, writer.write_frames),
        settings.topic(ANOMALIES.name): (msgspec.json.Decoder(Anomaly).decode, writer.write_anomalies),
        settings.topic(ALERTS.name): (msgspec.json.Decoder(Alert).decode, writer.write_alerts),
        settings.topic(REJECTS.name): (msgspec.json.Decoder(Reject).decode, writer.write_rejects),
        settings.topic(REDRIVEN.name): (msgspec.json.Decoder(Redriven).decode, writer.write_redriven),
        settings.topic(DELIVERIES.name): (msgspec.json.Decoder(Delivery).decode, writer.write_deliveries),
        settings.topic(DEAD_LETTERS.name): (msgspec.json.Decoder(DeadLetter).decode, writer.write_dead_letters),
    }
    retention = Retention(writer.pool, settings)
    types = TypesTable(settings, writer.pool)
    background: list[asyncio.Task[None]] = []

    def make_job(topic: str, partition: int, producer: AIOKafkaProducer) -> StoreJob:
        read, write = tables[topic]
        return StoreJob(writer, topic, partition, read, write)

    async def follow(work: Callable[[], Awaitable[object]], what: str, share: float, seconds: float = 1.0) -> None:
        """Do what follows from stored rows so often, or so seldom that it takes no more than this share of the time."""
        pause = seconds
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            try:
                await work()
            except Exception as error:  # what it has to do stands in the tables, the next turn tries again
                log.warning("%s wait: %s", what, error)
            pause = max(seconds, (time.monotonic() - began) * (1 / share - 1))

    async def drop_rejects() -> None:
        if dropped := await writer.drop_rejects(await beginnings(settings, REJECTS)):
            log.warning("%s rejects went from the log before they were sent again", dropped)

    async def start() -> None:
        await writer.__aenter__()
        await types.open()
        background.append(asyncio.create_task(follow(types.write, "sensor types", 0.05)))
        background.append(asyncio.create_task(follow(writer.write_latest, "latest values", 0.2)))
        background.append(asyncio.create_task(follow(lambda: refresh(writer.pool), "rollups", 0.3)))
        background.append(asyncio.create_task(follow(retention.keep, "retention", 0.1, RETENTION_SECONDS)))
        background.append(asyncio.create_task(follow(drop_rejects, "rejects", 0.1, RETENTION_SECONDS)))

    async def stop() -> None:
        for task in background:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await types.close()
        await writer.__aexit__(None, None, None)

    async def database() -> str | None:
        try:
            await writer.next_offset(settings.topic(OBSERVATIONS.name), 0)
        except Unavailable as error:
            return f"the database cannot be reached: {error}"
        return None

    return Role(
        "store",
        (OBSERVATIONS, ANOMALIES, ALERTS, REJECTS, REDRIVEN, DELIVERIES, DEAD_LETTERS),
        make_job,
        start,
        stop,
        {"database": database},
    )

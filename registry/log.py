"""A compacted topic as a map: the latest value of each key, read whole at the start and followed from then on.

    async with Latest(settings, SENSOR_TYPES, changed) as log:
        log.values["air-station"]
        await log.put("air-station", b"...")

`changed(key, value)` is called in the event loop, for what stands in the topic before the start is over, then for each
record as it comes, in the order of the log; a removed key has the value None. All processes see the same order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from aedilis.errors import ServerError, TopicError
from aedilis.settings import Settings
from aedilis.topics import Topic

log = logging.getLogger(__name__)

Changed = Callable[[str, bytes | None], None]

PUT_SECONDS = 30.0
"""A record that is not confirmed for so long is given up; it may still come to stand in the log."""


async def read_latest(kafka: str, topic: str, partition: int = 0) -> dict[bytes, bytes]:
    """The latest value of each key as the topic stands now, in the order in which they came; removed keys are not there."""
    at = TopicPartition(topic, partition)
    found: dict[bytes, bytes] = {}
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([at])
        await consumer.seek_to_beginning(at)
        end = (await consumer.end_offsets([at]))[at]
        while await consumer.position(at) < end:
            for record in (await consumer.getmany(at, timeout_ms=1000)).get(at, []):
                found.pop(record.key, None)
                if record.value is not None:
                    found[record.key] = record.value
    finally:
        await consumer.stop()
    return found


class Latest:
    """Follows one topic of one partition while it is open."""

    def __init__(self, settings: Settings, topic: Topic, changed: Changed | None = None) -> None:
        self._kafka = settings.kafka
        self._at = TopicPartition(settings.topic(topic.name), 0)
        self._changed = changed
        self._values: dict[str, bytes] = {}
        self._next = 0
        self._moved = asyncio.Condition()
        self._consumer: AIOKafkaConsumer | None = None
        self._producer: AIOKafkaProducer | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def values(self) -> Mapping[str, bytes]:
        """Key → value, as far as the log was read."""
        return MappingProxyType(self._values)

    async def __aenter__(self) -> Latest:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self, *, patient: bool = True) -> None:
        """Read the topic to its end, then follow it. A `patient` one waits for a broker that is away.

        Raises:
            ServerError: the broker is away, and it is not patient.
            TopicError: there is no such topic.
        """
        while self._consumer is None:
            self._consumer = consumer = AIOKafkaConsumer(
                bootstrap_servers=self._kafka, enable_auto_commit=False, auto_offset_reset="earliest"
            )
            try:
                await consumer.start()
            except KafkaConnectionError as error:
                self._consumer = None
                await consumer.stop()
                if not patient:
                    mend = "is it running? `aedilis servers status`"
                    raise ServerError(server="kafka", problem=f"{self._kafka}: {error}", mend=mend) from error
                log.warning("waiting for Kafka: %s", error)
                await asyncio.sleep(1)
        if self._at.topic not in await self._consumer.topics():
            await self.close()
            raise TopicError(topic=self._at.topic, expected="a topic", got="none", mend="run `aedilis topics`")
        self._consumer.assign([self._at])
        await self._consumer.seek_to_beginning(self._at)
        end = (await self._consumer.end_offsets([self._at]))[self._at]
        while await self._consumer.position(self._at) < end:
            for record in await self._read():
                self._take(record)
        self._next = end
        for key, value in list(self._values.items()):
            self._tell(key, value)
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        for client in (self._consumer, self._producer):
            if client is not None:
                await client.stop()
        self._consumer = self._producer = None

    async def put(self, key: str, value: bytes | None) -> None:
        """Write a value, or remove the key; afterwards it stands in the log, and in `values` if the topic is followed:
        who only writes needs not open it.

        Raises:
            ServerError: the broker did not confirm it in time.
        """
        try:
            async with asyncio.timeout(PUT_SECONDS):
                producer = await self._producing()
                written = await producer.send_and_wait(self._at.topic, key=key.encode(), value=value, partition=0)
                if self._task is not None:
                    async with self._moved:
                        await self._moved.wait_for(lambda: self._next > written.offset)
        except (KafkaError, TimeoutError) as error:
            problem = f"{key} was not confirmed in {self._at.topic}: {error!r}"
            raise ServerError(
                server="kafka", problem=problem, mend="see whether it stands there, then try again"
            ) from error

    async def _producing(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._kafka,
                enable_idempotence=True,
                compression_type="zstd",
                max_request_size=8 * 1024 * 1024,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _read(self) -> list[Any]:
        assert self._consumer is not None
        records: list[Any] = (await self._consumer.getmany(self._at, timeout_ms=1000)).get(self._at, [])
        return records

    def _take(self, record: Any) -> tuple[str, bytes | None]:
        key, value = (record.key or b"").decode(errors="replace"), record.value
        if value is None:
            self._values.pop(key, None)
        else:
            self._values[key] = value
        return key, value

    def _tell(self, key: str, value: bytes | None) -> None:
        if self._changed is None:
            return
        try:
            self._changed(key, value)
        except Exception:  # one record that nobody understands must not hide those that follow
            log.exception("the record %r of %s was not understood", key, self._at.topic)

    async def _follow(self) -> None:
        while True:
            try:
                records = await self._read()
            except Exception as error:  # the broker is away; the consumer finds it again
                log.warning("cannot read %s: %r", self._at.topic, error)
                await asyncio.sleep(1)
                continue
            for record in records:
                self._tell(*self._take(record))
            if records:
                async with self._moved:
                    self._next = records[-1].offset + 1
                    self._moved.notify_all()

"""Reads a part of a Kafka topic that stands there now, without a group and without waiting for more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaConnectionError

from aedilis.errors import ServerError
from aedilis.settings import Settings
from aedilis.topics import Topic

LATER_MS = 600_000
"""A record may be written so long after what is in it came in: Kafka was away, or there was a backlog."""


@asynccontextmanager
async def _consumer(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka, enable_auto_commit=False, max_partition_fetch_bytes=8 * 1024 * 1024
    )
    try:
        await consumer.start()
    except KafkaConnectionError as error:
        await consumer.stop()
        mend = "is it running? `aedilis servers status`"
        raise ServerError(server="kafka", problem=f"{settings.kafka}: {error}", mend=mend) from error
    try:
        yield consumer
    finally:
        await consumer.stop()


async def beginnings(settings: Settings, topic: Topic) -> dict[int, int]:
    """Partition → the offset of the first record that its retention has left.

    Raises:
        ServerError: Kafka cannot be reached.
    """
    parts = [TopicPartition(settings.topic(topic.name), number) for number in range(topic.partitions)]
    async with _consumer(settings) as consumer:
        return {part.partition: offset for part, offset in (await consumer.beginning_offsets(parts)).items()}


async def span(settings: Settings, topic: Topic, since: int | None, until: int | None) -> AsyncIterator[ConsumerRecord]:
    """The records that may hold what came in from `since` to `until` (µs UTC), partition by partition, each in order.

    Raises:
        ServerError: Kafka cannot be reached.
    """
    async with _consumer(settings) as consumer:
        for number in range(topic.partitions):
            part = TopicPartition(settings.topic(topic.name), number)
            first = (await consumer.beginning_offsets([part]))[part]
            end = (await consumer.end_offsets([part]))[part]
            if since is not None:
                found = (await consumer.offsets_for_times({part: since // 1000}))[part]
                first = end if found is None else max(first, found.offset)
            if until is not None:
                found = (await consumer.offsets_for_times({part: until // 1000 + LATER_MS}))[part]
                end = end if found is None else min(end, found.offset)
            if first < end:
                async for record in _read(consumer, part, first, end):
                    yield record


async def _read(
    consumer: AIOKafkaConsumer, part: TopicPartition, first: int, end: int
) -> AsyncIterator[ConsumerRecord]:
    consumer.assign([part])
    consumer.seek(part, first)
    while await consumer.position(part) < end:
        for record in (await consumer.getmany(part, timeout_ms=1000)).get(part, ()):
            if record.offset >= end:
                return
            yield record


class Picker:
    """Reads single records of a topic, by partition and offset, in an order that is mostly theirs."""

    def __init__(self, settings: Settings, topic: Topic) -> None:
        self._settings, self._topic = settings, topic

    async def __aenter__(self) -> Picker:
        self._context = _consumer(self._settings)
        self._consumer = await self._context.__aenter__()
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self._consumer.stop()

    async def pick(self, partition: int, offsets: list[int]) -> AsyncIterator[ConsumerRecord]:
        """Those of these records that still stand in the log."""
        part = TopicPartition(self._settings.topic(self._topic.name), partition)
        first = (await self._consumer.beginning_offsets([part]))[part]
        end = (await self._consumer.end_offsets([part]))[part]
        wanted = sorted(offset for offset in offsets if first <= offset < end)
        if not wanted:
            return
        chosen = set(wanted)
        async for record in _read(self._consumer, part, wanted[0], wanted[-1] + 1):
            if record.offset in chosen:
                yield record

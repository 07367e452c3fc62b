"""What Kafka takes and gives at most through aiokafka: frames as ingest makes them, and a record an Observation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from aedilis.frame import decode
from aedilis.topics import OBSERVATIONS, PARTITIONS
from bench.drive import Load, job
from bench.figures import Limit
from bench.installation import Line, Servers

LOAD_SECONDS = 2.0
DAY = 86_400_000_000
SMALL = b'{"thing":"single-000001","name":"value","time":1767600000000000,"result":50.13}'


def run(servers: Servers, seconds: float, say: Callable[[str], None]) -> list[Limit]:
    """Produce and consume, frames and small records."""
    say("limits: Kafka: letting ingest make frames")
    with Line(servers, {"ingest": ["ingest"]}) as line:
        with Load(line.home, job(line, "hub", 200, 1, first_time=time.time_ns() // 1000 - DAY)) as load:
            load.run(
                LOAD_SECONDS, lambda: load.allow(line.counter("ingest", "aedilis_observations_framed_total") + 1e5)
            )
            load.finish()
            published = load.published
        return asyncio.run(_run(line, published, seconds, say))


async def _run(line: Line, published: int, seconds: float, say: Callable[[str], None]) -> list[Limit]:
    frames = await _frames(line, published)
    mean = sum(number for _, number in frames) / len(frames)
    figures: list[Limit] = []
    for what, values in (
        (f"frames of {mean:,.0f} Observations", frames),
        ("a record an Observation", [(SMALL, 1)]),
    ):
        topic = f"{line.settings.kafka_prefix}limit-{len(figures)}"
        await _create(line, topic)
        say(f"limits: Kafka, {what}")
        for name, measure in (("to", _produce(line, topic, values, seconds)), ("from", _consume(line, topic, seconds))):
            records, took = await measure
            observations = records * (mean if len(values) > 1 else 1)
            figures.append(Limit(what=f"aiokafka {name} Kafka, {what}", observations_per_s=observations / took))
    return figures


async def _frames(line: Line, published: int) -> list[tuple[bytes, int]]:
    """The frames that hold what was published, with their numbers of Observations."""
    found: list[tuple[bytes, int]] = []
    consumer = AIOKafkaConsumer(
        line.settings.topic(OBSERVATIONS.name), bootstrap_servers=line.settings.kafka, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async with asyncio.timeout(60):
            while sum(number for _, number in found) < published:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += [(record.value, number) for record in records if (number := len(decode(record.value)))]
    finally:
        await consumer.stop()
    return found


async def _create(line: Line, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=line.settings.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs=OBSERVATIONS.config)])
    finally:
        await admin.close()


async def _produce(line: Line, topic: str, values: Sequence[tuple[bytes, int]], seconds: float) -> tuple[int, float]:
    """Records confirmed, and the seconds that it took; the producer is set as that of ingest."""
    producer = AIOKafkaProducer(
        bootstrap_servers=line.settings.kafka,
        enable_idempotence=True,
        compression_type="zstd",
        linger_ms=2,
        max_batch_size=1024 * 1024,
        max_request_size=8 * 1024 * 1024,
    )
    await producer.start()
    sent, start = 0, time.monotonic()
    last: asyncio.Future[object] | None = None
    try:
        while time.monotonic() - start < seconds:
            value = values[sent % len(values)][0]
            last = await producer.send(topic, value=value, partition=sent % PARTITIONS)
            sent += 1
        await producer.flush()
        assert last is not None
        await last
        return sent, time.monotonic() - start
    finally:
        await producer.stop()


async def _consume(line: Line, topic: str, seconds: float) -> tuple[int, float]:
    """Records read from the beginning, and the seconds until the last of them."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=line.settings.kafka,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )
    await consumer.start()
    try:
        read, last, start = 0, 0.0, time.monotonic()
        while last < seconds and (batches := await consumer.getmany(timeout_ms=1000)):
            read += sum(len(records) for records in batches.values())
            last = time.monotonic() - start
        return read, last
    finally:
        await consumer.stop()

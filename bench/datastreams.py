"""How speed, memory and checkpoints change with the number of Datastreams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from aedilis.topics import ALERT_STATE, DETECT_STATE, NOTIFY_STATE, THINGS, Topic
from bench import throughput
from bench.figures import Scale
from bench.installation import Line, Servers

NUMBERS = (1_000, 10_000, 100_000)
QUICK_NUMBERS = (2_000,)
STATE = (THINGS, DETECT_STATE, ALERT_STATE, NOTIFY_STATE)
"""The compacted topics."""


def run(servers: Servers, numbers: Sequence[int], seconds: float, say: Callable[[str], None]) -> list[Scale]:
    """The load with many Observations in a message, QoS 1, on a fresh line for each number."""
    figures = []
    for number in numbers:
        say(f"datastreams: {number:,}")
        with Line(servers) as line:
            measured = throughput.measure(line, "hub", 1, number, seconds)
            figures.append(
                Scale(
                    datastreams=number,
                    observations_per_s=measured.observations_per_s,
                    cpu_us=measured.cpu_us,
                    memory_bytes=line.memory(),
                    state_bytes=asyncio.run(_live_bytes(line)),
                )
            )
    return figures


async def _live_bytes(line: Line) -> dict[str, int]:
    """Topic → bytes of the latest value of each key: what compaction leaves."""
    return {topic.name: await _live(line, topic) for topic in STATE}


async def _live(line: Line, topic: Topic) -> int:
    tps = [TopicPartition(line.settings.topic(topic.name), number) for number in range(topic.partitions)]
    sizes: dict[tuple[int, bytes], int] = {}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=line.settings.kafka, enable_auto_commit=False, max_partition_fetch_bytes=8 * 1024 * 1024
    )
    await consumer.start()
    try:
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    size = 0 if record.value is None else len(record.key) + len(record.value)
                    sizes[tp.partition, record.key] = size
    finally:
        await consumer.stop()
    return sum(sizes.values())

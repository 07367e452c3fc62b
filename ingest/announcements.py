"""Announcements of devices: the latest of each key, in a compacted topic, so that a restarted process knows what they said.

A format decides what announces and under which key (`Session.keep`): a BIRTH, a discovery message.
"""

from __future__ import annotations

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from aedilis.settings import Settings
from aedilis.topics import ANNOUNCEMENTS


class Announcement(msgspec.Struct, frozen=True):
    """A message as it came. Topic `announcements`, by `format|key`."""

    topic: str  # without the installation's prefix
    payload: bytes
    received_at: int  # µs UTC


async def read_announcements(settings: Settings) -> list[Announcement]:
    """The latest of each key, in the order in which they came."""
    tp = TopicPartition(settings.topic(ANNOUNCEMENTS.name), 0)
    found: dict[bytes, Announcement] = {}
    decoder = msgspec.json.Decoder(Announcement)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        end = (await consumer.end_offsets([tp]))[tp]
        while await consumer.position(tp) < end:
            for records in (await consumer.getmany(tp, timeout_ms=1000)).values():
                for record in records:
                    found.pop(record.key, None)
                    if record.value:
                        found[record.key] = decoder.decode(record.value)
    finally:
        await consumer.stop()
    return list(found.values())

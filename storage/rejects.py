"""Rejects into tables: counted all, grouped by what is alike, the latest samples kept."""

from __future__ import annotations

import re

from aedilis.vocabulary import Reject
from storage.database import Connection, queries
from storage.observations import moment

Q = queries("write")
SAMPLES = 5
"""Of each group so many of the latest rejects keep their bytes."""


async def put_group(connection: Connection, partition: int, group: int, rejects: list[tuple[int, Reject]]) -> None:
    """Rejects of one group, with their offsets."""
    first = rejects[0][1]
    await connection.execute(
        Q["upsert_reject_group"],
        {
            "id": group,
            "reason": first.reason,
            "sensor_type": first.sensor_type,
            "shape": topic_shape(first.topic),
            "count": sum(max(1, reject.observations) for _, reject in rejects),
            "observations": sum(reject.observations for _, reject in rejects),
            "first": moment(min(reject.received_at for _, reject in rejects)),
            "last": moment(max(reject.received_at for _, reject in rejects)),
        },
    )
    for offset, reject in rejects[-SAMPLES:]:
        await connection.execute(
            Q["insert_reject_sample"],
            {
                "group": group,
                "partition": partition,
                "offset": offset,
                "topic": text(reject.topic),
                "payload": reject.payload,
                "payload_size": reject.payload_size,
                "detail": text(reject.detail),
                "value_path": text(reject.value_path),
                "received_at": moment(reject.received_at),
            },
        )
    await connection.execute(Q["trim_reject_samples"], {"group": group, "samples": SAMPLES})


def topic_shape(topic: str) -> str:
    """A topic with its numbers and its third level, the Thing, replaced by `*`, so that alike ones group."""
    levels = [re.sub(r"\d+", "*", level)[:80] for level in topic.replace("\0", "�").split("/")[:8]]
    if len(levels) > 2:
        levels[2] = "*"
    return "/".join(levels)


def text(value: str | None) -> str | None:
    """PostgreSQL's text holds no NUL."""
    return value.replace("\0", "�") if value is not None else None

"""Rejects into tables: counted all, grouped by what is alike, the latest samples kept."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aedilis.vocabulary import Reject
from storage.database import queries
from storage.lane import Statement
from storage.observations import moment

Q = queries("write")
SAMPLES = 5
"""Of each group so many of the latest rejects keep their bytes."""


def group_statements(group: int, rejects: Sequence[tuple[int, int, Reject]]) -> list[Statement]:
    """Rejects of one group, with their partitions and offsets."""
    first = rejects[0][2]
    statements: list[Statement] = [
        (
            Q["upsert_reject_group"],
            {
                "id": group,
                "reason": first.reason,
                "sensor_type": first.sensor_type,
                "shape": topic_shape(first.topic),
                "count": sum(max(1, reject.observations) for *_, reject in rejects),
                "observations": sum(reject.observations for *_, reject in rejects),
                "first": moment(min(reject.received_at for *_, reject in rejects)),
                "last": moment(max(reject.received_at for *_, reject in rejects)),
            },
        )
    ]
    latest = sorted(rejects, key=lambda one: (one[2].received_at, one[1]))[-SAMPLES:]
    for partition, offset, reject in latest:
        sample = {
            "group": group,
            "partition": partition,
            "offset": offset,
            "topic": text(reject.topic),
            "payload": reject.payload,
            "payload_size": reject.payload_size,
            "detail": text(reject.detail),
            "value_path": text(reject.value_path),
            "received_at": moment(reject.received_at),
        }
        statements.append((Q["insert_reject_sample"], sample))
    return [*statements, (Q["trim_reject_samples"], {"group": group, "samples": SAMPLES})]


def topic_shape(topic: str) -> str:
    """A topic with its numbers and its third level, the Thing, replaced by `*`, so that alike ones group."""
    levels = [re.sub(r"\d+", "*", level)[:80] for level in topic.replace("\0", "�").split("/")[:8]]
    if len(levels) > 2:
        levels[2] = "*"
    return "/".join(levels)


def text(value: str | None) -> str | None:
    """PostgreSQL's text holds no NUL."""
    return value.replace("\0", "�") if value is not None else None

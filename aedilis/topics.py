"""The Kafka topics: names, partitions and bounds. All are created before anything starts.

Faust ignores a topic that is missing when a worker starts and never reads it afterwards, so `aedilis up` and
`aedilis topics` create them first, and a worker refuses one whose partition count differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PARTITIONS = 8
"""Fixed for the life of an installation: a Thing's partition is written into its placement."""

TICKS = "aedilis/tick/"
"""MQTT: below it each ingest process tells itself the time. What stands there is no observation, so that who publishes
can ask there whether anybody listens."""

REDRIVE = "aedilis/redrive/"
"""MQTT: below it rejects come again, each in an envelope (`kept/redrive.py`)."""

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Topic:
    """One topic; `config` are Kafka's own topic settings."""

    name: str
    partitions: int = PARTITIONS
    config: dict[str, str] = field(default_factory=dict)


def _log(hours: int, mebibytes: int) -> dict[str, str]:
    """Bounded by time and, a partition, by bytes; one segment may come on top, since whole ones are deleted."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(hours * 3_600_000),
        "retention.bytes": str(mebibytes * _MIB),
        "segment.bytes": str(32 * _MIB),
        "max.message.bytes": str(8 * _MIB),
    }


_HOUR_MS = str(3_600_000)

_COMPACTED = {
    "cleanup.policy": "compact",
    "segment.bytes": str(32 * _MIB),
    "segment.ms": _HOUR_MS,  # the newest segment is never cleaned: a quiet topic begins a new one each hour
    "min.cleanable.dirty.ratio": "0.2",  # a quarter more than what is alive, then it is cleaned
    "max.compaction.lag.ms": _HOUR_MS,  # and after an hour in any case
    "delete.retention.ms": _HOUR_MS,  # a reader sees a removed key's mark if it takes no longer; restoring takes seconds
    "max.message.bytes": str(8 * _MIB),
}
"""State: the latest value of each key. Bounded by what is alive, a quarter, and two segments a partition."""

# Three days: a worker or a database that is away over a weekend loses nothing. What falls out before it was read is
# an error and is counted (`aedilis counts`). What follows is small, and is kept a week for who looks into it.
OBSERVATIONS = Topic("observations", config=_log(72, 1024))
REJECTS = Topic("rejects", config=_log(168, 256))
REDRIVEN = Topic("redriven", config=_log(168, 128))
RAW = Topic("raw", config=_log(72, 1024))  # for trying sensor types: what falls out of it is missed by nobody
ANOMALIES = Topic("anomalies", config=_log(168, 256))
ALERTS = Topic("alerts", config=_log(168, 256))
DELIVERIES = Topic("deliveries", config=_log(168, 128))
DEAD_LETTERS = Topic("dead-letters", config=_log(168, 128))
THINGS = Topic("things", partitions=1, config=_COMPACTED)
SENSOR_TYPES = Topic("sensor-types", partitions=1, config=_COMPACTED)
TYPE_REPORTS = Topic("type-reports", partitions=1, config=_COMPACTED)
REGISTRY = Topic("registry", partitions=1, config=_COMPACTED)
ANNOUNCEMENTS = Topic("announcements", partitions=1, config=_COMPACTED)
DETECT_STATE = Topic("detect-state", config=_COMPACTED)
ALERT_STATE = Topic("alert-state", config=_COMPACTED)
NOTIFY_STATE = Topic("notify-state", config=_COMPACTED)

ALL = (
    OBSERVATIONS,
    REJECTS,
    REDRIVEN,
    RAW,
    ANOMALIES,
    ALERTS,
    DELIVERIES,
    DEAD_LETTERS,
    THINGS,
    SENSOR_TYPES,
    TYPE_REPORTS,
    REGISTRY,
    ANNOUNCEMENTS,
    DETECT_STATE,
    ALERT_STATE,
    NOTIFY_STATE,
)

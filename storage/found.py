"""What follows from observations, and what is refused, as statements: anomalies, alerts, deliveries, rejects, dead letters.

The records of several partitions are stored together; see `storage/lane.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from aedilis.identity import stable_id
from aedilis.vocabulary import Alert, Anomaly, DeadLetter, Delivery, Reject
from storage.database import Connection, queries
from storage.lane import Kind, Part, Rest, Statement
from storage.observations import moment
from storage.rejects import group_statements, text, topic_shape

Q = queries("write")


def _kind(statements: Callable[[Sequence[Part]], list[Statement]]) -> Kind:
    async def put(connection: Connection, parts: Sequence[Part], straight: bool) -> Rest:
        return Rest(statements(parts))

    return Kind(put)


def _anomalies(parts: Sequence[Part]) -> list[Statement]:
    return [(Q["upsert_anomaly"], _anomaly(record)) for part in parts for _, record in part.fresh]


def _anomaly(record: Anomaly) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in record.__struct_fields__ if name not in ("revision", "ingested_at")}
    row |= {"revision_time": record.revision.event_time, "revision_sequence": record.revision.sequence}
    row |= {name: _maybe(row[name]) for name in ("starts_at", "detected_at", "ends_at")}
    return {**row, "received_at": moment(record.ingested_at)}


def _alerts(parts: Sequence[Part]) -> list[Statement]:
    return [(Q["upsert_alert"], _alert(record)) for part in parts for _, record in part.fresh]


def _alert(record: Alert) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in record.__struct_fields__ if name != "revision"}
    row |= {"revision_time": record.revision.event_time, "revision_sequence": record.revision.sequence}
    row |= {name: _maybe(row[name]) for name in ("opened_at", "resolved_at")}
    return {**row, "anomalies": list(record.anomalies)}


def _maybe(time: int | None) -> datetime | None:
    return None if time is None else moment(time)


def _deliveries(parts: Sequence[Part]) -> list[Statement]:
    return [(Q["upsert_delivery"], _delivery(record)) for part in parts for _, record in part.fresh]


def _delivery(record: Delivery) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in record.__struct_fields__}
    return {**row, "finished_at": moment(record.finished_at)}


def _dead_letters(parts: Sequence[Part]) -> list[Statement]:
    return [(Q["insert_dead_letter"], _dead_letter(record)) for part in parts for _, record in part.fresh]


def _dead_letter(record: DeadLetter) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in record.__struct_fields__}
    return {**row, "reason": text(row["reason"])}


def _rejects(parts: Sequence[Part]) -> list[Statement]:
    """Counted, grouped, the latest of each group kept."""
    groups: dict[int, list[tuple[int, int, Reject]]] = {}
    processes: dict[tuple[str, str], list[Reject]] = {}
    for part in parts:
        for offset, reject in part.fresh:
            group = stable_id(reject.reason, reject.sensor_type or "", topic_shape(reject.topic))
            groups.setdefault(group, []).append((part.key[1], offset, reject))
            processes.setdefault((reject.process, reject.reason), []).append(reject)
    statements: list[Statement] = []
    for group in sorted(groups):  # in one order, so that processes do not wait for each other in a circle
        statements += group_statements(group, groups[group])
    for (process, reason), rejects in sorted(processes.items()):
        whole = sum(1 for reject in rejects if not reject.observations)
        values = {"process": process, "reason": reason, "messages": whole}
        values["observations"] = sum(reject.observations for reject in rejects)
        statements.append((Q["count_rejects"], values))
    return statements


ANOMALIES = _kind(_anomalies)
ALERTS = _kind(_alerts)
DELIVERIES = _kind(_deliveries)
DEAD_LETTERS = _kind(_dead_letters)
REJECTS = _kind(_rejects)

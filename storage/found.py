"""What follows from observations, and what is refused, as statements: anomalies, alerts, deliveries, rejects, dead letters.

The records of several partitions are stored together; see `storage/lane.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from aedilis.identity import thing_id
from aedilis.vocabulary import Alert, Anomaly, DeadLetter, Delivery, Scope
from storage.database import Connection, queries
from storage.lane import Kind, Part, Rest, Statement
from storage.observations import moment
from storage.rejects import put_redriven, reject_statements, text

Q = queries("write")


def _kind(statements: Callable[[Sequence[Part]], list[Statement]]) -> Kind:
    async def put(connection: Connection, parts: Sequence[Part], straight: bool) -> Rest:
        return Rest(statements(parts))

    return Kind(put)


def _anomalies(parts: Sequence[Part]) -> list[Statement]:
    return [(Q["upsert_anomaly"], _anomaly(record)) for part in parts for _, record in part.fresh]


def _anomaly(record: Anomaly) -> dict[str, Any]:
    row = _row(record) | {"received_at": moment(record.ingested_at)}
    return row | {name: _maybe(row[name]) for name in ("starts_at", "detected_at", "ends_at")}


def _alerts(parts: Sequence[Part]) -> list[Statement]:
    return [(Q["upsert_alert"], _alert(record)) for part in parts for _, record in part.fresh]


def _alert(record: Alert) -> dict[str, Any]:
    row = _row(record) | {"anomalies": list(record.anomalies)}
    return row | {name: _maybe(row[name]) for name in ("opened_at", "resolved_at")}


def _row(record: Anomaly | Alert) -> dict[str, Any]:
    """What both say: of whom, and why."""
    row = {name: getattr(record, name) for name in record.__struct_fields__ if name != "revision"}
    return {
        **row,
        "revision_time": record.revision.event_time,
        "revision_sequence": record.revision.sequence,
        "thing": None if record.scope is Scope.ZONE else thing_id(record.agency, record.thing),
        "thing_name": text(record.thing),
        "name": text(record.datastream_name),
        "zone": text(record.zone),
        "evidence": Jsonb([{"name": text(one.name), "share": one.share} for one in record.evidence]),
        "facts": Jsonb(record.facts),
    }


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


def rejects(keep: int) -> Kind:
    """Counted, grouped, the latest of each group kept, `keep` bytes of each."""

    async def put(connection: Connection, parts: Sequence[Part], straight: bool) -> Rest:
        fresh = [(part.key[1], offset, reject) for part in parts for offset, reject in part.fresh]
        return Rest(await reject_statements(connection, fresh, keep))

    return Kind(put)


async def _redriven(connection: Connection, parts: Sequence[Part], straight: bool) -> Rest:
    for part in parts:
        await put_redriven(connection, part.key[1], [outcome for _, outcome in part.fresh])
    return Rest([])


ANOMALIES = _kind(_anomalies)
ALERTS = _kind(_alerts)
DELIVERIES = _kind(_deliveries)
DEAD_LETTERS = _kind(_dead_letters)
REDRIVEN = Kind(_redriven)

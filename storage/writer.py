"""Puts the records of the log into tables, each call in one transaction with the offset that follows them.

Observations go by `storage/frames.py`; here is the connection, and what follows from observations.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, TypeVar

from aedilis.frame import Frame
from aedilis.settings import Settings
from aedilis.vocabulary import Alert, Anomaly, DeadLetter, Delivery, Redriven, Reject
from storage.database import Connection, make_pool, queries, transaction
from storage.database import Refused as Refused
from storage.database import Unavailable as Unavailable
from storage.frames import Frames
from storage.observations import moment
from storage.progress import Stands
from storage.rejects import drop_unread, put_redriven, put_rejects

Q = queries("write")
T = TypeVar("T")


class Writer:
    """Writes for one process; safe to use from several tasks at once."""

    def __init__(self, settings: Settings) -> None:
        self.pool = make_pool(settings, size=6, lazy=True)
        self._stands = Stands()
        self._frames = Frames(self.pool, self._stands)
        self._keep = settings.reject_keep_bytes

    async def __aenter__(self) -> Writer:
        await self.pool.open(wait=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.pool.close()

    async def next_offset(self, topic: str, partition: int) -> int | None:
        """The offset after the last stored record; None when nothing was stored.

        Raises:
            Unavailable: the database cannot be reached.
        """
        async with transaction(self.pool) as connection:
            cursor = await connection.execute(Q["read_progress"], {"topic": topic, "partition": partition})
            row = await cursor.fetchone()
        if not row or not (row[0] or row[1]):
            return None
        offset, _, followed = row
        self._stands.saw({(topic, partition): offset})
        if followed < offset:
            self._frames.latest.behind((topic, partition), offset)
        return int(offset)

    async def _write(
        self,
        topic: str,
        partition: int,
        records: Sequence[tuple[int, T]],
        put: Callable[[Connection, list[tuple[int, T]]], Awaitable[None]],
    ) -> None:
        async with transaction(self.pool) as connection:
            stands = (await self._stands.lock(connection, [(topic, partition)]))[topic, partition]
            fresh = [(offset, record) for offset, record in records if offset >= stands]
            if not fresh:
                return
            await put(connection, fresh)
            next_offset = fresh[-1][0] + 1
            values = {"topic": topic, "partition": partition, "next_offset": next_offset, "records": len(fresh)}
            await connection.execute(Q["move_progress"], values)
        self._stands.saw({(topic, partition): next_offset})

    async def write_frames(self, topic: str, partition: int, frames: Sequence[tuple[int, Frame]]) -> None:
        """Store observations, their declarations and their counts.

        Raises:
            Unavailable: nothing was stored; call again.
            Refused: these frames can never be stored.
            WentBack: the database has lost what was stored before; nothing was stored.
        """
        await self._frames.write((topic, partition), frames)

    async def write_latest(self) -> None:
        """Bring the newest observation of each Datastream into the table. Raises: Unavailable."""
        await self._frames.latest.write()

    # ------------------------------------------------------------ what follows from observations

    async def write_anomalies(self, topic: str, partition: int, records: Sequence[tuple[int, Anomaly]]) -> None:
        """Store anomalies by identity and revision. Raises as `write_frames` does."""

        async def put(connection: Connection, fresh: list[tuple[int, Anomaly]]) -> None:
            await connection.cursor().executemany(Q["upsert_anomaly"], [_anomaly(record) for _, record in fresh])

        await self._write(topic, partition, records, put)

    async def write_alerts(self, topic: str, partition: int, records: Sequence[tuple[int, Alert]]) -> None:
        """Store alerts by identity and revision. Raises as `write_frames` does."""

        async def put(connection: Connection, fresh: list[tuple[int, Alert]]) -> None:
            await connection.cursor().executemany(Q["upsert_alert"], [_alert(record) for _, record in fresh])

        await self._write(topic, partition, records, put)

    async def write_rejects(self, topic: str, partition: int, records: Sequence[tuple[int, Reject]]) -> None:
        """Count rejects, group them, keep the latest samples. Raises as `write_frames` does."""

        async def put(connection: Connection, fresh: list[tuple[int, Reject]]) -> None:
            await put_rejects(connection, partition, fresh, self._keep)

        await self._write(topic, partition, records, put)

    async def write_redriven(self, topic: str, partition: int, records: Sequence[tuple[int, Redriven]]) -> None:
        """Store what became of rejects that were sent again. Raises as `write_frames` does."""

        async def put(connection: Connection, fresh: list[tuple[int, Redriven]]) -> None:
            await put_redriven(connection, partition, [outcome for _, outcome in fresh])

        await self._write(topic, partition, records, put)

    async def drop_rejects(self, beginnings: dict[int, int]) -> int:
        """Count as dropped the rejects that the log (partition → its first offset) has lost. Raises: Unavailable."""
        async with transaction(self.pool) as connection:
            return await drop_unread(connection, beginnings)

    async def write_deliveries(self, topic: str, partition: int, records: Sequence[tuple[int, Delivery]]) -> None:
        """Store the outcomes of notifications. Raises as `write_frames` does."""

        async def put(connection: Connection, fresh: list[tuple[int, Delivery]]) -> None:
            rows = []
            for _, record in fresh:
                row = {name: getattr(record, name) for name in record.__struct_fields__}
                rows.append({**row, "finished_at": moment(record.finished_at)})
            await connection.cursor().executemany(Q["upsert_delivery"], rows)

        await self._write(topic, partition, records, put)

    async def write_dead_letters(self, topic: str, partition: int, records: Sequence[tuple[int, DeadLetter]]) -> None:
        """Store records of the log that a role could not apply. Raises as `write_frames` does."""

        async def put(connection: Connection, fresh: list[tuple[int, DeadLetter]]) -> None:
            rows = [{name: getattr(record, name) for name in record.__struct_fields__} for _, record in fresh]
            rows = [{**row, "reason": row["reason"].replace("\0", "�")} for row in rows]  # PostgreSQL's text has no NUL
            await connection.cursor().executemany(Q["insert_dead_letter"], rows)

        await self._write(topic, partition, records, put)


def _maybe(time: int | None) -> datetime | None:
    return None if time is None else moment(time)


def _anomaly(record: Anomaly) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in record.__struct_fields__ if name not in ("revision", "ingested_at")}
    row |= {"revision_time": record.revision.event_time, "revision_sequence": record.revision.sequence}
    row |= {name: _maybe(row[name]) for name in ("starts_at", "detected_at", "ends_at")}
    return {**row, "received_at": moment(record.ingested_at)}


def _alert(record: Alert) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in record.__struct_fields__ if name != "revision"}
    row |= {"revision_time": record.revision.event_time, "revision_sequence": record.revision.sequence}
    row |= {name: _maybe(row[name]) for name in ("opened_at", "resolved_at")}
    return {**row, "anomalies": list(record.anomalies)}

"""Puts the records of the log into tables, each call in one transaction with the offset that follows them.

The row of `log_progress` is locked first, and what lies below its offset is skipped: a record that comes again, or a
stalled writer that wakes up, changes nothing. So only duplicates that MQTT brought ever meet a stored observation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, TypeVar

import msgspec
import numpy as np
import psycopg
from psycopg import errors as pg
from psycopg_pool import PoolTimeout

from aedilis import metrics
from aedilis.frame import Frame
from aedilis.identity import stable_id
from aedilis.settings import Settings
from aedilis.vocabulary import Alert, Anomaly, DeadLetter, Delivery, Quality, Reject, RejectReason
from storage.corrections import Content, Instant
from storage.database import Connection, make_pool, queries
from storage.declarations import Batch, Declarations
from storage.rows import COLUMNS, Rows, copy_blocks

Q = queries("write")
T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 3_600_000_000
_DOWN = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    PoolTimeout,
    pg.DiskFull,
    pg.SerializationFailure,
    pg.DeadlockDetected,
)


class Unavailable(Exception):
    """The database cannot be reached or cannot write for now; nothing was stored, the same call may be made again."""


class Refused(Exception):
    """The database refuses these data for good."""


def moment(time: int) -> datetime:
    """µs since 1970 as a UTC datetime."""
    return _EPOCH + timedelta(microseconds=time)


class Writer:
    """Writes for one process; safe to use from several tasks at once."""

    def __init__(self, settings: Settings) -> None:
        self.pool = make_pool(settings, size=6)
        self._declarations = Declarations()

    async def __aenter__(self) -> Writer:
        await self.pool.open(wait=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.pool.close()

    @asynccontextmanager
    async def _transaction(self) -> Any:
        try:
            async with self.pool.connection() as connection, connection.transaction():
                yield connection
        except _DOWN as error:
            raise Unavailable(str(error).strip()) from error
        except psycopg.Error as error:
            raise Refused(f"{type(error).__name__}: {error}".strip()) from error

    async def next_offset(self, topic: str, partition: int) -> int | None:
        """The offset after the last stored record; None when nothing was stored.

        Raises:
            Unavailable: the database cannot be reached.
        """
        async with self._transaction() as connection:
            cursor = await connection.execute(Q["read_progress"], {"topic": topic, "partition": partition})
            row = await cursor.fetchone()
        return row[0] if row and (row[0] or row[1]) else None

    async def _lock(self, connection: Connection, topic: str, partition: int) -> int:
        cursor = await connection.execute(Q["lock_progress"], {"topic": topic, "partition": partition})
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])

    async def _move(self, connection: Connection, topic: str, partition: int, last: int, records: int) -> None:
        values = {"topic": topic, "partition": partition, "next_offset": last + 1, "records": records}
        await connection.execute(Q["move_progress"], values)

    async def _write(
        self,
        topic: str,
        partition: int,
        records: Sequence[tuple[int, T]],
        put: Callable[[Connection, list[tuple[int, T]]], Any],
    ) -> None:
        async with self._transaction() as connection:
            next_offset = await self._lock(connection, topic, partition)
            fresh = [(offset, record) for offset, record in records if offset >= next_offset]
            if fresh:
                await put(connection, fresh)
                await self._move(connection, topic, partition, fresh[-1][0], len(fresh))

    # ------------------------------------------------------------ frames

    async def write_frames(self, topic: str, partition: int, frames: Sequence[tuple[int, Frame]]) -> None:
        """Store observations, their declarations and their counts.

        Raises:
            Unavailable: nothing was stored; call again.
            Refused: these frames can never be stored.
        """
        batches: list[Batch] = []

        async def put(connection: Connection, fresh: list[tuple[int, Frame]]) -> None:
            batch = Batch(self._declarations, connection)
            batches[:] = [batch]
            masks = [await batch.take(frame) for _, frame in fresh]
            rows = _rows([frame for _, frame in fresh], batch.sensors)
            known = np.concatenate(masks)
            accepted = rows if known.all() else rows.take(known)
            inserted, revisions = await self._observations(connection, partition, accepted)
            for (offset, frame), mask in zip(fresh, masks, strict=True):
                if not mask.all():
                    await self._refuse(connection, partition, offset, frame, ~mask, batch)
            await connection.execute(
                Q["count_frames"],
                {
                    "topic": topic,
                    "partition": partition,
                    "frames": len(fresh),
                    "observations": len(rows),
                    "inserted": inserted,
                    "revisions": revisions,
                    "duplicates": len(accepted) - inserted - revisions,
                    "refused": len(rows) - len(accepted),
                    "missing": int((rows.quality == Quality.MISSING).sum()),
                },
            )
            await self._processes(connection, partition, [frame for _, frame in fresh])
            counts.update(
                inserted=inserted,
                revision=revisions,
                duplicate=len(accepted) - inserted - revisions,
                refused=len(rows) - len(accepted),
            )

        counts: dict[str, int] = {}
        await self._write(topic, partition, frames, put)
        for batch in batches:  # committed
            self._declarations.learn(batch)
        for outcome, number in counts.items():
            metrics.ROWS.labels(outcome).inc(number)

    async def _refuse(
        self, connection: Connection, partition: int, offset: int, frame: Frame, refused: Any, batch: Batch
    ) -> None:
        """Observations of a frame that belong to no Datastream of theirs stand among the rejects, a sample of each."""
        process = frame.header.process
        names = {one.id: one for one in frame.header.datastreams}
        for number in np.unique(frame.datastream[refused]).tolist():
            at = np.flatnonzero(refused & (frame.datastream == number))
            last = int(at[-1])
            named = names.get(number)
            content = {
                "datastream": str(number),
                "phenomenon_time": int(frame.phenomenon_time[last]),
                "result": float(frame.result[last]),
            }
            payload = msgspec.json.encode(content)
            reject = Reject(
                process=process,
                topic=f"{named.thing.agency}/{named.thing.name}/{named.name}" if named else f"datastream {number}",
                payload=payload,
                payload_size=len(payload),
                reason=RejectReason.REFUSED_DATASTREAM,
                detail=batch.refused[process][number],
                received_at=int(frame.ingested_at[last]),
                sensor_type=frame.sensor_types[frame.sensor_type_code[last]],
                observations=len(at),
            )
            group = stable_id(reject.reason, process, number)
            await self._reject_group(connection, partition, group, [(offset, reject)])

    async def _observations(self, connection: Connection, partition: int, rows: Rows) -> tuple[int, int]:
        """(inserted, revisions): straight COPY, and the way over staging only for what meets a stored key."""
        if not len(rows):
            return 0, 0
        inserted, revisions = len(rows), 0
        straight = not rows.repeats()
        if straight:
            try:
                async with connection.transaction():
                    await _copy(connection, "observation", rows, ordered=False)
            except pg.UniqueViolation:
                straight = False
        if not straight:
            inserted, revisions = await self._stage(connection, rows)
        hours = [moment(int(hour) * _HOUR) for hour in np.unique(rows.phenomenon_time // _HOUR)]
        await connection.execute(Q["mark_dirty"], {"hours": hours, "partition": partition})
        newest = rows.newest()
        latest: dict[str, list[Any]] = {
            "ids": newest.datastream.tolist(),
            "times": [moment(time) for time in newest.phenomenon_time.tolist()],
        }
        if straight:
            latest["results"] = [None if result != result else result for result in newest.result.tolist()]
            latest["qualities"] = newest.quality.tolist()
        await connection.execute(Q["update_latest" if straight else "update_latest_as_stored"], latest)
        return inserted, revisions

    async def _stage(self, connection: Connection, rows: Rows) -> tuple[int, int]:
        low, high = moment(int(rows.phenomenon_time.min())), moment(int(rows.phenomenon_time.max()))

        def bounded(name: str) -> psycopg.sql.Composed:  # literals let the planner leave other chunks out
            text = psycopg.sql.SQL(Q[name])
            return text.format(low=psycopg.sql.Literal(low), high=psycopg.sql.Literal(high))

        await connection.execute(Q["make_staging"])
        await _copy(connection, "staging", rows, ordered=True)
        await connection.execute("analyze staging")
        contested = await (await connection.execute(bounded("contested"))).fetchall()
        inserted = (await connection.execute(bounded("insert_uncontested"))).rowcount
        await connection.execute("drop table staging")
        instants = await self._settle(connection, contested)
        return inserted + sum(one.inserted for one in instants), sum(one.revised for one in instants)

    async def _settle(self, connection: Connection, contested: Sequence[tuple[Any, ...]]) -> list[Instant]:
        """Decide each instant for which several results came, and write what follows."""
        instants: dict[tuple[int, datetime], Instant] = {}
        came: dict[tuple[int, datetime], list[Content]] = {}
        for datastream, time, *columns in contested:
            key = (datastream, time)
            if key not in instants:
                stored = columns[_CONTENT + 1 :]
                instants[key] = Instant(_content(stored) if columns[_CONTENT] else None)
            came.setdefault(key, []).append(_content(columns[:_CONTENT]))
        keys = {"datastreams": [key[0] for key in instants], "times": [key[1] for key in instants]}
        for datastream, time, *columns in await (await connection.execute(Q["revisions_of"], keys)).fetchall():
            instants[datastream, time].revisions.append(Content(*columns))
        standing: list[dict[str, Any]] = []
        replaced: list[dict[str, Any]] = []
        for key, instant in instants.items():
            before, known = instant.stands, len(instant.revisions)
            instant.take(came[key])
            replaced += [_columns(key, content) for content in instant.revisions[known:]]
            if instant.stands is not None and instant.stands != before:
                standing.append(_columns(key, instant.stands))
        await connection.cursor().executemany(Q["insert_revision"], replaced)
        await connection.cursor().executemany(Q["put_observation"], standing)
        return list(instants.values())

    async def _processes(self, connection: Connection, partition: int, frames: list[Frame]) -> None:
        latest = {frame.header.process: frame.header for frame in frames}
        stored = Counter(frame.header.process for frame in frames)
        for header in latest.values():
            counts = header.counts
            await connection.execute(
                Q["count_process"],
                {
                    "process": header.process,
                    "partition": partition,
                    "frames": stored[header.process],
                    "sequence": header.sequence,
                    "messages": counts.messages,
                    "messages_rejected": counts.messages_rejected,
                    "published": counts.published,
                    "observations_rejected": counts.observations_rejected,
                    "missing": counts.missing,
                    "framed": counts.framed,
                    "closed": header.closing,
                },
            )

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
            groups: dict[int, list[tuple[int, Reject]]] = {}
            processes: dict[tuple[str, str], list[Reject]] = {}
            for offset, reject in fresh:
                group = stable_id(reject.reason, reject.sensor_type or "", topic_shape(reject.topic))
                groups.setdefault(group, []).append((offset, reject))
                processes.setdefault((reject.process, reject.reason), []).append(reject)
            for group in sorted(groups):  # in one order, so that partitions do not wait for each other in a circle
                await self._reject_group(connection, partition, group, groups[group])
            for (process, reason), rejects in sorted(processes.items()):
                whole = sum(1 for reject in rejects if not reject.observations)
                values = {"process": process, "reason": reason, "messages": whole}
                values["observations"] = sum(reject.observations for reject in rejects)
                await connection.execute(Q["count_rejects"], values)

        await self._write(topic, partition, records, put)

    async def _reject_group(
        self, connection: Connection, partition: int, group: int, rejects: list[tuple[int, Reject]]
    ) -> None:
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
        for offset, reject in rejects[-5:]:
            await connection.execute(
                Q["insert_reject_sample"],
                {
                    "group": group,
                    "partition": partition,
                    "offset": offset,
                    "topic": _text(reject.topic),
                    "payload": reject.payload,
                    "payload_size": reject.payload_size,
                    "detail": _text(reject.detail),
                    "value_path": _text(reject.value_path),
                    "received_at": moment(reject.received_at),
                },
            )
        await connection.execute(Q["trim_reject_samples"], {"group": group})

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
            rows = [{**row, "reason": _text(row["reason"])} for row in rows]
            await connection.cursor().executemany(Q["insert_dead_letter"], rows)

        await self._write(topic, partition, records, put)


_CONTENT = 7
"""Columns of one content in the query `contested`."""


def _content(columns: Sequence[Any]) -> Content:
    result, result_time, *others = columns
    return Content(result, result_time, tuple(others))


def _columns(key: tuple[int, datetime], content: Content) -> dict[str, Any]:
    names = ("quality", "tests", "sensor", "ingested_at", "raw_flag")
    own = {"datastream": key[0], "phenomenon_time": key[1], "result": content.result}
    return {**own, "result_time": content.result_time, **dict(zip(names, content.row, strict=True))}


def topic_shape(topic: str) -> str:
    """A topic with its numbers and its third level, the Thing, replaced by `*`, so that alike ones group."""
    levels = [re.sub(r"\d+", "*", level)[:80] for level in topic.replace("\0", "�").split("/")[:8]]
    if len(levels) > 2:
        levels[2] = "*"
    return "/".join(levels)


def _text(value: str | None) -> str | None:
    """PostgreSQL's text holds no NUL."""
    return value.replace("\0", "�") if value is not None else None


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


def _rows(frames: list[Frame], sensors: dict[str, int]) -> Rows:
    """The observations of several frames as one."""

    def joined(name: str) -> Any:
        return np.concatenate([getattr(frame, name) for frame in frames])

    def words(frame: Frame) -> Any:
        table = np.array([*frame.raw_flags, None], object)
        return table[frame.raw_flag_code]  # -1 is the last: none

    def numbers(frame: Frame) -> Any:
        return np.array([sensors[name] for name in frame.sensor_types] or [0], np.int32)[frame.sensor_type_code]

    return Rows(
        datastream=joined("datastream"),
        phenomenon_time=joined("phenomenon_time"),
        result=joined("result"),
        quality=joined("quality"),
        tests=joined("tests"),
        sensor=np.concatenate([numbers(frame) for frame in frames]),
        result_time=joined("result_time"),
        ingested_at=joined("ingested_at"),
        raw_flag=np.concatenate([words(frame) for frame in frames]),
    )


async def _copy(connection: Connection, table: str, rows: Rows, *, ordered: bool) -> None:
    statement = psycopg.sql.SQL("copy {} (" + COLUMNS + ") from stdin (format binary)")
    async with connection.cursor().copy(statement.format(psycopg.sql.Identifier(table))) as copy:
        for block in copy_blocks(rows, ordered=ordered):
            await copy.write(block)

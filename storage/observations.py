"""Observations into their table: straight COPY, and the way over staging for what meets a stored key.

Rows are copied in the order of the key, so that each page of the index is touched once and not once a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from psycopg import errors

from aedilis.frame import Frame
from storage.corrections import Content, Instant
from storage.database import Connection, queries
from storage.lane import Stored
from storage.rows import COLUMNS, Rows, copy_blocks

Q = queries("write")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(time: int) -> datetime:
    """µs since 1970 as a UTC datetime."""
    return _EPOCH + timedelta(microseconds=time)


def rows_of(frames: Sequence[Frame], sensors: dict[str, int]) -> Rows:
    """The observations of several frames as one, in their order."""

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
        raw_flag=np.concatenate([words(frame) for frame in frames]) if any(f.raw_flags for f in frames) else None,
    )


async def copy_new(connection: Connection, rows: Rows) -> None:
    """Copy rows that are in the order of their key.

    Raises:
        Stored: not all keys are new; the transaction is lost.
    """
    if rows.repeats():
        raise Stored
    try:
        await _copy(connection, "observation", rows, ordered=False)
    except errors.UniqueViolation as error:
        raise Stored from error


async def merge(connection: Connection, rows: Rows) -> tuple[int, int]:
    """Store rows in the order of the log, whatever is stored already. Returns how many are (inserted, revisions)."""
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
    instants = await _settle(connection, contested)
    newest = rows.in_order().newest()
    times = [moment(time) for time in newest.phenomenon_time.tolist()]
    await connection.execute(Q["update_latest_as_stored"], {"ids": newest.datastream.tolist(), "times": times})
    return inserted + sum(one.inserted for one in instants), sum(one.revised for one in instants)


async def _settle(connection: Connection, contested: Sequence[tuple[Any, ...]]) -> list[Instant]:
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


_CONTENT = 7
"""Columns of one content in the query `contested`."""


def _content(columns: Sequence[Any]) -> Content:
    result, result_time, *others = columns
    return Content(result, result_time, tuple(others))


def _columns(key: tuple[int, datetime], content: Content) -> dict[str, Any]:
    names = ("quality", "tests", "sensor", "ingested_at", "raw_flag")
    own = {"datastream": key[0], "phenomenon_time": key[1], "result": content.result}
    return {**own, "result_time": content.result_time, **dict(zip(names, content.row, strict=True))}


async def _copy(connection: Connection, table: str, rows: Rows, *, ordered: bool) -> None:
    statement = psycopg.sql.SQL("copy {} (" + COLUMNS + ") from stdin (format binary)")
    async with connection.cursor().copy(statement.format(psycopg.sql.Identifier(table))) as copy:
        for block in copy_blocks(rows, ordered=ordered):
            await copy.write(block)

"""Keeps the tables within their bounds, on both editions of TimescaleDB: whole chunks of observations go, the oldest
first, and are counted; other tables lose what is old. `docs/retention.md` tells all bounds.

Age is counted from when something was stored, so that a replay of old data is kept as long as what is new. A late
observation of a span that went is stored, and goes as all others do: after as long, or when the bytes are too many.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from aedilis.settings import Settings
from aedilis.topics import PARTITIONS
from storage.database import Connection, Pool, queries
from storage.rejects import fold

log = logging.getLogger(__name__)
Q = queries("retention")
LOCK = 0x7265_7461
"""Advisory lock of the job."""
LETTERS = 1_000
"""Dead letters: each holds a record, and a record may have megabytes."""
OUTCOMES = 1_000_000
"""Of rejects that were sent again; whoever sent them has read them by then."""


class Retention:
    """The job of one process."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings
        self._young: dict[str, datetime] = {}

    async def keep(self) -> None:
        """Bring every table within its bounds; does nothing while another process is at it."""
        for table in ("observation", "rollup_hour"):
            while await self._drop_one(table):
                pass
        kept, found = self._settings.keep_days, self._settings.keep_found_days
        accounts = self._settings.keep_reject_days
        for name, values in (
            ("revisions", {"days": kept}),
            ("deliveries", {"days": found}),
            ("alerts", {"days": found}),
            ("anomalies", {"days": found}),
            ("reject_groups", {"days": accounts}),
            ("redriven", {"days": accounts, "outcomes": OUTCOMES}),
            ("dead_letters", {"days": accounts, "letters": LETTERS}),
            ("processes", {"days": accounts, "partitions": PARTITIONS}),
            ("refusals", {}),
        ):
            async with self._pool.connection() as connection, connection.transaction():
                if not await _mine(connection):
                    return
                await connection.execute(Q[name], values)
        async with self._pool.connection() as connection, connection.transaction():
            if await _mine(connection):
                await fold(connection)

    async def _drop_one(self, table: str) -> bool:
        """Drop the oldest chunk that must go. Returns whether there was one."""
        async with self._pool.connection() as connection, connection.transaction():
            if not await _mine(connection):
                return False
            chunks = await (await connection.execute(Q["chunks"], {"table": table})).fetchall()
            for number, (schema, name, start, end, size) in enumerate(chunks):
                chunk = sql.Identifier(schema, name)
                why = await self._why(connection, table, chunks[number:], chunk)
                if why is None:
                    continue
                values = {"table": table, "name": name, "start": start, "end": end, "bytes": size, "why": why}
                await connection.execute(sql.SQL(Q["lock_chunk"]).format(chunk=chunk))
                if table == "observation":
                    noted = await connection.execute(sql.SQL(Q["note_drop"]).format(chunk=chunk), values)
                    rows = await noted.fetchone()
                    await connection.execute(Q["drop_revisions"], values)
                    log.info("%s observations of %s to %s dropped: %s", rows and rows[0], start, end, why)
                await connection.execute(Q["drop"], values)
                return True
        return False

    async def _why(
        self, connection: Connection, table: str, chunks: list[Any], chunk: psycopg.sql.Identifier
    ) -> str | None:
        """Why the first of these chunks must go; None if it may stay."""
        _, name, _, end, _ = chunks[0]
        now = datetime.now(UTC)
        if table == "rollup_hour":
            oldest = await (await connection.execute(Q["chunks"], {"table": "observation"})).fetchone()
            followed = oldest is not None and end > oldest[2]
            return "age" if end < now - timedelta(days=self._settings.keep_found_days) and not followed else None
        if len(chunks) > 1 and sum(size for *_, size in chunks) > self._settings.keep_bytes:
            return "bytes"
        age = timedelta(days=self._settings.keep_days)
        if end > now - age or self._young.get(name, now) > now:
            return None
        stored = await (await connection.execute(sql.SQL(Q["stored_last"]).format(chunk=chunk))).fetchone()
        if stored is None or stored[0] is None or stored[0] <= now - age:
            return "age"
        self._young[name] = stored[0] + age
        return None


async def _mine(connection: Connection) -> bool:
    """Whether no other process is at it."""
    await connection.execute(Q["patience"])
    return bool((await (await connection.execute(Q["lock"], {"lock": LOCK})).fetchone() or [False])[0])

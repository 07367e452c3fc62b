"""Keeps the hourly rollups: computes again the hours that writers have marked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from storage.database import Connection, queries

Q = queries("rollup")
HOURS_AT_ONCE = 500


async def refresh(pool: AsyncConnectionPool[Connection]) -> int:
    """Compute marked hours anew until none is left. Returns how many were done.

    A mark whose writer has not committed is locked and passed by; late observations mark their hour again.
    """
    done = 0
    while True:
        async with pool.connection(timeout=5) as connection, connection.transaction():
            cursor = await connection.execute(Q["claim_dirty"], {"limit": HOURS_AT_ONCE})
            hours: list[Any] = sorted({row[0] for row in await cursor.fetchall()})
            if not hours:
                return done
            text = sql.SQL(Q["refresh_hours"]).format(
                low=sql.Literal(hours[0]), high=sql.Literal(hours[-1] + timedelta(hours=1))
            )
            await connection.execute(text, {"hours": hours})
            done += len(hours)

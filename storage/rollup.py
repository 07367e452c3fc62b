"""Keeps the hourly rollups: computes the hours that writers have marked, when nothing marks them any more.

An hour that still fills would be computed again and again, and each time from all its rows. So it is left until it has
been quiet, and no longer than `PATIENCE`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg import sql

from storage.database import Pool, queries

Q = queries("rollup")
LOCK = 0x726F_6C6C
"""Advisory lock of the job."""
QUIET = timedelta(seconds=1)
PATIENCE = timedelta(minutes=10)
HOURS_AT_ONCE = 48


async def refresh(pool: Pool, quiet: timedelta = QUIET) -> int:
    """Compute the hours that are due until none is left. Returns how many were done; 0 while another process does it."""
    done = 0
    while True:
        async with pool.connection(timeout=5) as connection, connection.transaction():
            if not (await (await connection.execute(Q["lock"], {"lock": LOCK})).fetchone() or [False])[0]:
                return done
            values = {"quiet": quiet, "patience": PATIENCE, "limit": HOURS_AT_ONCE}
            due: list[Any] = await (await connection.execute(Q["due"], values)).fetchall()
            if due:
                hours = [hour for hour, _ in due]
                text = sql.SQL(Q["refresh_hours"]).format(  # literals let the planner leave other chunks out
                    low=sql.Literal(hours[0]), high=sql.Literal(hours[-1] + timedelta(hours=1))
                )
                await connection.execute(Q["plan"])
                await connection.execute(text, {"hours": hours})
                await connection.execute(Q["done"], {"hours": hours, "marks": [marks for _, marks in due]})
        done += len(due)
        if len(due) < HOURS_AT_ONCE:
            return done

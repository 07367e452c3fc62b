"""The table of sensor types, for pages and other tools: all versions that ever were, and which are in force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from storage.database import Pool, queries, transaction

Q = queries("types")
LOCK = 0x7479_7065
"""Advisory lock of the writers."""


class TypeRow(TypedDict):
    """One version."""

    name: str
    version: int
    title: str
    topic: str
    text: str
    in_force: bool
    applied_at: datetime | None
    applied_by: str
    note: str


async def write_types(pool: Pool, rows: Sequence[TypeRow]) -> None:
    """Bring the table to these rows. What is not among them stays: a version that was is for good.

    Raises:
        Unavailable: nothing was stored, the same may be tried again.
    """
    standing = [(row["name"], row["version"]) for row in rows if row["in_force"]]
    names, versions = [name for name, _ in standing], [version for _, version in standing]
    async with transaction(pool) as connection:
        await connection.execute(Q["lock"], {"lock": LOCK})
        await connection.execute(Q["none_in_force"], {"names": names, "versions": versions})
        await connection.cursor().executemany(Q["upsert"], rows)

"""Where each partition of each topic stands: the rule of order on the side of the database.

The row of `log_progress` is locked first, and what lies below its offset is skipped: a record that comes again, or a
stalled writer that wakes up, changes nothing. A commit does not wait for the disk, so a crash of the server may take
the last moments back, rows and offset together. Then the offset lies below what this process has seen, nothing may be
written there, and the log is read again from where the database stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.database import Connection, Partition, queries

Q = queries("write")


class WentBack(Exception):
    """The database stands before what was committed: its server crashed. Load, and go on from there."""


class Stands:
    """Up to where one process has seen the database."""

    def __init__(self) -> None:
        self._seen: dict[Partition, int] = {}

    def saw(self, stands: dict[Partition, int]) -> None:
        """It stands there, as was read or committed."""
        self._seen.update(stands)

    async def lock(self, connection: Connection, keys: Sequence[Partition]) -> dict[Partition, int]:
        """The next offset of each, locked to the end of the transaction.

        Raises:
            WentBack: it lies before what was seen.
        """
        values = {"topics": [topic for topic, _ in keys], "partitions": [number for _, number in keys]}
        rows = await (await connection.execute(Q["lock_progress"], values)).fetchall()
        if len(rows) < len(keys):
            await connection.execute(Q["begin_progress"], values)
            rows = await (await connection.execute(Q["lock_progress"], values)).fetchall()
        stands = {(topic, number): int(offset) for topic, number, offset in rows}
        for key, offset in stands.items():
            if offset < self._seen.get(key, 0):
                raise WentBack(f"{key[0]}-{key[1]}: expected {self._seen[key]}, got {offset}")
        return stands

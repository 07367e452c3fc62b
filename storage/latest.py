"""The newest observation of each Datastream, kept beside the transactions of the rows and not in them.

With a hundred thousand Datastreams nearly every observation is the newest of its own, and an update costs more than
the row. So they are collected, of each Datastream the newest stays, and `write` brings them into the table. How far
that has come stands in `log_progress.followed_offset`: what a dead process had not written is looked up by its successor.
"""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import numpy.typing as npt

from storage.database import Connection, Partition, Pool, queries, transaction
from storage.rows import Rows

Q = queries("latest")
AT_ONCE = 5_000
"""Datastreams in one transaction: stored rows do not wait for longer than that takes."""
TOGETHER = 50_000
"""So many collected rows are thinned to the newest of each Datastream."""


class Latest:
    """What one process has stored and not yet told."""

    def __init__(self, pool: Pool, lane: asyncio.Lock) -> None:
        self._pool = pool
        self._lane = lane
        self._newest: list[Rows] = []
        self._offsets: dict[Partition, int] = {}
        self._behind: dict[Partition, int] = {}

    def behind(self, partition: Partition, offset: int) -> None:
        """Somebody stored up to this offset and did not tell."""
        self._behind[partition] = offset

    def add(self, newest: Rows, offsets: dict[Partition, int]) -> None:
        """Rows that were committed, one of each Datastream, and up to where their partitions stand with them."""
        self._offsets.update(offsets)
        if len(newest):
            self._newest.append(newest)
            if sum(map(len, self._newest)) > 2 * len(self._newest[0]) + TOGETHER:
                self._newest = [_thinned(self._newest)]

    async def write(self) -> None:
        """Bring into the table what has come so far.

        Raises:
            Unavailable: it stays for the next time.
        """
        for partition, offset in list(self._behind.items()):
            async with self._lane, transaction(self._pool) as connection:
                await connection.execute(Q["catch_up"], {"partition": partition[1]})
                await _followed(connection, {partition: offset})
            if self._behind[partition] == offset:
                del self._behind[partition]
        if not self._offsets:
            return
        rows, self._newest = self._newest, []
        offsets, self._offsets = self._offsets, {}
        try:
            if rows:
                rows = [_thinned(rows)]
                await self._update(rows[0])
            async with self._lane, transaction(self._pool) as connection:
                await _followed(connection, offsets)
        except BaseException:
            self._newest[:0] = rows
            self._offsets = {**offsets, **self._offsets}
            raise

    async def _update(self, newest: Rows) -> None:
        for start in range(0, len(newest), AT_ONCE):
            part = newest.take(np.arange(start, min(start + AT_ONCE, len(newest))))
            values = {
                "ids": _literal(part.datastream),
                "times": _literal(part.phenomenon_time),
                "results": _literal(part.result),
                "qualities": _literal(part.quality),
            }
            async with self._lane, transaction(self._pool) as connection:
                await connection.execute(Q["update"], values)


def _literal(column: npt.NDArray[Any]) -> str:
    """An array as PostgreSQL reads it; ten times as fast as element by element."""
    return "{" + str(column.tolist())[1:-1] + "}"


def _thinned(rows: list[Rows]) -> Rows:
    return Rows.joined(rows).in_order().newest()


async def _followed(connection: Connection, offsets: dict[Partition, int]) -> None:
    values = {"topics": [topic for topic, _ in offsets], "partitions": [number for _, number in offsets]}
    await connection.execute(Q["followed"], {**values, "offsets": list(offsets.values())})

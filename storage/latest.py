"""The newest observation of each Datastream, kept beside the transactions of the rows and not in them.

With a hundred thousand Datastreams nearly every observation is the newest of its own, and an update costs more than
the row. So the newest of each is held in columns, and `write` brings what is new into the table. How far that has come
stands in `log_progress.followed_offset`: what a dead process had not written is looked up by its successor.
"""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import numpy.typing as npt

from storage.database import Connection, Partition, Pool, queries, transaction
from storage.rows import Rows

Q = queries("latest")
AT_ONCE = 1_000
"""Datastreams in one transaction: stored rows do not wait for longer than that takes."""


class Newest:
    """Of each Datastream its newest observation, and whether that is still to be told."""

    def __init__(self) -> None:
        self._ids = np.empty(0, np.int64)  # ascending
        self._times = np.empty(0, np.int64)
        self._results = np.empty(0, np.float64)
        self._qualities = np.empty(0, np.uint8)
        self._untold = np.empty(0, bool)

    def add(self, newest: Rows) -> None:
        """Rows in the order of their key, one of each Datastream."""
        at = self._places(newest.datastream)
        newer = newest.phenomenon_time > self._times[at]
        at = at[newer]
        self._times[at] = newest.phenomenon_time[newer]
        self._results[at] = newest.result[newer]
        self._qualities[at] = newest.quality[newer]
        self._untold[at] = True

    def _places(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
        at = np.searchsorted(self._ids, ids)
        known = np.append(self._ids, 0).take(at) == ids
        known &= at < len(self._ids)
        if known.all():
            return at
        new = at[~known]
        self._ids = np.insert(self._ids, new, ids[~known])
        self._times = np.insert(self._times, new, np.iinfo(np.int64).min)
        self._results = np.insert(self._results, new, np.nan)
        self._qualities = np.insert(self._qualities, new, 0)
        self._untold = np.insert(self._untold, new, False)
        shifted: npt.NDArray[np.intp] = at + np.concatenate([[0], np.cumsum(~known)[:-1]])
        return shifted

    def untold(self) -> npt.NDArray[np.int64]:
        """The Datastreams of which something is to be told, ascending."""
        return self._ids[self._untold]

    def tell(self, ids: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
        """The columns of these Datastreams as they are now, which count as told from now on."""
        at = self._places(ids)
        self._untold[at] = False
        return {"times": self._times[at], "results": self._results[at], "qualities": self._qualities[at]}

    def tell_again(self, ids: npt.NDArray[np.int64]) -> None:
        """It did not arrive."""
        self._untold[self._places(ids)] = True


class Latest:
    """What one process has stored and not yet told."""

    def __init__(self, pool: Pool, lane: asyncio.Lock) -> None:
        self._pool = pool
        self._lane = lane
        self._newest = Newest()
        self._offsets: dict[Partition, int] = {}
        self._behind: dict[Partition, int] = {}

    def behind(self, partition: Partition, offset: int) -> None:
        """Somebody stored up to this offset and did not tell."""
        self._behind[partition] = offset

    def add(self, newest: Rows | None, offsets: dict[Partition, int]) -> None:
        """Rows that were committed, one of each Datastream, and up to where their partitions stand with them."""
        self._offsets.update(offsets)
        if newest is not None:
            self._newest.add(newest)

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
        offsets, self._offsets = self._offsets, {}
        try:
            ids = self._newest.untold()
            for start in range(0, len(ids), AT_ONCE):
                await self._update(ids[start : start + AT_ONCE])
            async with self._lane, transaction(self._pool) as connection:
                await _followed(connection, offsets)
        except BaseException:
            self._offsets = {**offsets, **self._offsets}
            raise

    async def _update(self, ids: npt.NDArray[np.int64]) -> None:
        async with self._lane:
            columns = self._newest.tell(ids)
            values = {"ids": _literal(ids), **{name: _literal(column) for name, column in columns.items()}}
            try:
                async with transaction(self._pool) as connection:
                    await connection.execute(Q["update"], values)
            except BaseException:
                self._newest.tell_again(ids)
                raise


def _literal(column: npt.NDArray[Any]) -> str:
    """An array as PostgreSQL reads it; ten times as fast as element by element."""
    return "{" + str(column.tolist())[1:-1] + "}"


async def _followed(connection: Connection, offsets: dict[Partition, int]) -> None:
    values = {"topics": [topic for topic, _ in offsets], "partitions": [number for _, number in offsets]}
    await connection.execute(Q["followed"], {**values, "offsets": list(offsets.values())})

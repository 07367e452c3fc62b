"""Puts the records of the log into tables, with the offsets that follow them.

How they share transactions is in `storage/lane.py`, what becomes of observations in `storage/frames.py`, of all else in
`storage/found.py`; here is the connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from aedilis.frame import Frame
from aedilis.settings import Settings
from aedilis.vocabulary import Alert, Anomaly, DeadLetter, Delivery, Redriven, Reject
from storage import found
from storage.database import Refused as Refused
from storage.database import Unavailable as Unavailable
from storage.database import make_pool, queries, transaction
from storage.frames import Frames
from storage.lane import Kind, Lane
from storage.latest import Latest
from storage.progress import Stands
from storage.rejects import drop_unread

Q = queries("write")


class Writer:
    """Writes for one process; safe to use from several tasks at once.

    All `write_…` but `write_latest` take consecutive records of one partition with their offsets, and raise

    - `Unavailable`: nothing was stored; call again.
    - `Refused`: these records can never be stored.
    - `WentBack`: the database has lost what was stored before; nothing was stored.
    """

    def __init__(self, settings: Settings) -> None:
        self.pool = make_pool(settings, size=6, lazy=True)
        self._stands = Stands()
        self._lane = Lane(self.pool, self._stands)
        self._latest = Latest(self.pool, self._lane.lock)
        self._observations = Kind(Frames(self._latest).put, follows=True)
        self._rejects = found.rejects(settings.reject_keep_bytes)

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
            self._latest.behind((topic, partition), offset)
        return int(offset)

    async def _write(self, kind: Kind, topic: str, partition: int, records: Sequence[tuple[int, Any]]) -> None:
        await self._lane.write(kind, (topic, partition), records, len(records))

    async def write_frames(self, topic: str, partition: int, frames: Sequence[tuple[int, Frame]]) -> None:
        """Store observations, their declarations and their counts."""
        rows = sum(len(frame) for _, frame in frames)
        await self._lane.write(self._observations, (topic, partition), frames, rows)

    async def write_latest(self) -> None:
        """Bring the newest observation of each Datastream into the table. Raises: Unavailable."""
        await self._latest.write()

    async def write_anomalies(self, topic: str, partition: int, records: Sequence[tuple[int, Anomaly]]) -> None:
        """Store anomalies by identity and revision."""
        await self._write(found.ANOMALIES, topic, partition, records)

    async def write_alerts(self, topic: str, partition: int, records: Sequence[tuple[int, Alert]]) -> None:
        """Store alerts by identity and revision."""
        await self._write(found.ALERTS, topic, partition, records)

    async def write_rejects(self, topic: str, partition: int, records: Sequence[tuple[int, Reject]]) -> None:
        """Count rejects, group them, keep the latest samples."""
        await self._write(self._rejects, topic, partition, records)

    async def write_redriven(self, topic: str, partition: int, records: Sequence[tuple[int, Redriven]]) -> None:
        """Store what became of rejects that were sent again."""
        await self._write(found.REDRIVEN, topic, partition, records)

    async def drop_rejects(self, beginnings: dict[int, int]) -> int:
        """Count as dropped the rejects that the log (partition → its first offset) has lost. Raises: Unavailable."""
        async with transaction(self.pool) as connection:
            return await drop_unread(connection, beginnings)

    async def write_deliveries(self, topic: str, partition: int, records: Sequence[tuple[int, Delivery]]) -> None:
        """Store the outcomes of notifications."""
        await self._write(found.DELIVERIES, topic, partition, records)

    async def write_dead_letters(self, topic: str, partition: int, records: Sequence[tuple[int, DeadLetter]]) -> None:
        """Store records of the log that a role could not apply."""
        await self._write(found.DEAD_LETTERS, topic, partition, records)

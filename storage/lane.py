"""What is written from the log goes through one lane: one transaction after the other, in each what has gathered.

     frames of 8 partitions ─▶ ┐                                    ┌─▶ rows, counts
     anomalies, alerts, … ───▶ ├─ what waits goes in a transaction ─┼─▶ what else there is
                               ┘                                    └─▶ offsets

A transaction costs as much as a thousand rows, each of its statements a walk to the server and back. So little waits
when little comes, and the more comes the more goes together. One that meets what is stored already, or that the
database refuses, is undone, and each partition goes alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

from storage.database import Connection, Partition, Pool, Refused, queries, transaction
from storage.progress import Stands, WentBack

Q = queries("write")
GATHER_SECONDS = 0.04
"""From the beginning of one transaction to that of the next it takes at least so long."""
ROWS_TOGETHER = 50_000
"""A transaction takes on partitions until it has so many rows: more would not be quicker, and keep others waiting."""

Statement = tuple[LiteralString, dict[str, Any]]


class Stored(Exception):
    """A key of these rows is stored already, or stands twice among them: they must go over staging."""


@dataclass
class Part:
    """The records of one partition. `fresh` are those that the database does not have yet."""

    kind: Kind
    key: Partition
    records: Sequence[tuple[int, Any]]
    rows: int
    done: asyncio.Future[None]
    fresh: list[tuple[int, Any]] = field(default_factory=list)

    @property
    def next_offset(self) -> int:
        """The offset that follows them."""
        return self.fresh[-1][0] + 1


@dataclass
class Rest:
    """What is left to do for some parts: statements of which no answer is needed, and what follows the commit."""

    statements: list[Statement]
    committed: Callable[[], None] | None = None


@dataclass(frozen=True, eq=False)
class Kind:
    """How the records of a topic are stored.

    `put` gets the fresh records of several partitions, and whether they may be taken for new. It raises `Stored` when
    they are not. `follows`: something is brought into tables after the transaction, see `storage/latest.py`.
    """

    put: Callable[[Connection, Sequence[Part], bool], Awaitable[Rest]]
    follows: bool = False


class Lane:
    """The lane of one process; `lock` is held during a transaction."""

    def __init__(self, pool: Pool, stands: Stands) -> None:
        self.lock = asyncio.Lock()
        self._pool = pool
        self._stands = stands
        self._waiting: list[Part] = []
        self._turn: asyncio.Task[None] | None = None
        self._began = float("-inf")

    async def write(self, kind: Kind, key: Partition, records: Sequence[tuple[int, Any]], rows: int) -> None:
        """Store the records of one partition, together with what else waits."""
        part = Part(kind, key, records, rows, asyncio.get_running_loop().create_future())
        self._waiting.append(part)
        if self._turn is None or self._turn.done():
            self._turn = asyncio.create_task(self._take_turns())
        await part.done

    async def _take_turns(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._began + GATHER_SECONDS - time.monotonic())
            async with self.lock:
                self._began = time.monotonic()
                together = [self._waiting.pop(0)]
                rows = together[0].rows
                while self._waiting and rows < ROWS_TOGETHER:
                    together.append(self._waiting.pop(0))
                    rows += together[-1].rows
                await self._write(sorted(together, key=lambda part: part.key))

    async def _write(self, parts: list[Part]) -> None:
        try:
            await self._transaction(parts, straight=True)
        except (Stored, Refused, WentBack) as error:
            if len(parts) > 1:
                for part in parts:
                    await self._write([part])
            elif isinstance(error, Stored):
                await self._alone(parts[0])
            else:
                _tell(parts[0], error)
        except Exception as error:
            for part in parts:
                _tell(part, error)
        else:
            for part in parts:
                _tell(part)

    async def _alone(self, part: Part) -> None:
        """Rows that are stored already in part, or that come twice."""
        try:
            await self._transaction([part], straight=False)
        except Exception as error:
            _tell(part, error)
        else:
            _tell(part)

    async def _transaction(self, parts: list[Part], *, straight: bool) -> None:
        async with transaction(self._pool) as connection:
            stands = await self._stands.lock(connection, [part.key for part in parts])
            for part in parts:
                part.fresh = [one for one in part.records if one[0] >= stands[part.key]]
            fresh = [part for part in parts if part.fresh]
            if not fresh:
                return
            kinds: dict[Kind, list[Part]] = {}
            for part in fresh:
                kinds.setdefault(part.kind, []).append(part)
            rests = [await kind.put(connection, its, straight) for kind, its in kinds.items()]
            async with connection.pipeline():
                for rest in rests:
                    for query, values in rest.statements:
                        await connection.execute(query, values)
                await connection.execute(Q["move_progress"], _progress(fresh))
        self._stands.saw({part.key: part.next_offset for part in fresh})
        for rest in rests:
            if rest.committed is not None:
                rest.committed()


def _progress(parts: Sequence[Part]) -> dict[str, list[Any]]:
    return {
        "topics": [part.key[0] for part in parts],
        "partitions": [part.key[1] for part in parts],
        "next_offsets": [part.next_offset for part in parts],
        "records": [len(part.fresh) for part in parts],
        "follow": [part.kind.follows for part in parts],
    }


def _tell(part: Part, error: Exception | None = None) -> None:
    """Who waited for it may be gone by now: its partition was revoked."""
    if part.done.done():
        return
    if error is None:
        part.done.set_result(None)
    else:
        part.done.set_exception(error)

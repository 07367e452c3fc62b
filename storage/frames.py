"""Frames into tables: observations, declarations, counts, in one transaction with the offsets that follow them.

     partition 0 ──▶ ┐                                        ┌─▶ rows, counts, offsets
     partition 1 ──▶ ├─ what waits goes together ─▶ one COPY ─┤
     partition 7 ──▶ ┘  (when the last transaction is done)   └─▶ after the commit: latest values

A transaction costs as much as a thousand rows, so partitions share one: little waits when little comes, and the more
comes the more goes together. One that meets what is stored already, or that the database refuses, is undone, and each
partition goes alone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from aedilis import metrics
from aedilis.frame import Frame
from aedilis.identity import stable_id
from aedilis.vocabulary import Problem, Quality, Reject, RejectReason
from storage.database import Connection, Partition, Pool, Refused, queries, transaction
from storage.declarations import Batch, Declarations
from storage.latest import Latest
from storage.observations import Stored, copy_new, merge, moment, rows_of
from storage.progress import Stands, WentBack
from storage.rejects import Group, put_group
from storage.rows import Rows
from storage.shapes import topic_shape

Q = queries("write")
ROWS_TOGETHER = 50_000
"""A transaction takes on partitions until it has so many rows: more would not be quicker, and keep others waiting."""
_HOUR = 3_600_000_000


@dataclass
class _Part:
    """The frames of one partition."""

    key: Partition
    frames: Sequence[tuple[int, Frame]]
    done: asyncio.Future[None]
    fresh: list[tuple[int, Frame]] = field(default_factory=list)
    rows: Rows | None = None
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(len(frame) for _, frame in self.frames)


class Frames:
    """Writes the frames of one process."""

    def __init__(self, pool: Pool, stands: Stands) -> None:
        self._pool = pool
        self._stands = stands
        self._declarations = Declarations()
        self._lane = asyncio.Lock()
        self._waiting: list[_Part] = []
        self._turn: asyncio.Task[None] | None = None
        self.latest = Latest(pool, self._lane)

    async def write(self, key: Partition, frames: Sequence[tuple[int, Frame]]) -> None:
        """Store the frames of one partition, together with what else waits."""
        part = _Part(key, frames, asyncio.get_running_loop().create_future())
        self._waiting.append(part)
        if self._turn is None or self._turn.done():
            self._turn = asyncio.create_task(self._take_turns())
        await part.done

    async def _take_turns(self) -> None:
        while self._waiting:
            async with self._lane:
                together, rows = [self._waiting.pop(0)], 0
                while self._waiting and rows + together[-1].size < ROWS_TOGETHER:
                    rows += together[-1].size
                    together.append(self._waiting.pop(0))
                await self._write_parts(together)

    async def _write_parts(self, parts: list[_Part]) -> None:
        try:
            try:
                await self._transaction(parts)
            except (Stored, Refused, WentBack):
                if len(parts) > 1:
                    for part in parts:
                        await self._write_parts([part])
                    return
                raise
        except Stored:
            await self._alone(parts[0])
        except Exception as error:
            for part in parts:
                _tell(part, error)
        else:
            for part in parts:
                _tell(part)

    async def _alone(self, part: _Part) -> None:
        """Rows that are stored already in part, or that come twice."""
        try:
            await self._transaction([part], straight=False)
        except Exception as error:
            _tell(part, error)
        else:
            _tell(part)

    async def _transaction(self, parts: list[_Part], *, straight: bool = True) -> None:
        async with transaction(self._pool) as connection:
            stands = await self._stands.lock(connection, [part.key for part in parts])
            for part in parts:
                part.fresh = [(offset, frame) for offset, frame in part.frames if offset >= stands[part.key]]
            fresh = [part for part in parts if part.fresh]
            if not fresh:
                return
            batch = Batch(self._declarations, connection)
            for part in fresh:
                await self._accept(connection, part, batch)
            accepted = [part.rows for part in fresh if part.rows is not None and len(part.rows)]
            newest = None
            if accepted:
                rows = Rows.joined(accepted)
                inserted, revisions = len(rows), 0
                if straight:
                    rows = rows.in_order()
                    await copy_new(connection, rows)
                    newest = rows.newest()
                else:
                    inserted, revisions = await merge(connection, rows)
                    fresh[0].counts |= {"inserted": inserted, "revisions": revisions}
                    fresh[0].counts["duplicates"] = len(rows) - inserted - revisions
                await connection.execute(Q["mark_dirty"], _hours(fresh))
            offsets = {part.key: part.fresh[-1][0] + 1 for part in fresh}
            await self._count(connection, fresh, offsets)
        self._declarations.learn(batch)  # committed
        self._stands.saw(offsets)
        self.latest.add(newest if newest is not None else Rows.none(), offsets)
        for outcome in _OUTCOMES:
            metrics.ROWS.labels(outcome).inc(sum(part.counts[_OUTCOMES[outcome]] for part in fresh))

    async def _accept(self, connection: Connection, part: _Part, batch: Batch) -> None:
        """The rows of a partition whose Datastreams are declared; the others stand among the rejects."""
        masks = [await batch.take(frame) for _, frame in part.fresh]
        frames = [frame for _, frame in part.fresh if len(frame)]
        rows = rows_of(frames, batch.sensors) if frames else Rows.none()
        missing = int((rows.quality == Quality.MISSING).sum())
        observations = len(rows)
        if any(mask is not None for mask in masks):
            known = [np.ones(len(f), bool) if m is None else m for m, (_, f) in zip(masks, part.fresh, strict=True)]
            rows = rows.take(np.concatenate(known))
            for mask, (offset, frame) in zip(masks, part.fresh, strict=True):
                if mask is not None:
                    await _refuse(connection, part.key[1], offset, frame, ~mask, batch)
        part.rows = rows
        part.counts = {"frames": len(part.fresh), "observations": observations, "missing": missing}
        part.counts |= {"inserted": len(rows), "duplicates": 0, "revisions": 0, "refused": observations - len(rows)}

    async def _count(self, connection: Connection, parts: list[_Part], offsets: dict[Partition, int]) -> None:
        columns: dict[str, list[Any]] = {
            "topics": [part.key[0] for part in parts],
            "partitions": [part.key[1] for part in parts],
            "next_offsets": [offsets[part.key] for part in parts],
        }
        columns |= {name: [part.counts[name] for part in parts] for name in parts[0].counts}
        await connection.execute(Q["count_frames"], columns)
        said: list[dict[str, Any]] = []
        for part in parts:
            latest = {frame.header.process: frame.header for _, frame in part.fresh}
            stored = Counter(frame.header.process for _, frame in part.fresh)
            for process, header in sorted(latest.items()):
                row = {"process": process, "partition": part.key[1], "frames": stored[process]}
                row |= {name: getattr(header.counts, name) for name in header.counts.__struct_fields__}
                said.append({**row, "sequence": header.sequence, "closed": header.closing})
        await connection.execute(Q["count_processes"], {name: [row[name] for row in said] for name in said[0]})


def _tell(part: _Part, error: Exception | None = None) -> None:
    """Who waited for it may be gone by now: its partition was revoked."""
    if part.done.done():
        return
    if error is None:
        part.done.set_result(None)
    else:
        part.done.set_exception(error)


def _hours(parts: Sequence[_Part]) -> dict[str, list[Any]]:
    hours: list[Any] = []
    partitions: list[int] = []
    for part in parts:
        if part.rows is not None:
            found = [moment(int(hour) * _HOUR) for hour in np.unique(part.rows.phenomenon_time // _HOUR)]
            hours += found
            partitions += [part.key[1]] * len(found)
    return {"hours": hours, "partitions": partitions}


async def _refuse(
    connection: Connection, partition: int, offset: int, frame: Frame, refused: npt.NDArray[np.bool_], batch: Batch
) -> None:
    """Observations of a frame that belong to no Datastream of theirs stand among the rejects, a sample of each."""
    process = frame.header.process
    names = {one.id: one for one in frame.header.datastreams}
    for number in np.unique(frame.datastream[refused]).tolist():
        at = np.flatnonzero(refused & (frame.datastream == number))
        last = int(at[-1])
        named = names.get(number)
        content = {
            "datastream": str(number),
            "phenomenon_time": int(frame.phenomenon_time[last]),
            "result": float(frame.result[last]),
        }
        payload = msgspec.json.encode(content)
        reject = Reject(
            process=process,
            topic=f"{named.thing.agency}/{named.thing.name}/{named.name}" if named else f"datastream {number}",
            payload=payload,
            payload_size=len(payload),
            received_at=int(frame.ingested_at[last]),
            problems=(Problem(RejectReason.REFUSED_DATASTREAM, batch.refused[process][number], None, len(at)),),
            whole=False,
            sensor_type=frame.sensor_types[frame.sensor_type_code[last]],
        )
        identity = stable_id(reject.reason, process, number)
        group = Group(identity, reject.reason, reject.sensor_type, topic_shape(reject.topic), "an Observation")
        await put_group(connection, partition, group, [(offset, reject)], len(at), len(payload))


_OUTCOMES = {"inserted": "inserted", "revision": "revisions", "duplicate": "duplicates", "refused": "refused"}

"""Frames into tables: observations, declarations, counts. Those of several partitions are one COPY; see `storage/lane.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from aedilis import metrics
from aedilis.frame import Frame
from aedilis.identity import stable_id
from aedilis.vocabulary import Problem, Quality, Reject, RejectReason
from storage.database import Connection, queries
from storage.declarations import Batch, Declarations
from storage.lane import Part, Rest, Statement
from storage.latest import Latest
from storage.observations import copy_new, merge, moment, rows_of
from storage.rejects import Group, group_statements
from storage.rows import Rows
from storage.shapes import topic_shape

Q = queries("write")
_HOUR = 3_600_000_000


class Frames:
    """Writes the frames of one process."""

    def __init__(self, latest: Latest) -> None:
        self._declarations = Declarations()
        self._latest = latest

    async def put(self, connection: Connection, parts: Sequence[Part], straight: bool) -> Rest:
        """Copy their observations; what is left are counts and marks.

        Raises:
            Stored: not all are new; the transaction is lost.
        """
        batch = Batch(self._declarations, connection)
        accepted = [await _accept(part, batch) for part in parts]
        counts = [one.counts for one in accepted]
        newest = None
        if rows := [one.rows for one in accepted if len(one.rows)]:
            together = Rows.joined(rows)
            if straight:
                together = together.in_order()
                await copy_new(connection, together)
                newest = together.newest()
            else:  # a part alone
                inserted, revisions = await merge(connection, together)
                duplicates = len(together) - inserted - revisions
                counts[0] |= {"inserted": inserted, "revisions": revisions, "duplicates": duplicates}
        statements = [statement for one in accepted for statement in one.refusals]
        statements += [
            (Q["mark_dirty"], _hours(parts, accepted)),
            (Q["count_frames"], _frame_counts(parts, counts)),
            (Q["count_processes"], _process_counts(parts)),
        ]

        def committed() -> None:
            self._declarations.learn(batch)
            self._latest.add(newest, {part.key: part.next_offset for part in parts})
            for outcome, name in _OUTCOMES.items():
                metrics.ROWS.labels(outcome).inc(sum(one[name] for one in counts))

        return Rest(statements, committed)


class _Accepted(msgspec.Struct):
    """Of one partition: the rows whose Datastreams are declared, what becomes of the others, and how many there are."""

    rows: Rows
    refusals: list[Statement]
    counts: dict[str, int]


async def _accept(part: Part, batch: Batch) -> _Accepted:
    masks = [await batch.take(frame) for _, frame in part.fresh]
    frames = [frame for _, frame in part.fresh if len(frame)]
    rows = rows_of(frames, batch.sensors) if frames else Rows.none()
    missing = int((rows.quality == Quality.MISSING).sum())
    observations = len(rows)
    refusals: list[Statement] = []
    if any(mask is not None for mask in masks):
        known = [np.ones(len(f), bool) if m is None else m for m, (_, f) in zip(masks, part.fresh, strict=True)]
        rows = rows.take(np.concatenate(known))
        for mask, (offset, frame) in zip(masks, part.fresh, strict=True):
            if mask is not None:
                refusals += _refusals(part.key[1], offset, frame, ~mask, batch)
    counts = {"frames": len(part.fresh), "observations": observations, "missing": missing}
    counts |= {"inserted": len(rows), "duplicates": 0, "revisions": 0, "refused": observations - len(rows)}
    return _Accepted(rows, refusals, counts)


def _frame_counts(parts: Sequence[Part], counts: Sequence[dict[str, int]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [one[name] for one in counts] for name in counts[0]}
    return {**columns, "topics": [part.key[0] for part in parts], "partitions": [part.key[1] for part in parts]}


def _process_counts(parts: Sequence[Part]) -> dict[str, list[Any]]:
    said: list[dict[str, Any]] = []
    for part in parts:
        latest = {frame.header.process: frame.header for _, frame in part.fresh}
        stored = Counter(frame.header.process for _, frame in part.fresh)
        for process, header in sorted(latest.items()):
            row = {"process": process, "partition": part.key[1], "frames": stored[process]}
            row |= {name: getattr(header.counts, name) for name in header.counts.__struct_fields__}
            said.append({**row, "sequence": header.sequence, "closed": header.closing})
    return {name: [row[name] for row in said] for name in said[0]}


def _hours(parts: Sequence[Part], accepted: Sequence[_Accepted]) -> dict[str, list[Any]]:
    hours: list[Any] = []
    partitions: list[int] = []
    for part, one in zip(parts, accepted, strict=True):
        found = [moment(int(hour) * _HOUR) for hour in np.unique(one.rows.phenomenon_time // _HOUR)]
        hours += found
        partitions += [part.key[1]] * len(found)
    return {"hours": hours, "partitions": partitions}


def _refusals(
    partition: int, offset: int, frame: Frame, refused: npt.NDArray[np.bool_], batch: Batch
) -> list[Statement]:
    """Observations of a frame that belong to no Datastream of theirs stand among the rejects, a sample of each."""
    process = frame.header.process
    names = {one.id: one for one in frame.header.datastreams}
    statements: list[Statement] = []
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
        statements += group_statements(group, [(partition, offset, reject)], len(at), len(payload))
    return statements


_OUTCOMES = {"inserted": "inserted", "revision": "revisions", "duplicate": "duplicates", "refused": "refused"}

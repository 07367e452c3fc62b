"""Do the counts of all hops agree? Everything comes from the tables, which were written with the log's offsets.

An ingest process tells its counts with each frame. What it had done beyond its latest stored frame is `under_way`
while it lives. Of a process that was killed it is `not_acknowledged`: it had read that and not brought into the log,
so it did not acknowledge it, and the MQTT broker gives it to the next process. What ended well has neither.

`aedilis counts --json` prints

- `agree`: whether every sum agrees;
- `sums`: a list of `{name, left: {part: n}, right: {part: n}, agree}`; the parts of each side add up to the other;
- `rejects`: reason → number of rejects (messages and values);
- `partitions`: for each partition of `observations` its offset and counts;
- `processes`: for each ingest process what it says to have done, and its `state`: live, closed or killed;
- `dead_letters`: records of the log that a role could not apply (table `dead_letter` says which and why);
- `lost`: role → records that Kafka's retention deleted before that role had read them; any is an error, and then
  nothing agrees;
- `dropped`: observations that were stored and that our own retention has dropped since;
- `quarantine`: messages that were rejected, whole or in part: `standing` can be sent again, `redriven` were and were read
  well, `dropped` went from the log before that.

A message that is sent again (`aedilis redrive`) was counted when it came, so it counts no second time: not among the
messages of its process, nor among the rejects. What is read of it is published, framed and stored as all else is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from aedilis.topics import PARTITIONS
from storage.database import Connection, queries

Q = queries("counts")
Row = dict[str, Any]


class Sum(msgspec.Struct, frozen=True):
    """Two sides that must be equal."""

    name: str
    left: dict[str, int]
    right: dict[str, int]
    agree: bool


class Counts(msgspec.Struct, frozen=True):
    """The whole accounting."""

    agree: bool
    sums: list[Sum]
    rejects: dict[str, int]
    partitions: list[Row]
    processes: list[Row]
    dead_letters: int
    lost: dict[str, int]
    dropped: int
    quarantine: dict[str, int]


async def read_counts(connection: Connection) -> Counts:
    """Read all counts as of one moment."""
    async with connection.transaction():
        await connection.execute("set transaction isolation level repeatable read read only")
        partitions = await _rows(connection, "partitions")
        processes = await _rows(connection, "processes", partitions=PARTITIONS)
        rejected = await _rows(connection, "rejected")
        tables = (await _rows(connection, "tables"))[0]
        lost = {row["role"]: row["records"] for row in await _rows(connection, "lost")}
    return account(partitions, processes, rejected, tables, lost)


def account(
    partitions: Sequence[Row],
    processes: Sequence[Row],
    rejected: Sequence[Row],
    tables: Row,
    lost: dict[str, int] | None = None,
) -> Counts:
    """The sums over the rows of the queries in `counts.sql`."""
    total = {key: sum(row[key] for row in partitions) for key in ("observations", *_OUTCOMES, "missing")}
    quarantine = {
        "standing": tables["standing"],
        "redriven": tables["redriven"],
        "dropped": tables["dropped_rejects"],
    }
    said = {key: sum(row[key] for row in processes) for key in ("framed", "missing", "frames", "sent")}
    sums = [
        _read_and_framed(processes),
        _sum(
            "frames sent = frames stored + dead letters",
            {"sent": said["sent"]},
            {"stored": said["frames"], "dead_letters": tables["dead_frames"]},
        ),
        _sum("framed = in frames stored", {"framed": said["framed"]}, {"in_frames": total["observations"]}),
        _sum(
            "in frames = inserted + duplicates + revisions + refused",
            {"in_frames": total["observations"]},
            {key: total[key] for key in _OUTCOMES},
        ),
        _sum(
            "inserted = rows + dropped",
            {"inserted": total["inserted"]},
            {"rows": tables["observations"], "dropped": tables["dropped"]},
        ),
        _sum("missing said = missing in frames", {"said": said["missing"]}, {"in_frames": total["missing"]}),
        _rejects_said_and_stored(processes, rejected),
        _sum(
            "messages rejected = standing + redriven + dropped",
            {"whole": sum(row["messages"] for row in rejected), "in_part": sum(row["partly"] for row in rejected)},
            quarantine,
        ),
    ]
    for row in partitions:
        parts = {key: row[key] for key in _OUTCOMES}
        sums.append(_sum(f"partition {row['partition']}", {"in_frames": row["observations"]}, parts))
    reasons: dict[str, int] = {}
    for row in rejected:
        reasons[row["reason"]] = reasons.get(row["reason"], 0) + row["messages"] + row["observations"]
    by_reason = dict(sorted(reasons.items()))
    agree = all(one.agree for one in sums) and not lost
    return Counts(
        agree,
        sums,
        by_reason,
        list(partitions),
        list(processes),
        tables["dead_letters"],
        lost or {},
        tables["dropped"],
        quarantine,
    )


_OUTCOMES = ("inserted", "duplicates", "revisions", "refused")
_OPEN = {"live": "under_way", "killed": "not_acknowledged"}


def _sum(name: str, left: dict[str, int], right: dict[str, int]) -> Sum:
    return Sum(name, left, right, sum(left.values()) == sum(right.values()))


def _read_and_framed(processes: Sequence[Row]) -> Sum:
    left = {"published": 0}
    right = {"in_frames": 0, "observations_rejected": 0}
    for row in processes:
        left["published"] += row["published"]
        right["in_frames"] += row["framed"]
        right["observations_rejected"] += row["observations_rejected"]
        beyond = row["published"] - row["framed"] - row["observations_rejected"]
        if beyond > 0 and row["state"] in _OPEN:
            part = _OPEN[row["state"]]
            right[part] = right.get(part, 0) + beyond
    return _sum("published = in frames + rejected values", left, right)


def _rejects_said_and_stored(processes: Sequence[Row], rejected: Sequence[Row]) -> Sum:
    """Frames and rejects travel in topics of their own: either may be ahead of the other for a while."""
    left = {"messages_rejected": 0, "observations_rejected": 0}
    right = {"messages_stored": 0, "observations_stored": 0}
    for row in processes:
        messages = sum(one["messages"] for one in rejected if one["process"] == row["process"])
        values = sum(one["observations"] for one in rejected if one["process"] == row["process"])
        left["messages_rejected"] += row["messages_rejected"]
        left["observations_rejected"] += row["observations_rejected"]
        right["messages_stored"] += messages
        right["observations_stored"] += values
        beyond = row["messages_rejected"] + row["observations_rejected"] - messages - values
        if beyond and row["state"] in _OPEN:
            side = right if beyond > 0 else left
            part = _OPEN[row["state"]]
            side[part] = side.get(part, 0) + abs(beyond)
    known = {row["process"] for row in processes}
    silent = sum(row["messages"] + row["observations"] for row in rejected if row["process"] not in known)
    if silent:  # a process whose first frame is not stored yet
        left["under_way"] = left.get("under_way", 0) + silent
        right["of_processes_without_frames"] = silent
    return _sum("rejected = rejects stored", left, right)


async def _rows(connection: Connection, name: str, **values: int) -> list[Row]:
    cursor = await connection.execute(Q[name], values or None)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]

"""Do the counts of all hops agree? Everything comes from the tables, which were written with the log's offsets.

`aedilis counts --json` prints

- `agree`: whether every sum agrees;
- `sums`: a list of `{name, left: {part: n}, right: {part: n}, agree}`; the parts of each side add up to the other;
- `rejects`: reason → number of rejects (messages and values);
- `partitions`: for each partition of `observations` its offset and counts;
- `processes`: for each ingest process what it says to have done.
"""

from __future__ import annotations

from typing import Any

import msgspec

from storage.database import Connection, queries

Q = queries("counts")


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
    partitions: list[dict[str, Any]]
    processes: list[dict[str, Any]]


def _sum(name: str, left: dict[str, int], right: dict[str, int]) -> Sum:
    return Sum(name, left, right, sum(left.values()) == sum(right.values()))


async def read_counts(connection: Connection) -> Counts:
    """Read all counts as of one moment."""
    async with connection.transaction():
        await connection.execute("set transaction isolation level repeatable read read only")
        partitions = await _dicts(connection, "partitions")
        processes = await _dicts(connection, "processes")
        rejected = await _dicts(connection, "rejected")
        tables = (await _dicts(connection, "tables"))[0]
    total = {key: sum(row[key] for row in partitions) for key in _FRAME_PARTS}
    said = {key: sum(row[key] for row in processes) for key in _PROCESS_PARTS}
    reject_messages = sum(row["messages"] for row in rejected)
    reject_values = sum(row["observations"] for row in rejected)
    sums = [
        _sum(
            "published = in frames + rejected values",
            {"published": said["published"]},
            {"in_frames": said["framed"], "observations_rejected": said["observations_rejected"]},
        ),
        _sum("frames written = frames stored", {"framed": said["framed"]}, {"observations": total["observations"]}),
        _sum(
            "in frames = inserted + duplicates + revisions + refused",
            {"observations": total["observations"]},
            {key: total[key] for key in ("inserted", "duplicates", "revisions", "refused")},
        ),
        _sum("inserted = rows", {"inserted": total["inserted"]}, {"rows": tables["observations"]}),
        _sum("missing counted = missing in frames", {"missing": said["missing"]}, {"missing": total["missing"]}),
        _sum(
            "rejected = rejects stored",
            {"messages": said["messages_rejected"], "values": said["observations_rejected"]},
            {"messages": reject_messages, "values": reject_values},
        ),
    ]
    for row in partitions:
        parts = {key: row[key] for key in ("inserted", "duplicates", "revisions", "refused")}
        sums.append(_sum(f"partition {row['partition']}", {"observations": row["observations"]}, parts))
    rejects: dict[str, int] = {}
    for row in rejected:
        rejects[row["reason"]] = rejects.get(row["reason"], 0) + row["messages"] + row["observations"]
    return Counts(all(one.agree for one in sums), sums, rejects, partitions, processes)


_FRAME_PARTS = ("observations", "inserted", "duplicates", "revisions", "refused", "missing")
_PROCESS_PARTS = ("messages", "messages_rejected", "published", "observations_rejected", "missing", "framed")


async def _dicts(connection: Connection, name: str) -> list[dict[str, Any]]:
    cursor = await connection.execute(Q[name])
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]

"""Rejects into tables: counted all, grouped by what is alike, the latest samples kept; and what became of them later.

A group is one reason, sensor type, shape of topic and shape of payload. Which records of the log still stand is kept by
offset, in one row for each group and transaction, so that each message can be sent again and is counted once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from aedilis.identity import stable_id
from aedilis.vocabulary import Problem, Redriven, Reject, RejectReason
from storage.database import Connection, queries
from storage.lane import Statement
from storage.observations import moment
from storage.shapes import payload_shape, topic_shape

Q = queries("rejects")
SAMPLES = 5
"""Of each group so many of the latest rejects keep their bytes."""
GROUPS = 2_000
"""When there are so many, what has a new shape goes to the group "other shapes" of its reason and type: somebody who
publishes garbage in ever new shapes must not fill the disk."""
KEPT_GROUPS = 1_500
"""So many of the latest stay as they are; each minute others are folded into "other shapes", which makes room."""
OTHER_SHAPES = "other shapes"
_PROBLEMS, _DETAIL, _TOPIC = 10, 300, 500
"""What a sample keeps of each: so many problems, with so many characters, and so many of the topic."""


class Group(NamedTuple):
    """What alike rejects have in common."""

    id: int
    reason: str
    sensor_type: str | None
    shape: str  # of their topics
    payload_shape: str


def group_of(reject: Reject) -> Group:
    """Where a reject belongs, unless there are too many groups."""
    shapes = topic_shape(reject.topic), payload_shape(reject.payload)
    kind = reject.sensor_type
    return Group(stable_id(reject.reason, kind or "", *shapes), str(reject.reason), kind, *shapes)


Fresh = tuple[int, int, Reject]
"""A reject with its partition and offset in the log."""


async def reject_statements(connection: Connection, fresh: Sequence[Fresh], keep: int) -> list[Statement]:
    """What stores rejects of the log; of the bytes of a sample `keep` stay."""
    groups: dict[Group, list[Fresh]] = {}
    for one in fresh:
        groups.setdefault(group_of(one[2]), []).append(one)
    groups = await _bounded(connection, groups)
    batches = {partition: offset for partition, offset, _ in reversed(fresh)}  # the first of each
    statements: list[Statement] = []
    for group in sorted(groups):  # in one order, so that processes do not wait for each other in a circle
        statements += group_statements(group, groups[group], len(groups[group]), keep)
        offsets: dict[int, list[int]] = {}
        for partition, offset, _ in groups[group]:
            offsets.setdefault(partition, []).append(offset)
        for partition, found in sorted(offsets.items()):
            values = {"partition": partition, "batch": batches[partition], "group": group.id, "offsets": found}
            statements.append((Q["insert_standing"], values))
    return statements + _counts([reject for *_, reject in fresh])


async def _bounded(connection: Connection, groups: dict[Group, list[Fresh]]) -> dict[Group, list[Fresh]]:
    """As they are, as long as there is room for new ones."""
    ids = [group.id for group in groups]
    row = await (await connection.execute(Q["known_groups"], {"ids": ids})).fetchone()
    known, number = (set(row[0] or ()), row[1]) if row else (set(), 0)
    room = GROUPS - number
    kept: dict[Group, list[Fresh]] = {}
    for group, rejects in groups.items():
        if group.id not in known:
            room -= 1
            if room < 0:
                other = _other(group.reason, group.sensor_type)
                group = Group(other, group.reason, group.sensor_type, OTHER_SHAPES, OTHER_SHAPES)
        kept.setdefault(group, []).extend(rejects)
    for rejects in kept.values():
        rejects.sort(key=lambda one: one[:2])
    return kept


def _other(reason: str, sensor_type: str | None) -> int:
    """The group of what has a shape too many."""
    return stable_id(reason, sensor_type or "", OTHER_SHAPES)


async def fold(connection: Connection) -> None:
    """Make room for new groups: all but the latest lose their shape and their samples, and no message."""
    values = {"groups": KEPT_GROUPS, "other": OTHER_SHAPES}
    rows = await (await connection.execute(Q["too_many"], values)).fetchall()
    for group, reason, sensor_type in sorted(rows):
        if reason != RejectReason.REFUSED_DATASTREAM:  # those are no records of the log of rejects
            folded = {"group": group, "other": _other(reason, sensor_type), "shape": OTHER_SHAPES}
            await connection.execute(Q["fold_group"], folded)
            await connection.execute(Q["fold_standing"], folded)
        await connection.execute(Q["delete_group"], {"group": group})


def group_statements(group: Group, rejects: Sequence[Fresh], count: int, keep: int) -> list[Statement]:
    """What stores rejects of one group that count for so many."""
    values = group._asdict() | {
        "count": count,
        "observations": sum(reject.observations for *_, reject in rejects),
        "first": moment(min(reject.received_at for *_, reject in rejects)),
        "last": moment(max(reject.received_at for *_, reject in rejects)),
    }
    statements: list[Statement] = [(Q["upsert_group"], values)]
    for partition, offset, reject in sorted(rejects, key=lambda one: (one[2].received_at, one[1]))[-SAMPLES:]:
        sample = {
            "group": group.id,
            "partition": partition,
            "offset": offset,
            "topic": text(reject.topic)[:_TOPIC],
            "payload": reject.payload[:keep],
            "payload_size": reject.payload_size,
            "problems": problems_text(reject.problems),
            "received_at": moment(reject.received_at),
        }
        statements.append((Q["insert_sample"], sample))
    return [*statements, (Q["trim_samples"], {"group": group.id, "samples": SAMPLES})]


def _counts(rejects: Sequence[Reject]) -> list[Statement]:
    """Messages under the reason of their first problem, values under their own."""
    counted: dict[tuple[str, str], Counter[str]] = {}
    for reject in rejects:
        counted.setdefault((reject.process, reject.reason), Counter())["messages" if reject.whole else "partly"] += 1
        for problem in () if reject.whole else reject.problems:
            counted.setdefault((reject.process, problem.reason), Counter())["observations"] += problem.count
    statements: list[Statement] = []
    for (process, reason), numbers in sorted(counted.items()):
        values = {name: numbers[name] for name in ("messages", "partly", "observations")}
        statements.append((Q["count_rejects"], {"process": process, "reason": reason, **values}))
    return statements


async def put_redriven(connection: Connection, partition: int, fresh: Sequence[Redriven]) -> None:
    """What became of rejects of one partition that were sent again. The same outcome may come twice, and counts once."""
    standing = await _groups_of(connection, partition, sorted({one.offset for one in fresh}))
    rows = [
        {
            "run": text(one.run)[:100],
            "partition": partition,
            "offset": one.offset,
            "group": standing.get(one.offset),
            "process": one.process,
            "observations": one.observations,
            "well": not one.problems,
            "whole": one.whole,
            "sensor_type": one.sensor_type,
            "problems": problems_text(one.problems),
            "finished_at": moment(one.finished_at),
        }
        for one in fresh
    ]
    await connection.cursor().executemany(Q["insert_redriven"], rows)
    well = sorted({one.offset for one in fresh if not one.problems} & standing.keys())
    if well:
        values = {"partition": partition, "offsets": well, "lowest": well[0], "highest": well[-1]}
        await connection.execute(Q["read_at_last"], values)
        await connection.execute(Q["forget_empty"], values)
    for group, number in sorted(Counter(standing[offset] for offset in well).items()):
        await connection.execute(Q["count_redriven"], {"group": group, "redriven": number})


async def _groups_of(connection: Connection, partition: int, offsets: list[int]) -> dict[int, int]:
    """Offset → group, of those that stand; their rows stay locked."""
    values = {"partition": partition, "offsets": offsets, "lowest": offsets[0], "highest": offsets[-1]}
    rows = await (await connection.execute(Q["lock_standing"], values)).fetchall()
    wanted = set(offsets)
    return {offset: group for group, found in rows for offset in found if offset in wanted}


async def drop_unread(connection: Connection, beginnings: dict[int, int]) -> int:
    """Rejects that stand and whose records the log no longer has (partition → its first offset) are counted as dropped.

    Returns how many.
    """
    values = {"partitions": list(beginnings), "firsts": list(beginnings.values())}
    rows = await (await connection.execute(Q["drop_unread"], values)).fetchall()
    for group, number in sorted(rows):
        await connection.execute(Q["count_dropped"], {"group": group, "dropped": number})
    return sum(number for _, number in rows)


def problems_text(problems: Sequence[Problem]) -> str:
    """As JSON for a table: a list of reason, detail, path, count."""
    rows = [
        {
            "reason": str(problem.reason),
            "detail": text(problem.detail)[:_DETAIL],
            "path": problem.path and text(problem.path)[:_DETAIL],
            "count": problem.count,
        }
        for problem in problems[:_PROBLEMS]
    ]
    return json.dumps(rows, ensure_ascii=False)


def text(value: str) -> str:
    """PostgreSQL's text holds no NUL and no half of a surrogate pair."""
    return value.replace("\0", "�").encode(errors="replace").decode()

"""Groups of rejects are bounded, and no message of a flood of shapes is lost; what is sent again counts once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import pytest

from aedilis.vocabulary import Problem, Redriven, Reject, RejectReason
from storage import rejects as module
from storage.counts import Counts, read_counts
from storage.queries import Reader
from storage.retention import Retention
from storage.writer import Writer
from tests.installation import Installation

NOW = 1_790_000_000_000_000


def reject(shape: int, *problems: Problem, whole: bool = True, payload: bytes | None = None) -> Reject:
    raw = payload if payload is not None else f'{{"{"k" * (shape + 1)}": 1}}'.encode()
    why = problems or (Problem(RejectReason.UNKNOWN_TOPIC, "nobody\0 declares it"),)
    return Reject("ingest-all-1", f"a/b/{shape}", raw, len(raw), NOW + shape, why, whole)


def outcome(offset: int, run: str = "one", *problems: Problem) -> Redriven:
    return Redriven(run, 3, offset, "ingest-all-1", 2, NOW, problems)


def work(installation: Installation, do: Callable[[Writer], Awaitable[None]]) -> Counts:
    async def scenario() -> Counts:
        async with Writer(installation.settings) as writer:
            await do(writer)
        async with await psycopg.AsyncConnection.connect(installation.database, autocommit=True) as connection:
            return await read_counts(connection)

    return asyncio.run(scenario())


def groups(installation: Installation) -> list[tuple[str, int, int, int]]:
    rows = installation.rows("select payload_shape, count, redriven, dropped from reject_group order by 2 desc, 1")
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def test_a_flood_of_shapes_loses_shapes_and_no_message(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GROUPS", 5)
    monkeypatch.setattr(module, "KEPT_GROUPS", 3)

    async def flood(writer: Writer) -> None:
        await writer.write_rejects("rejects", 3, [(10 + n, reject(n)) for n in range(8)])
        await writer.write_rejects("rejects", 3, [(18, reject(0)), (19, reject(9)), (20, reject(1))])

    counts = work(installation, flood)
    assert counts.agree, counts.sums
    assert groups(installation) == [
        ("other shapes", 4, 0, 0), ("{k: number}", 2, 0, 0), ("{kk: number}", 2, 0, 0), ("{kkk: number}", 1, 0, 0),
        ("{kkkk: number}", 1, 0, 0), ("{kkkkk: number}", 1, 0, 0),
    ]  # fmt: skip

    async def follow(writer: Writer) -> None:
        bad = Problem(RejectReason.NO_TIME, "none")
        await writer.write_redriven("redriven", 3, [(0, outcome(10)), (1, outcome(17)), (2, outcome(11, "one", bad))])
        await Retention(writer.pool, installation.settings).keep()
        # the same outcome twice, one of a group that was folded, one of a message that nobody knows
        await writer.write_redriven("redriven", 3, [(3, outcome(10)), (4, outcome(10, "two")), (5, outcome(11, "two"))])
        await writer.write_redriven("redriven", 3, [(6, outcome(99))])
        assert await writer.drop_rejects({3: 15}) == 3
        assert await writer.drop_rejects({3: 15}) == 0

    counts = work(installation, follow)
    assert counts.agree, counts.sums
    assert counts.quarantine == {"standing": 5, "redriven": 3, "dropped": 3}
    assert sum(count for _, count, _, _ in groups(installation)) == 11
    assert len(groups(installation)) == 4
    assert installation.rows("select array_agg(o order by o) from standing_reject, unnest(offsets) o") == [
        ([15, 16, 18, 19, 20],)
    ]
    installation.run("update reject_group set last_received_at = now() - interval '91 days'")

    async def age(writer: Writer) -> None:
        await Retention(writer.pool, installation.settings).keep()

    counts = work(installation, age)
    assert (counts.agree, counts.quarantine) == (True, {"standing": 0, "redriven": 3, "dropped": 8}), counts.sums


def test_a_message_counts_once_and_each_of_its_values_under_its_own_reason(installation: Installation) -> None:
    values = Problem(RejectReason.NOT_A_NUMBER, "x" * 5000, "$.a", 3), Problem(RejectReason.UNKNOWN_FIELD, "y", "$.b")

    async def put(writer: Writer) -> None:
        part = reject(1, *values, whole=False, payload=b"\x08" * 9000)
        await writer.write_rejects("rejects", 0, [(0, part), (1, reject(2))])
        await writer.write_rejects("rejects", 0, [(0, part), (1, reject(2)), (2, reject(2))])

    counts = work(installation, put)
    assert counts.agree, counts.sums
    assert counts.rejects == {"not_a_number": 3, "unknown_field": 1, "unknown_topic": 2}
    assert counts.quarantine["standing"] == 3
    kept = installation.rows(
        "select length(payload), payload_size, jsonb_array_length(problems), length(problems -> 0 ->> 'detail')"
        " from reject_sample order by 1 desc limit 1"
    )
    assert kept == [(4096, 9000, 2, 300)]


def test_rejects_of_a_topic_level_say_whether_the_latest_can_be_sent_again(installation: Installation) -> None:
    async def named(reader: Reader, level: str) -> list[tuple[str, bool]]:
        return [(row["topic"], row["stands"]) for row in await reader.rejects_named(level)]

    async def scenario() -> None:
        reader = Reader(installation.settings)
        await reader.open()
        async with Writer(installation.settings) as writer:
            await writer.write_rejects("rejects", 3, [(0, reject(7)), (1, reject(77))])
            assert await named(reader, "7") == [("a/b/7", True)]
            assert await named(reader, "_") == [], "a name is no pattern"
            await writer.write_redriven("redriven", 3, [(0, outcome(0))])
            assert await named(reader, "7") == [("a/b/7", False)]
        await reader.close()

    asyncio.run(scenario())

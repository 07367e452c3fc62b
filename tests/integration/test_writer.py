"""The tables after duplicates, corrections, late and missing observations, however the log is cut; on the real database."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import psycopg
import pytest

from aedilis.frame import NO_TIME, NONE, Frame
from aedilis.identity import datastream_id, thing_id
from aedilis.vocabulary import Datastream, DeadLetter, FrameCounts, FrameHeader, Quality, Thing
from storage.counts import Counts, read_counts
from storage.progress import WentBack
from storage.rollup import refresh
from storage.writer import Writer
from tests.installation import Installation

HOUR = 3_600_000_000
QUARTER = HOUR // 4
START = 1_767_571_200_000_000
TABLES = {
    "observation": "select datastream, phenomenon_time, result, quality, result_time, raw_flag from observation order by 1, 2",
    "revision": "select datastream, phenomenon_time, result, result_time from revision order by 1, 2, 3, 4",
    "latest": "select id, last_time, last_result, last_quality from datastream order by 1",
    "rollup": "select * from rollup_hour order by 1, 2",
}


def stream(name: str) -> Datastream:
    thing = Thing(thing_id("demo", "t"), "demo", "t", "demo/z", 0)
    return Datastream(datastream_id("demo", "t", name), thing, name, name, "1", "type", 1, QUARTER)


Item = tuple[str, float, float, float | None, str | None]
"""Datastream, quarter of an hour, result, quarter in which it was told, the device's flag."""


def frames(
    items: Sequence[Item], cuts: Sequence[int], *, offset: int = 0, process: int = 1, **changed: Any
) -> list[list[tuple[int, Frame]]]:
    """Batches of frames with their offsets, one batch for each cut, two frames in each; `changed` of Datastream a."""
    streams = {"a": msgspec.structs.replace(stream("a"), **changed), "b": stream("b")}
    batches: list[list[tuple[int, Frame]]] = []
    sequence = 0
    for start, end in zip([0, *cuts], [*cuts, len(items)], strict=True):
        batch = []
        middle = (start + end) // 2
        for first, last in ((start, middle), (middle, end)):
            if first < last:
                sequence += 1
                batch.append((offset, frame(items[:last], first, streams, f"ingest-all-{process:016x}", sequence)))
                offset += 1
        batches.append(batch)
    return batches


def frame(items: Sequence[Item], first: int, streams: dict[str, Datastream], process: str, sequence: int) -> Frame:
    """The items from the first on, announced where they are new; counts of all."""
    names, quarters, results, told, flags = zip(*items[first:], strict=True)
    new = [name for name in dict.fromkeys(names) if name not in {item[0] for item in items[:first]}]
    words = tuple(dict.fromkeys(flag for flag in flags if flag is not None))
    types = [f"{streams[name].sensor_type}@{streams[name].sensor_version}" for name in names]
    known = tuple(dict.fromkeys(types))
    missing = np.isnan([item[2] for item in items])
    counts = FrameCounts(published=len(items), framed=len(items), missing=int(missing.sum()))
    return Frame(
        FrameHeader(process, sequence, counts, tuple(streams[name] for name in new)),
        np.array([streams[name].id for name in names], np.int64),
        np.array([START + int(quarter * QUARTER) for quarter in quarters], np.int64),
        np.array(results, np.float64),
        np.where(missing[first:], Quality.MISSING, Quality.GOOD).astype(np.uint8),
        np.zeros(len(names), np.uint32),
        np.array([NONE if flag is None else words.index(flag) for flag in flags], np.int32),
        words,
        np.array([known.index(one) for one in types], np.int32),
        known,
        np.array([NO_TIME if at is None else START + int(at * QUARTER) for at in told], np.int64),
        np.full(len(names), START, np.int64),
    )


def now_counts(installation: Installation) -> Counts:
    """The accounting as it stands."""

    async def read() -> Counts:
        async with await psycopg.AsyncConnection.connect(installation.database, autocommit=True) as connection:
            return await read_counts(connection)

    return asyncio.run(read())


def stored(installation: Installation, batches: list[list[tuple[int, Frame]]]) -> tuple[dict[str, Any], Counts]:
    """What stands in emptied tables after these batches."""

    async def write() -> None:
        for batch in batches:  # each by a writer that knows nothing yet
            async with Writer(installation.settings) as writer:
                await writer.write_frames("observations", 0, batch)
                await writer.write_latest()
                await refresh(writer.pool, quiet=timedelta(0))

    installation.run(
        "truncate observation, revision, rollup_hour, rollup_dirty, datastream, thing, agency, log_progress,"
        " frame_count, process_count, refused_declaration, reject_group cascade"
    )
    asyncio.run(write())
    return {name: installation.rows(query) for name, query in TABLES.items()}, now_counts(installation)


NAN = math.nan
LOG: list[Item] = [
    ("a", 0, 1.0, None, None),
    ("a", 1, 2.0, None, "N"),
    ("b", 0, 5.0, None, None),
    ("a", 1, 2.0, None, "N"),  # a duplicate
    ("a", 1, 3.0, None, "M"),  # corrected
    ("b", 1, NAN, None, None),  # missing
    ("b", 1, 6.0, None, None),  # and told later
    ("a", 3, 7.0, 9, None),
    ("a", 3, 8.0, 5, None),  # told earlier, came later
    ("a", 2, 4.0, None, None),  # late
    ("b", 9, 9.0, None, "é"),
    ("b", 0, 5.5, 3, None),
    ("b", 0, 5.0, 6, None),  # corrected back
]


def test_what_stands(installation: Installation) -> None:
    tables, counts = stored(installation, frames(LOG, [4, 8]))
    hours = {(row[0], row[1]): row[2] for row in tables["observation"]}
    quarter = lambda n: datetime.fromtimestamp(START / 1e6 + n * 900, UTC)  # noqa: E731
    a, b = stream("a").id, stream("b").id
    assert hours == {
        (a, quarter(0)): 1.0,
        (a, quarter(1)): 3.0,
        (a, quarter(2)): 4.0,
        (a, quarter(3)): 7.0,
        (b, quarter(0)): 5.0,
        (b, quarter(1)): 6.0,
        (b, quarter(9)): 9.0,
    }
    replaced = sorted((row[0] == b, row[1], row[2]) for row in tables["revision"])
    assert [(is_b, result) for is_b, _, result in replaced] == [
        (False, 2.0), (False, 8.0), (True, 5.0), (True, 5.5), (True, None),
    ]  # fmt: skip
    assert counts.agree, counts
    assert {key: counts.partitions[0][key] for key in ("inserted", "duplicates", "revisions", "refused", "missing")} == {
        "inserted": 7, "duplicates": 1, "revisions": 5, "refused": 0, "missing": 1,
    }  # fmt: skip
    first = next(row for row in tables["rollup"] if row[0] == a)
    assert first[2:7] == (4, 1.0, 7.0, 3.75, 7.0)  # count, minimum, maximum, mean, last
    assert first[9] is True  # four of four quarters
    assert next(row for row in tables["rollup"] if row[0] == b)[9] is False  # two of four


@pytest.mark.parametrize("cuts", [[], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [5], [2, 7, 11], [12]])
@pytest.mark.parametrize("again", [(0, 0), (0, 13), (3, 9), (9, 13)])
def test_neither_cuts_nor_a_second_delivery_change_what_stands(
    module_installation: Installation, cuts: list[int], again: tuple[int, int]
) -> None:
    start, killed = again
    log = [*LOG[:killed], *LOG[start:killed], *LOG[killed:]]
    wanted, _ = stored(module_installation, frames(LOG, [4, 8]))
    got, counts = stored(module_installation, frames(log, cuts))
    assert got == wanted
    assert counts.agree
    assert counts.partitions[0]["duplicates"] == 1 + killed - start


def test_a_batch_that_was_stored_is_passed_over(installation: Installation) -> None:
    batches = frames(LOG, [4, 8])
    once, _ = stored(installation, batches)
    twice, counts = stored(installation, [batch for batch in batches for _ in range(2)])
    assert once == twice
    assert counts.agree


def test_a_stalled_writer_finds_its_records_below_the_offset(installation: Installation) -> None:
    """Two writers, one behind the other."""
    batches = frames(LOG, [4, 8])
    once, _ = stored(installation, batches)
    late, counts = stored(installation, [*batches[:2], batches[2], batches[1]])
    assert once == late
    assert counts.agree


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"unit": "kg"}, "a new unit is a new Datastream"), ({"name": "other"}, "belongs to another Datastream")],
)
def test_what_comes_under_another_unit_or_name_is_refused_with_its_reason(
    installation: Installation, changed: dict[str, str], why: str
) -> None:
    """It must not relabel what is stored; and a writer that starts anew does not forget it."""
    later: list[Item] = [("a", 20, 1.0, None, None), ("b", 20, 2.0, None, None), ("a", 21, 3.0, None, None)]
    good = frames(LOG, [4, 8])
    wrong = frames(later, [1], offset=100, process=2, **changed)
    wanted, _ = stored(installation, good)
    got, counts = stored(installation, [*good, *wrong])
    assert counts.agree
    assert counts.partitions[0]["refused"] == 2
    assert [row for row in got["observation"] if row[2] == 3.0] == [
        row for row in wanted["observation"] if row[2] == 3.0
    ]
    assert len(got["observation"]) == len(wanted["observation"]) + 1
    assert installation.rows("select unit, name from datastream where name = 'a'") == [("1", "a")]
    told = installation.rows(
        "select g.reason, g.count, s.problems -> 0 ->> 'detail'"
        " from reject_group g join reject_sample s on s.reject_group = g.id"
    )
    assert {(reason, count) for reason, count, _ in told} == {("refused_datastream", 2)}
    assert all(why in detail for *_, detail in told)


def test_what_a_crash_of_the_database_took_back_is_noticed_and_written_again(installation: Installation) -> None:
    batches = frames(LOG, [4, 8])
    wanted, _ = stored(installation, batches)

    async def scenario() -> None:
        async with Writer(installation.settings) as writer:
            await writer.write_frames("observations", 0, batches[0])
            first = batches[1][0][0]
            await writer.write_frames("observations", 0, batches[1])
            installation.run(f"update log_progress set next_offset = {first}")
            with pytest.raises(WentBack):
                await writer.write_frames("observations", 0, batches[2])
            assert await writer.next_offset("observations", 0) == first
            for batch in batches[1:]:
                await writer.write_frames("observations", 0, batch)
            await writer.write_latest()
            await refresh(writer.pool, quiet=timedelta(0))

    stored(installation, [])
    asyncio.run(scenario())
    assert {name: installation.rows(query) for name, query in TABLES.items()} == wanted


@pytest.mark.parametrize("transactions", [1, 2])
def test_partitions_share_a_transaction_unless_one_meets_what_is_stored(
    installation: Installation, transactions: int
) -> None:
    twice: list[Item] = [("b", 0, 1.0, None, None)] * transactions

    async def scenario() -> None:
        async with Writer(installation.settings) as writer:
            await asyncio.gather(
                writer.write_frames("observations", 0, frames([("a", 0, 1.0, None, None)], [])[0]),
                writer.write_frames("observations", 1, frames(twice, [], process=2)[0]),
            )

    asyncio.run(scenario())
    assert installation.rows("select partition, inserted, duplicates from frame_count order by 1") == [
        (0, 1, 0),
        (1, 1, transactions - 1),
    ]
    assert installation.rows("select count(distinct xmin::text) from frame_count") == [(transactions,)]


def test_what_follows_from_observations_shares_their_transaction(installation: Installation) -> None:
    """And only the observations have something that is to be followed up."""
    letter = DeadLetter("observations", 3, 7, "detect", "why", b"x", 0)

    async def scenario() -> None:
        async with Writer(installation.settings) as writer:
            await asyncio.gather(
                writer.write_frames("observations", 0, frames([("a", 0, 1.0, None, None)], [])[0]),
                writer.write_dead_letters("dead-letters", 3, [(4, letter)]),
            )

    asyncio.run(scenario())
    progress = installation.rows("select topic, next_offset, records, followed_offset from log_progress order by 1")
    assert progress == [("dead-letters", 5, 1, 5), ("observations", 1, 1, 0)]
    assert installation.rows("select reason from dead_letter") == [("why",)]
    assert installation.rows("select count(distinct xmin::text) from log_progress") == [(1,)]


def test_a_successor_tells_the_latest_values_that_a_dead_process_had_not(installation: Installation) -> None:
    batches = frames(LOG, [4, 8])
    wanted, _ = stored(installation, batches)

    async def scenario() -> None:
        async with Writer(installation.settings) as dying:
            for batch in batches:
                await dying.write_frames("observations", 0, batch)
        assert installation.rows("select count(*) from log_progress where followed_offset < next_offset") == [(1,)]
        async with Writer(installation.settings) as successor:
            await successor.next_offset("observations", 0)
            await successor.write_latest()

    stored(installation, [])
    asyncio.run(scenario())
    assert installation.rows(TABLES["latest"]) == wanted["latest"]
    assert installation.rows("select count(*) from log_progress where followed_offset < next_offset") == [(0,)]

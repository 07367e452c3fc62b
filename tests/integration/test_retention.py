"""What is kept has bounds, what went is counted, and what went before it was read is an error that shows."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from aedilis.topics import OBSERVATIONS, PARTITIONS
from storage.retention import Retention
from storage.rollup import refresh
from storage.writer import Writer
from tests.installation import Installation, aedilis
from tests.integration.test_writer import Item, frames, now_counts

WEEK = 7 * 96.0
"""Quarters of an hour."""


def store(installation: Installation, items: list[Item], *, offset: int = 0, process: int = 1) -> None:
    async def write() -> None:
        async with Writer(installation.settings) as writer:
            for batch in frames(items, [], offset=offset, process=process):
                await writer.write_frames("observations", 0, batch)
            await writer.write_latest()
            await refresh(writer.pool, quiet=timedelta(0))

    asyncio.run(write())


def keep(installation: Installation, **changed: int) -> None:
    async def bound() -> None:
        async with Writer(installation.settings) as writer:
            await Retention(writer.pool, msgspec.structs.replace(installation.settings, **changed)).keep()

    asyncio.run(bound())


def weeks(installation: Installation) -> int:
    return int(installation.rows("select count(*) from show_chunks('observation')")[0][0])


def test_old_and_too_many_bytes_go_and_the_sums_agree(installation: Installation) -> None:
    load: list[Item] = [("a", week * WEEK + n, float(n), None, None) for week in range(4) for n in range(4)]
    store(installation, [*load, ("a", 0, 9.0, None, None)])
    keep(installation, keep_days=1)
    assert weeks(installation) == 4  # old data, stored just now: as young as any
    rollups = installation.rows("select * from rollup_hour order by 1, 2")
    size = installation.rows("select hypertable_size('observation')")[0][0]
    keep(installation, keep_bytes=int(size * 0.6))
    assert weeks(installation) == 2
    assert installation.rows("select sum(rows) from dropped_chunk") == [(8,)]
    assert installation.rows("select count(*) from revision") == [(0,)]  # it was of a span that went
    counts = now_counts(installation)
    assert (counts.agree, counts.dropped) == (True, 8), counts.sums
    # a late one of a span that went is stored, does not spoil its rollup, and goes again
    store(installation, [("a", 2, 5.0, None, None)], offset=50, process=2)
    assert weeks(installation) == 3
    assert installation.rows("select * from rollup_hour order by 1, 2") == rollups
    keep(installation, keep_bytes=int(size * 0.6))
    assert weeks(installation) == 2
    installation.run("update observation set stored_at = now() - interval '25 hours'")
    keep(installation, keep_days=1)
    assert weeks(installation) == 0
    assert installation.rows("select * from rollup_hour order by 1, 2") == rollups
    counts = now_counts(installation)
    assert (counts.agree, counts.dropped) == (True, 17), counts.sums


def test_processes_of_long_ago_become_two_and_the_sums_agree(installation: Installation) -> None:
    for process in range(1, 4):
        store(installation, [("a", process, 1.0, None, None)], offset=10 * process, process=process)
    before = now_counts(installation)
    installation.run("update process_count set last_stored_at = now() - interval '91 days' where process not like '%3'")
    for _ in range(2):
        keep(installation)
        counts = now_counts(installation)
        assert [row["process"] for row in counts.processes][:1] == ["earlier-killed"]
        assert len(counts.processes) == 2
        assert counts.agree, counts.sums
        for key in ("published", "framed", "frames", "sent"):
            assert sum(row[key] for row in counts.processes) == sum(row[key] for row in before.processes), key


def test_found_and_refused_of_long_ago_goes(installation: Installation) -> None:
    installation.run(
        "insert into reject_group values (1, 'r', null, 's', 1, 1, now() - interval '91 days', now() - interval '91 days'),"
        " (2, 'r', null, 's', 1, 1, now(), now());"
        "insert into dead_letter (topic, partition, log_offset, role, reason, value, lost_records, stored_at) values"
        " ('observations', 0, 1, 'detect', '', '', 5, now() - interval '91 days'),"
        " ('observations', 0, 2, 'store', '', '', 0, now());"
        "insert into delivery values ('1', 1, 'n', 't', 'delivered', '', 1, now() - interval '1831 days')"
    )
    keep(installation)
    assert installation.rows("select id from reject_group") == [(2,)]
    assert installation.rows("select count(*) from delivery") == [(0,)]
    counts = now_counts(installation)
    assert (counts.lost, counts.dead_letters, counts.agree) == ({"detect": 5}, 1, False)
    installation.run("insert into agency (name) values ('moving')")
    installation.run("insert into thing select i, 'moving', 'm' || i, 'z', 0, 'wall' from generate_series(1, 2) i")
    places = (
        "insert into historical_location select 1, now() - i * interval '1 hour', 'z' from generate_series(1, 1003) i"
    )
    installation.run(places)
    installation.run("insert into historical_location values (2, now() - interval '10 years', 'z')")
    keep(installation)
    count = "select thing, count(*), min(since) > now() - interval '1001 hours' from historical_location group by 1 order by 1"
    assert installation.rows(count) == [(1, 1000, True), (2, 1, False)], "the latest of each Thing stay"


def test_what_kafka_deleted_before_it_was_read_is_counted(installation: Installation) -> None:
    """The storing worker is away, the log loses its beginning, the worker comes back."""
    load = ("simulate", "--start", "2026-01-05", "--duration", "0.05", "--speed", "max")
    installation.line()
    aedilis(*load, env=installation.env)
    wait(installation, lambda: all_begun(installation) and stored(installation) == ends(installation))
    installation.signal("store", signal.SIGKILL)
    before = ends(installation)
    aedilis(*load[:2], "2026-01-06", *load[3:], env=installation.env)
    wait(installation, lambda: ends(installation) > before)
    time.sleep(0.5)
    lost = asyncio.run(empty(installation)) - stored(installation)
    installation.again("store")
    query = "select sum(lost_records) from dead_letter where role = 'store'"
    wait(installation, lambda: (installation.rows(query)[0][0] or 0) >= lost > 0)
    said = json.loads(aedilis("counts", "--json", env=installation.env, check=False).stdout)
    assert said["lost"]["store"] >= lost
    assert not said["agree"]


def wait(installation: Installation, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def all_begun(installation: Installation) -> bool:
    """Whether something of each partition is stored: where nothing ever was, nobody can say what is lacking."""
    progress = installation.progress(OBSERVATIONS)
    return len(progress) == PARTITIONS and all(progress.values())


def ends(installation: Installation) -> int:
    return sum(installation.ends(OBSERVATIONS).values())


def stored(installation: Installation) -> int:
    return sum(installation.progress(OBSERVATIONS).values())


async def empty(installation: Installation) -> int:
    """Delete all records, as retention would; returns how many there had been."""
    admin = AIOKafkaAdminClient(bootstrap_servers=installation.settings.kafka)
    await admin.start()
    try:
        name = installation.settings.topic(OBSERVATIONS.name)
        every: dict[Any, Any] = {TopicPartition(name, n): RecordsToDelete(before_offset=-1) for n in range(PARTITIONS)}
        return sum((await admin.delete_records(every)).values())
    finally:
        await admin.close()

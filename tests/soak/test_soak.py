"""28 simulated days of the city: after a warm-up neither memory nor files nor topics nor tables grow beyond their bounds.

`make test-soak`; it runs for as long as the load takes. `SOAK_DAYS` changes the days, for a quick look.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from aedilis.topics import ALL, OBSERVATIONS
from tests.installation import ROOT, Installation, aedilis

DAYS = float(os.environ.get("SOAK_DAYS", "28"))
_MIB = 1024 * 1024
TOPIC_BYTES = 4 * _MIB
"""A partition of `observations`, small enough to be reached; state topics get segments of `SEGMENT`."""
SEGMENT = 1 * _MIB
TABLE_BYTES = 60 * _MIB
CHUNK = "6 hours"
GROWTH = 1.25
"""A process may hold so much more at the end than after the first third: its allocator is not exact."""


@pytest.fixture
def small(installation: Installation) -> Installation:
    """An installation whose bounds are so tight that the load reaches them."""
    installation.env["AEDILIS_KEEP_BYTES"] = str(TABLE_BYTES)
    installation.run(f"select set_chunk_time_interval('observation', interval '{CHUNK}')")
    asyncio.run(tighten(installation))
    return installation


async def tighten(installation: Installation) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=installation.settings.kafka)
    await admin.start()
    try:
        for topic in ALL:
            config = {**topic.config, "segment.bytes": str(SEGMENT), "segment.ms": "10000"}
            if config["cleanup.policy"] == "compact":
                config["max.compaction.lag.ms"] = "20000"
            else:
                config["retention.bytes"] = str(TOPIC_BYTES)
            name = installation.settings.topic(topic.name)
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=config)])
    finally:
        await admin.close()


def measure(installation: Installation) -> dict[str, float]:
    """Bytes: of memory of each process, of each topic on disk, of the tables and of the files."""
    found: dict[str, float] = {}
    for name, child in installation.children.items():
        if child.poll() is None and name != "load":
            found[f"memory of {name}"] = psutil.Process(child.pid).memory_info().rss
    logs = ROOT / ".aedilis" / "test" / "kafka" / "logs"
    for topic in ALL:
        folders = logs.glob(f"{installation.settings.topic(topic.name)}-[0-9]*")
        found[f"topic {topic.name}"] = sum(size(folder) for folder in folders)
    with psycopg.connect(installation.database, autocommit=True) as connection:
        for table in ("observation", "rollup_hour"):
            row = connection.execute("select hypertable_size(%s::regclass)", [table]).fetchone()
            found[f"table {table}"] = row[0] if row else 0
        others = [
            "process_count",
            "rollup_dirty",
            "log_progress",
            "frame_count",
            "reject_group",
            "reject_sample",
            "standing_reject",
            "datastream",
        ]
        for table in others:
            row = connection.execute("select pg_total_relation_size(%s::regclass)", [table]).fetchone()
            found[f"table {table}"] = row[0] if row else 0
    found["files"] = size(installation.settings.home_path)
    return found


def size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total


@pytest.mark.timeout(6 * 3600)
def test_it_stays_small(small: Installation) -> None:
    small.line()
    small.start("load", "simulate", "--start", "2026-01-05", "--duration", str(DAYS), "--speed", "max")
    seen: list[tuple[int, dict[str, float]]] = []
    while small.children["load"].poll() is None:
        time.sleep(3)
        rows = small.rows("select coalesce(sum(observations), 0) from frame_count")[0][0]
        seen.append((int(rows), measure(small)))
    assert small.children["load"].returncode == 0
    time.sleep(70)  # a last turn of retention
    at_end = measure(small)
    warm = seen[len(seen) // 3][1]
    for name, value in sorted(at_end.items()):
        peak = max(one.get(name, 0) for _, one in seen)
        print(f"{name:28} warm {warm.get(name, 0) / _MIB:8.1f} peak {peak / _MIB:8.1f} end {value / _MIB:8.1f} MiB")
    for name, value in at_end.items():
        if name.startswith("memory"):
            assert value < GROWTH * warm[name], name
    assert at_end[f"topic {OBSERVATIONS.name}"] < OBSERVATIONS.partitions * (TOPIC_BYTES + 3 * SEGMENT)
    assert at_end["table observation"] < TABLE_BYTES * GROWTH
    said: Any = aedilis("counts", env=small.env, check=False)
    assert said.returncode == 0, said.stdout

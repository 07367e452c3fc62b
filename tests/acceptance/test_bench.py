"""`aedilis bench`: every figure that is promised, nothing that was published is missing, nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from bench.figures import Report
from tests.installation import aedilis

_OF_A_BENCH = re.compile("b[0-9a-f]{8}(-|$)")


def left(servers: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The databases and the topics of the servers that are a bench's by their names; other tests have theirs beside them."""
    with psycopg.connect(servers["database"]) as connection:
        rows = connection.execute("select datname from pg_database").fetchall()
        databases = {name for (name,) in rows if _OF_A_BENCH.match(name)}

    async def topics() -> set[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=servers["kafka"])
        await admin.start()
        try:
            return {name for name in await admin.list_topics() if _OF_A_BENCH.match(name)}
        finally:
            await admin.close()

    return databases, asyncio.run(topics())


@pytest.mark.timeout(200)
def test_a_quick_run_on_given_servers(servers: dict[str, Any], tmp_path: Path) -> None:
    before = left(servers)
    given = {
        f"AEDILIS_{key.upper()}": servers[key] for key in ("mqtt", "mqtt_user", "mqtt_password", "kafka", "database")
    }
    env = {**os.environ, **given, "AEDILIS_HOME": str(tmp_path / "home")}
    shown = aedilis("bench", "--quick", "--seconds", "1", "--json", str(tmp_path / "figures.json"), env=env).stdout
    figures = msgspec.json.decode((tmp_path / "figures.json").read_bytes(), type=Report)
    assert all(getattr(figures, section.name) for section in msgspec.structs.fields(Report))
    for ours in figures.throughput:
        assert ours.stored == ours.published > 0
        assert ours.rejects == 0
        assert {"ingest", "worker-detect", "worker-store", "load"} <= set(ours.cpu_us)
    for plain in figures.plain:
        assert plain.stored == plain.published > 0
    for latency in figures.latency:
        assert latency.row.count > 0
        assert latency.webhook.count > 0
    for scale in figures.datastreams:
        assert all(scale.memory_bytes.values())
        assert scale.state_bytes["detect-state"] > scale.datastreams
    assert all(limit.observations_per_s > 0 for limit in figures.limits)
    assert "A plain Faust app" in shown
    assert [after - known for after, known in zip(left(servers), before, strict=True)] == [set(), set()]
    assert list((tmp_path / "home").iterdir()) == []

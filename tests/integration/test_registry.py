"""What the topics of the registry say reaches whoever follows them; a type changes while its messages come."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aedilis.errors import DeclarationError, ServerError, TopicError
from aedilis.settings import load
from aedilis.topics import NOTIFY_STATE, Topic
from registry.desk import SILENT, Desk
from registry.follower import Follower
from registry.log import Latest
from registry.reports import RUNS, Report
from registry.types import Known
from sensors.declaration import SensorType
from simulation.publisher import Publisher
from tests.installation import Installation, aedilis

QUIET = NOTIFY_STATE
"""Compacted, and nobody else reads it here: no notify role runs."""

LAMP = """
name = "lamp"
version = 1
title = "A lamp"
topic = "city/{agency}/{thing}/lamp"
interval_s = 60
[[detectors]]
name = "range"
parameters = { low = 0.0, high = 1e9 }
[[properties]]
name = "light"
unit = "lx"
[[examples]]
topic = "city/demo/x/lamp"
payload = '{"time": "2026-01-05T00:00:00Z", "light": 1}'
observations = [{ datastream = "light", time = "2026-01-05T00:00:00Z", result = 1 }]
"""
KILO = (
    LAMP.replace("version = 1", "version = 2")
    .replace('"lx"', '"lx"\npayload_unit = "klx"')
    .replace("result = 1 ", "result = 1000 ")
)


def test_the_latest_of_each_key_reaches_who_comes_later_and_who_is_there(module_installation: Installation) -> None:
    settings = module_installation.settings
    told: list[tuple[str, bytes | None]] = []
    heard: list[tuple[str, bytes | None]] = []

    async def run() -> None:
        async with Latest(settings, QUIET, lambda key, value: heard.append((key, value))) as early:
            for key, value in (("a", b"1"), ("b", b"1"), ("a", b"2"), ("b", None)):
                await early.put(key, value)
            assert early.values == {"a": b"2"}
            async with Latest(settings, QUIET, lambda key, value: told.append((key, value))) as late:
                assert late.values == {"a": b"2"}
                assert told == [("a", b"2")]
                await early.put("c", b"3")
                async with asyncio.timeout(20):
                    while "c" not in late.values:
                        await asyncio.sleep(0.02)

    asyncio.run(run())
    assert heard == [("a", b"1"), ("b", b"1"), ("a", b"2"), ("b", None), ("c", b"3")]
    assert told == [("a", b"2"), ("c", b"3")]


def test_a_topic_or_a_broker_that_is_not_there_is_named(module_installation: Installation) -> None:
    async def no_topic() -> None:
        await Latest(module_installation.settings, Topic("none")).open()

    with pytest.raises(TopicError, match="aedilis topics"):
        asyncio.run(no_topic())
    nowhere = {**module_installation.env, "AEDILIS_KAFKA": "127.0.0.1:1"}

    async def no_broker() -> None:
        await Latest(load(nowhere), QUIET).open(patient=False)

    with pytest.raises(ServerError, match=r"127\.0\.0\.1:1"):
        asyncio.run(no_broker())


def test_who_refuses_a_version_and_who_says_nothing_is_told(module_installation: Installation) -> None:
    settings = module_installation.settings
    text, taken = LAMP.replace('"lamp"', '"lantern"').replace("/lamp", "/lantern"), []
    dimmed = text.replace("version = 1", "version = 2").replace("low = 0.0", "low = -1.0")

    async def take(name: str, declared: SensorType | None) -> None:
        if declared is not None and declared.version == 2:
            raise DeclarationError(name=name, count=1, faults="- too dim")
        taken.append((name, declared and declared.version))

    async def answers(desk: Desk, version: int | None) -> dict[str, str]:
        return {process.split(".")[0]: said async for process, said in desk.answers("lantern", version, 0.5)}

    async def run() -> None:
        follower = Follower(settings, "picky", Known(), take)
        await follower.open()
        async with Desk(settings) as desk:
            await desk.apply(text, by="test")
            assert await answers(desk, 1) == {"picky": RUNS}
            await desk.apply(dimmed, by="test")
            assert "too dim" in (await answers(desk, 2))["picky"]
            await desk.reports.say(Report("mute", "ingest", time.time_ns() // 1000, {}))
            await desk.restore("lantern", 1, by="test")
            assert await answers(desk, 1) == {"picky": RUNS, "mute": SILENT}
            await desk.withdraw("lantern", by="test")
            assert await answers(desk, None) == {"picky": RUNS, "mute": RUNS}
            await desk.reports.put("mute", None)
            await follower.close()
            async with asyncio.timeout(20):
                while desk.reports.living():
                    await asyncio.sleep(0.02)

    asyncio.run(run())
    assert taken == [("lantern", 1), ("lantern", None)], "what was restored ran all the time"


def types(installation: Installation, *arguments: str) -> Any:
    return json.loads(aedilis("types", *arguments, "--json", env=installation.env, check=False).stdout)


def test_a_version_that_is_applied_while_messages_come_reads_from_then_on(
    module_installation: Installation, tmp_path: Path
) -> None:
    line = module_installation
    second = tmp_path / "lamp.toml"
    second.write_text(KILO)

    async def nobody_runs_yet() -> dict[str, str]:
        async with Desk(line.settings) as desk:
            await desk.apply(LAMP, by="test")
            return dict([answer async for answer in desk.answers("lamp", 1)])

    assert asyncio.run(nobody_runs_yet()) == {}
    for name, *command in (("detect", "worker", "--role", "detect"), ("store", "worker", "--role", "store")):
        line.start(name, *command)
    line.start("ingest", "ingest")
    line.ready("ingest")
    line.ready("detect")
    published, stop = itertools.count(), threading.Event()

    def publish() -> None:
        with Publisher(line.settings) as publisher:
            while not stop.is_set():
                number = next(published)
                moment = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=number)
                body = json.dumps({"time": moment.isoformat(), "light": number}).encode()
                publisher.publish(f"city/demo/lamp {number % 3}/lamp", body)
                time.sleep(0.002)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        time.sleep(0.3)
        applied = types(line, "apply", str(second), "--note", "kilolux")
        time.sleep(0.3)
        restored = types(line, "restore", "lamp", "1")
        time.sleep(0.3)
    finally:
        stop.set()
        thread.join()
    assert applied["ok"], applied
    assert {process.split(".")[0] for process in applied["answers"]} == {"ingest", "detect", "store"}
    assert applied["changes"][1:] == ["property light: payload_unit added: klx", "examples changed"]
    assert (restored["ok"], restored["version"]) == (True, 1)
    total, deadline = next(published), time.monotonic() + 60
    line.settle(total)
    rows = line.rows("select sensor_type, sensor_version, result from observations order by phenomenon_time")
    assert {row[0] for row in rows} == {"lamp"}
    assert [result for _, _, result in rows] == [
        number * (1000.0 if version == 2 else 1.0) for number, (_, version, _) in enumerate(rows)
    ]
    assert [version for version, _ in itertools.groupby(version for _, version, _ in rows)] == [1, 2, 1]
    assert line.rows("select distinct sensor_type, sensor_version from datastreams") == [("lamp", 1)]
    stands = "select version, in_force, note from sensor_types where name = 'lamp' order by version"
    while line.rows(stands) != [(1, True, ""), (2, False, "kilolux")]:
        assert time.monotonic() < deadline, line.rows(stands)
        time.sleep(0.1)

    # what is open when the type is withdrawn ends: no Observation of it will come any more
    moment = datetime(2026, 1, 6, tzinfo=UTC) + timedelta(minutes=total)
    with Publisher(line.settings) as publisher:
        publisher.publish("city/demo/lamp 0/lamp", json.dumps({"time": moment.isoformat(), "light": -1}).encode())
    for ended, before in ((None, ()), (moment, ("withdraw", "lamp"))):
        assert not before or types(line, *before)["ok"]
        while line.rows("select kind, ends_at from anomalies") != [("range", ended)]:
            assert time.monotonic() < deadline, line.rows("select kind, ends_at from anomalies")
            time.sleep(0.1)

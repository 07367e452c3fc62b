"""What no type could read is kept with its bytes, and read later with its original time: counts in equal counts out."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from aedilis.topics import PARTITIONS, REDRIVE, REJECTS
from aedilis.vocabulary import Envelope
from kept.raw import RawMessage, read_raw
from kept.redrive import Selection, _encode, _envelopes
from simulation.publisher import Publisher
from storage.queries import Reader
from tests.installation import Installation, aedilis

TYPE = """
name = "soil-probe"
version = 1
title = "Soil probe"
topic = "soil/{agency}/{thing}"
interval_s = 60
[time]
field = "t"
[[properties]]
name = "moisture"
unit = "%"
[[examples]]
topic = "soil/demo/a"
payload = '{"t": "2026-01-01T00:00:00Z", "moisture": 5}'
observations = [{ datastream = "moisture", time = "2026-01-01T00:00:00Z", result = 5.0 }]
"""


def told(number: int, **more: Any) -> bytes:
    return json.dumps({"t": f"2026-01-01T00:{number:02d}:00Z", "moisture": number, **more}).encode()


def publish(installation: Installation, messages: list[tuple[str, bytes]]) -> None:
    with Publisher(installation.settings) as publisher:
        for topic, payload in messages:
            publisher.publish(topic, payload)


def counts(installation: Installation) -> Any:
    return json.loads(aedilis("counts", "--json", env=installation.env, check=False).stdout)


def until(done: Callable[[], Any], what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 40
    while not done():
        assert time.monotonic() < deadline, what()
        time.sleep(0.2)


def redrive(installation: Installation, *options: str) -> Any:
    ended = aedilis("redrive", "--json", *options, env=installation.env, check=False)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return json.loads(ended.stdout)


def test_from_quarantine_to_observations(installation: Installation, tmp_path: Path) -> None:
    installation.line()
    good = [("soil/demo/a", told(number)) for number in range(10)] + [("soil/demo/b", told(0))]
    publish(
        installation, [*good, ("soil/demo/a", told(20, sand=1)), ("soil/demo/a", b"\x08\x01\xff"), ("else/where", b"1")]
    )
    until(lambda: counts(installation)["quarantine"]["standing"] == 14, lambda: counts(installation))
    first = counts(installation)
    assert first["agree"], first["sums"]
    groups = installation.rows(
        "select shape, payload_shape, count from reject_group order by count desc, payload_shape"
    )
    assert groups == [
        ("soil/demo/*", "{moisture: number, t: text}", 11),
        ("soil/demo/*", "binary: 3 to 4 bytes, begins 08", 1),
        ("else/where", "number", 1),
        ("soil/demo/*", "{moisture: number, sand: number, t: text}", 1),
    ]
    before = installation.rows("select max(last_received_at) from reject_group")
    assert read_back(installation, "soil/#")[-1] == ("soil/demo/a", b"\x08\x01\xff", False)
    # a type is added
    folder = tmp_path / "types"
    folder.mkdir()
    (folder / "soil_probe.toml").write_text(TYPE)
    installation.env["AEDILIS_SENSOR_TYPES"] = str(folder)
    for name in ("ingest", "detect"):
        installation.signal(name, signal.SIGTERM)
        installation.children[name].wait()
        installation.again(name)
    installation.ready("ingest")
    assert redrive(installation, "--dry-run", "--topic", "soil/+/b")["sent"] == 1
    killed = asyncio.run(standing(installation))
    result = redrive(installation, "--topic", "soil/#")
    assert [result[key] for key in ("selected", "sent", "read", "in_part", "refused", "unanswered", "observations")] == [
        13, 13, 11, 1, 1, 0, 12,
    ]  # fmt: skip
    assert result["reasons"] == {"invalid_utf8": 1, "unknown_field": 1}
    installation.settle(12)
    after = counts(installation)
    assert after["agree"], after["sums"]
    assert after["quarantine"] == {"standing": 3, "redriven": 11, "dropped": 0}
    assert sum(row["messages_rejected"] for row in after["processes"]) == 14
    # with their original time, and once, however often they are sent
    assert installation.rows("select max(ingested_at) from observation")[0] <= before[0]
    again = redrive(installation, "--topic", "soil/#")
    assert [again[key] for key in ("sent", "read", "in_part", "refused", "observations")] == [2, 0, 1, 1, 1]
    assert redrive(installation, "--reason", "no_time")["sent"] == 0
    known = installation.rows("select datastream, phenomenon_time, result from observation order by 1, 2")
    assert len(known) == 12
    # a run that was killed, so that its messages come after those of the next one, and by MQTT twice
    send(installation, [*killed, *killed])
    until(lambda: duplicates(installation) == 1 + 2 * 12, lambda: counts(installation))
    until(lambda: outcomes(installation) == [(13, 12)], lambda: outcomes(installation))
    last = counts(installation)
    assert last["agree"], last["sums"]
    assert last["quarantine"] == after["quarantine"]
    assert installation.rows("select datastream, phenomenon_time, result from observation order by 1, 2") == known
    # what the log loses before it is sent again is counted
    asyncio.run(empty(installation))
    asyncio.run(forget(installation))
    gone = counts(installation)
    assert (gone["agree"], gone["quarantine"]) == (True, {"standing": 0, "redriven": 11, "dropped": 3})


def duplicates(installation: Installation) -> int:
    return int(installation.rows("select sum(duplicates) from frame_count")[0][0])


def read_back(installation: Installation, topic: str) -> list[tuple[str, bytes, bool]]:
    async def read() -> list[RawMessage]:
        return [one async for one in read_raw(installation.settings, topic=topic)]

    return [(one.topic, one.payload, one.retained) for one in asyncio.run(read())]


async def standing(installation: Installation) -> list[Envelope]:
    """What a run would send."""
    reader = Reader(installation.settings)
    await reader.open()
    numbers = dict.fromkeys(("selected", "sent", "cut", "gone"), 0)
    found = _envelopes(installation.settings, reader, Selection(topic="soil/#"), "killed", numbers)
    envelopes = [envelope async for envelope in found]
    await reader.close()
    return envelopes


def send(installation: Installation, envelopes: list[Envelope]) -> None:
    with Publisher(installation.settings) as publisher:
        for envelope in envelopes:
            publisher.publish(f"{REDRIVE}killed", _encode(envelope))


def outcomes(installation: Installation) -> list[tuple[Any, ...]]:
    return installation.rows("select count(*), sum(observations) from redriven where run = 'killed'")


async def empty(installation: Installation) -> None:
    """Delete all rejects of the log, as retention would."""
    admin = AIOKafkaAdminClient(bootstrap_servers=installation.settings.kafka)
    await admin.start()
    name = installation.settings.topic(REJECTS.name)
    every: dict[Any, Any] = {TopicPartition(name, n): RecordsToDelete(before_offset=-1) for n in range(PARTITIONS)}
    await admin.delete_records(every)
    await admin.close()


async def forget(installation: Installation) -> None:
    """What the store role does each minute."""
    from kept.log import beginnings
    from storage.writer import Writer

    async with Writer(installation.settings) as writer:
        assert await writer.drop_rejects(await beginnings(installation.settings, REJECTS)) == 3
        assert await writer.drop_rejects(await beginnings(installation.settings, REJECTS)) == 0

"""The same messages through a plain Faust app on the same servers: one event an Observation, one INSERT a row."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence

import psycopg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from aedilis.errors import BenchError
from aedilis.topics import PARTITIONS
from bench.drive import drive, job
from bench.figures import Plain
from bench.installation import Line, Servers
from bench.packets import FORMS
from bench.plain_app import SUBSCRIBED, TABLE, TOPIC

Loads = Sequence[tuple[str, str]]
LOADS: Loads = (("hub", "table"), ("hub", "dict"), ("single", "table"), ("single", "dict"))
"""Form, and where the agent keeps its state."""
QUICK_LOADS: Loads = (("hub", "dict"),)
BOUND = {"hub": 5_000, "single": 2_000}
WARM_MESSAGES = {"hub": 20, "single": 200}
LOOK_SECONDS = 0.25
START_SECONDS = 60.0
DAY = 86_400_000_000


class _Rows:
    """Counts its rows; see `bench.progress.Progress`."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._asked = 0.0
        self._rows = 0
        self._before = self._count()

    def _count(self) -> int:
        if time.monotonic() - self._asked > LOOK_SECONDS:
            self._rows = int(self._line.rows(f"select count(*) from {TABLE}")[0][0])
            self._asked = time.monotonic()
        return self._rows

    def stored(self) -> int:
        return self._count() - self._before

    def behind(self) -> float:
        return 0.0

    def caught_up(self) -> bool:
        return True


def run(servers: Servers, loads: Loads, seconds: float, say: Callable[[str], None], *, datastreams: int) -> list[Plain]:
    """Each load, QoS 1, on topics and a table of its own."""
    figures = []
    for form, state in loads:
        say(f"plain Faust app: {form}, QoS 1, state in a {state}")
        with Line(servers, {}) as line:
            _prepare(line, state)
            figures.append(_measure(line, form, state, datastreams, seconds))
    return figures


def _prepare(line: Line, state: str) -> None:
    with psycopg.connect(line.settings.database, autocommit=True) as admin:
        admin.execute(
            f"create table {TABLE} (datastream text not null, phenomenon_time timestamptz not null,"
            " result double precision, quality smallint not null, anomalous boolean not null,"
            " primary key (datastream, phenomenon_time))"
        )
        admin.execute(
            "select create_hypertable(%s, 'phenomenon_time', chunk_time_interval => interval '28 days',"
            " create_default_indexes => false)",
            [TABLE],
        )
    asyncio.run(_create_topic(line))
    for name, role in (("plain-bridge", "bridge"), ("plain-agent", state)):
        line.start(name, [sys.executable, "-m", "bench.plain_app", role])
    deadline = time.monotonic() + START_SECONDS
    bridge = line.processes["plain-bridge"]
    while SUBSCRIBED not in bridge.tail():
        if bridge.poll() is not None or time.monotonic() > deadline:
            raise BenchError(problem=f"the plain app does not subscribe:\n{bridge.tail()}", mend="run it again")
        time.sleep(0.05)


async def _create_topic(line: Line) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=line.settings.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(line.settings.topic(TOPIC), PARTITIONS, 1)])
    finally:
        await admin.close()


def _measure(line: Line, form: str, state: str, datastreams: int, seconds: float) -> Plain:
    things = datastreams // FORMS[form].in_message
    first = time.time_ns() // 1000 - 2 * DAY
    warm = job(line, form, things, 1, first_time=first, messages=WARM_MESSAGES[form])
    drive(line, warm, _Rows(line), seconds=60.0, bound=BOUND[form])
    counted = job(line, form, things, 1, first_time=first + 10_000_000)
    done = drive(line, counted, _Rows(line), seconds=seconds, bound=BOUND[form])
    return Plain(
        form=form,
        in_message=FORMS[form].in_message,
        qos=1,
        state=state,
        datastreams=datastreams,
        published=done.published,
        stored=done.stored,
        seconds=done.seconds,
        observations_per_s=done.stored / done.seconds,
        cpu_us=done.cpu_us(),
    )

"""From when a message was due to when its row was visible and its webhook had come, at half of what the line sustains live.

What it sustains live is less than what it makes of a queue, where frames are full: it is looked for first, from above,
with the same Datastreams (`sustained`).

Each Observation bears as its time the moment at which it was due by a fixed schedule, so a message that the load
generator or a full socket delays is late by that much, and one slow second is not counted as one slow message.

- To the row: another connection asks the database every few milliseconds how far each partition is stored, and notes
  when; afterwards the log tells which Observation stands at which offset. So every Observation is measured, at most one
  interval of asking (`asked_every_ms`) too long and never too short.
- To the webhook: some Observations are out of range; a local HTTP server notes when the Alert comes that each opens, in
  whose `opened_at` stands the time of that Observation.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import numpy as np
import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition
from hdrh.histogram import HdrHistogram

from aedilis.frame import decode
from aedilis.topics import OBSERVATIONS, PARTITIONS
from aedilis.vocabulary import Alert
from bench.drive import Load, job
from bench.figures import Latency, Spread
from bench.installation import Line, Servers
from bench.load import Job
from bench.packets import FORMS

ALERTS_PER_SECOND = 20
WARM_SECONDS = 3.0
LONGEST_WARM_SECONDS = 25.0
"""At the beginning all Datastreams are declared; what was due then, and until the line has come up with it, is not
counted."""
ASK_SECONDS = 0.01
MOST_DATASTREAMS = 100_000
SHARES = (0.6, 0.5, 0.4, 0.32, 0.25, 0.18, 0.12)
"""Of the rate of a queue, tried one after the other until the line keeps up."""
SUSTAIN_SECONDS = 6.0
KEEPS_UP_SECONDS = 0.5
"""Who keeps up is no further behind at the end."""
_LONGEST_US = 600_000_000
_DIGITS = 3


def _histogram() -> Any:
    return HdrHistogram(1, _LONGEST_US, _DIGITS)


def _spread(histogram: Any) -> Spread:
    def ms(us: float) -> float:
        return us / 1000.0

    return Spread(
        count=histogram.get_total_count(),
        p50_ms=ms(histogram.get_value_at_percentile(50)),
        p99_ms=ms(histogram.get_value_at_percentile(99)),
        p999_ms=ms(histogram.get_value_at_percentile(99.9)),
        max_ms=ms(histogram.get_max_value()),
    )


class Receiver:
    """A local HTTP server that notes how long after its Observation each Alert came that was opened for its range."""

    def __init__(self) -> None:
        self.came: list[tuple[int, int]] = []  # due and arrival, µs since 1970
        came, decoder = self.came, msgspec.json.Decoder(type=_Told)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                now = time.time_ns() // 1000
                self.send_response(204)
                self.send_header("content-length", "0")
                self.end_headers()
                told = decoder.decode(body)
                if told.type == "alert.open" and told.data.kind == "range":
                    came.append((told.data.opened_at, now))

            def log_message(self, format: str, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Told(msgspec.Struct):
    type: str
    data: Alert


class Watch:
    """Notes, every few milliseconds, the offset up to which each partition of the observations is stored."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._topic = line.settings.topic(OBSERVATIONS.name)
        self._stopping = threading.Event()
        self._seen: list[tuple[int, list[tuple[int, int]]]] = []
        self.asked = 0
        """How often."""
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        query = "select partition, next_offset from log_progress where topic = %s"
        with psycopg.connect(self._line.settings.database, autocommit=True) as connection:
            last: list[tuple[int, int]] = []
            while not self._stopping.wait(ASK_SECONDS):
                rows = sorted(connection.execute(query, [self._topic], prepare=True).fetchall())
                self.asked += 1
                if rows != last:
                    self._seen.append((time.time_ns() // 1000, rows))
                    last = rows

    def visible(self, partition: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """(next offsets, ascending; µs since 1970 at which each was first seen)"""
        found = [(dict(rows).get(partition, 0), at) for at, rows in self._seen]
        offsets = np.array([offset for offset, _ in found], np.int64)
        return offsets, np.array([at for _, at in found], np.int64)


def sustained(servers: Servers, form: str, drained: float, say: Callable[[str], None]) -> float:
    """The highest of some shares of `drained` (Observations a second) at which the line keeps up; 0 if at none."""
    for share in SHARES:
        per_second = drained * share
        say(f"latency: does it keep up with {form}, {per_second:,.0f} Observations/s?")
        # a line of its own: one that has to come up first would tell of gaps
        with Line(servers) as line, Load(line.home, _job(line, form, per_second)) as load:
            load.allow(1 << 60)
            _warm(line, load, per_second)
            load.run(SUSTAIN_SECONDS, _nothing)
            behind = load.published - line.stored()
            load.finish()
        if behind < per_second * KEEPS_UP_SECONDS:
            return per_second
    return 0.0


def _things(form: str, per_second: float) -> int:
    """So many that each Datastream says something once a second."""
    return max(1, min(MOST_DATASTREAMS, int(per_second)) // FORMS[form].in_message)


def _job(line: Line, form: str, per_second: float) -> Job:
    messages = per_second / FORMS[form].in_message
    every = max(1, round(messages / ALERTS_PER_SECOND))
    return job(
        line,
        form,
        _things(form, per_second),
        1,
        agency="bench-live",
        per_second=messages,
        out_of_range_every=every,
    )


def _warm(line: Line, load: Load, per_second: float) -> None:
    """Let it publish until all Datastreams are declared and the line has come up."""
    load.run(WARM_SECONDS, _nothing)
    deadline = time.monotonic() + LONGEST_WARM_SECONDS
    while load.published - line.stored() > per_second and time.monotonic() < deadline:
        load.run(0.2, _nothing)


def run(
    servers: Servers,
    form: str,
    per_second: float,
    seconds: float,
    say: Callable[[str], None],
    *,
    drained: float = 0.0,
    live: float = 0.0,
) -> Latency:
    """Publish `per_second` Observations, each Datastream one a second, with QoS 1.

    `drained` and `live` are what the line makes of a queue and what it sustains, as far as that was measured.
    """
    things = _things(form, per_second)
    in_message = FORMS[form].in_message
    say(f"latency: {form}, {per_second:,.0f} Observations/s of {things * in_message:,} Datastreams")
    with (
        Receiver() as receiver,
        Line(servers, webhook=receiver.url, webhook_secret=servers.settings.webhook_secret) as line,
    ):
        with Watch(line) as watch, Load(line.home, _job(line, form, per_second)) as load:
            load.allow(1 << 60)
            _warm(line, load, per_second)
            counted, began, asked, before = time.time_ns() // 1000, time.monotonic(), watch.asked, line.cpu()
            load.run(seconds, _nothing)
            took, after = time.monotonic() - began, line.cpu()
            every = took / max(1, watch.asked - asked)
            behind = load.published - line.stored()
            load.finish()
            _wait_stored(line, load.published)
            time.sleep(2.0)  # for the last webhooks
        rows = asyncio.run(_to_the_row(line, watch, counted))
    told = _histogram()
    for due, came in receiver.came:
        if due >= counted:
            told.record_value(max(1, came - due))
    return Latency(
        form=form,
        in_message=in_message,
        qos=1,
        datastreams=things * in_message,
        per_s=per_second,
        drained_per_s=drained,
        live_per_s=live,
        row=_spread(rows),
        webhook=_spread(told),
        asked_every_ms=every * 1000,
        behind=behind,
        cores={name: (after[name] - before[name]) / took for name in after},
    )


def _nothing() -> None:
    pass


def _wait_stored(line: Line, observations: int) -> None:
    deadline = time.monotonic() + 60.0
    while line.stored() < observations and time.monotonic() < deadline:
        time.sleep(0.05)


async def _to_the_row(line: Line, watch: Watch, counted: int) -> Any:
    """The histogram of all Observations that were due after `counted` (µs since 1970)."""
    histogram = _histogram()
    topic = line.settings.topic(OBSERVATIONS.name)
    tps = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    visible = {tp: watch.visible(tp.partition) for tp in tps}
    consumer = AIOKafkaConsumer(bootstrap_servers=line.settings.kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                offsets, moments = visible[tp]
                for record in records:
                    at = int(np.searchsorted(offsets, record.offset, side="right"))
                    if at < len(moments):
                        _count(histogram, decode(record.value).phenomenon_time, int(moments[at]), counted)
    finally:
        await consumer.stop()
    return histogram


def _count(histogram: Any, due: np.ndarray[Any, Any], seen: int, counted: int) -> None:
    late, numbers = np.unique(seen - due[due >= counted], return_counts=True)
    for value, number in zip(late.tolist(), numbers.tolist(), strict=True):
        histogram.record_value(max(1, value), number)

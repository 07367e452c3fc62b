"""From the SIGKILL of one of two detecting workers until all its partitions are served again.

A steady load makes some Observations of each partition out of range. A partition is served again when an Anomaly comes
out of it whose Observation was due after the kill; the partition that takes longest counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from aiokafka import AIOKafkaConsumer

from aedilis.errors import BenchError
from aedilis.topics import ANOMALIES, PARTITIONS
from aedilis.vocabulary import Anomaly
from bench.drive import Load, job
from bench.figures import Takeover
from bench.installation import WHOLE, Line, Servers
from bench.packets import FORMS

KILLS = 3
FORM = "hub"
THINGS = 100
"""Each says something once a second."""
OUT_OF_RANGE_EVERY = 2
"""Fifty Anomalies a second: half a dozen a partition."""
PATIENCE_SECONDS = 90.0
SETTLE_SECONDS = 3.0
FRESH_US = 5_000_000
"""A partition whose newest Anomaly is no older is served."""


@dataclass
class _Served:
    """Of each partition, the time of the newest Observation (µs) that an Anomaly came of, and when that was seen (s)."""

    newest: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    seen: list[list[tuple[int, float]]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])

    def say(self, partition: int, time_us: int) -> None:
        if time_us > self.newest[partition]:
            self.newest[partition] = time_us
            self.seen[partition].append((time_us, time.monotonic()))

    def after(self, time_us: int) -> list[float | None]:
        """When each partition was first seen to be beyond a time; None: not yet."""
        return [next((at for when, at in seen if when > time_us), None) for seen in self.seen]


def run(servers: Servers, say: Callable[[str], None], kills: int = KILLS) -> Takeover:
    """Kill a worker, wait, start another one, and again."""
    say("takeover: starting a line with two detecting workers")
    command = WHOLE["worker-detect"]
    commands = {**WHOLE, "worker-detect-2": command}
    with Line(servers, commands) as line, _listen(line) as served:
        what = job(
            line,
            FORM,
            THINGS,
            1,
            agency="bench-live",
            per_second=float(THINGS),
            out_of_range_every=OUT_OF_RANGE_EVERY,
        )
        workers = ["worker-detect", "worker-detect-2"]
        seconds = []
        with Load(line.home, what) as load:
            load.allow(1 << 60)
            for kill in range(kills):
                _until(line, load, served, lambda: None not in served.after(time.time_ns() // 1000 - FRESH_US))
                load.run(SETTLE_SECONDS, _nothing)
                say(f"takeover: kill {kill + 1} of {kills}")
                seconds.append(_kill(line, load, served, workers.pop(0)))
                name = f"worker-detect-{kill + 3}"
                line.start(name, [sys.executable, "-m", "aedilis", *command])
                line.wait_ready(name)
                workers.append(name)
            load.finish()
    ordered = sorted(seconds)
    return Takeover(
        kills=kills,
        observations_per_s=float(THINGS * FORMS[FORM].in_message),
        session_timeout_s=line.settings.session_timeout_seconds,
        p50_s=ordered[len(ordered) // 2],
        max_s=ordered[-1],
    )


def _kill(line: Line, load: Load, served: _Served, name: str) -> float:
    """Kill a worker; the seconds until every partition is served."""
    (pid,) = line.processes[name].commands()
    os.kill(pid, signal.SIGKILL)
    killed, killed_at = time.time_ns() // 1000, time.monotonic()
    _until(line, load, served, lambda: None not in served.after(killed))
    return max(at for at in served.after(killed) if at is not None) - killed_at


def _until(line: Line, load: Load, served: _Served, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        load.run(0.05, _nothing)
        if time.monotonic() > deadline:
            now = time.time_ns() / 1000
            ages = ", ".join(f"{(now - newest) / 1e6:.0f}" for newest in served.newest)
            logs = "\n".join(line.processes[name].tail() for name in line.processes if "detect" in name)
            problem = f"partitions are not served; their newest Anomalies are {ages} s old\n{logs}"
            raise BenchError(problem=problem, mend="run it again")


def _nothing() -> None:
    pass


@contextlib.contextmanager
def _listen(line: Line):  # type: ignore[no-untyped-def]
    """Reads the anomalies in a thread while the context lasts."""
    served, stopping = _Served(), threading.Event()

    async def read() -> None:
        consumer = AIOKafkaConsumer(
            line.settings.topic(ANOMALIES.name), bootstrap_servers=line.settings.kafka, enable_auto_commit=False
        )
        decoder = msgspec.json.Decoder(Anomaly)
        await consumer.start()
        try:
            while not stopping.is_set():
                for tp, records in (await consumer.getmany(timeout_ms=50)).items():
                    for record in records:
                        served.say(tp.partition, decoder.decode(record.value).detected_at)
        finally:
            await consumer.stop()

    thread = threading.Thread(target=lambda: asyncio.run(read()), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        stopping.set()
        thread.join()

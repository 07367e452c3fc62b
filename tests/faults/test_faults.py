"""Whatever is done to the line in the middle of a load, it ends with what a calm run ends with."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from aedilis.topics import ALERTS, ANOMALIES
from simulation.publisher import Publisher
from tests.faults.line import STORED, WHOLE, Line
from tests.faults.load import Load, Perturbation, delays, reorders_datastreams, reorders_things, repeats

Fault = Callable[[Line], None]


# ---------------------------------------------------------------- what is done


def kill(name: str) -> Fault:
    """SIGKILL to a process of the line; its supervisor starts it again."""

    def do(line: Line) -> None:
        process = line.process(name)
        began = time.monotonic()
        process.kill()
        process.wait(20)
        line.process(name)
        line.tell(f"{name}: killed, runs again after {time.monotonic() - began:.1f} s")

    return do


def kill_server(name: str, away: float = 0.0) -> Fault:
    """SIGKILL to a server, which starts again after so many seconds."""

    def do(line: Line) -> None:
        line.servers.kill(name)
        line.stop_asking()
        time.sleep(away)
        line.servers.again(name)

    return do


def stall(line: Line) -> None:
    """SIGSTOP for longer than the session timeout: it wakes with a state that is not its own any more."""
    process = line.process("worker-detect")
    process.suspend()
    time.sleep(5)
    process.resume()


def come_and_go(line: Line) -> None:
    """A second detecting worker comes, takes its share, and goes: two rebalances."""
    guest = line.guest("worker", "--role", "detect")
    time.sleep(4)
    guest.send_signal(signal.SIGTERM)
    assert guest.wait(30) == 0


def kill_one_of_two(line: Line) -> None:
    """A second detecting worker comes; it is stalled, wakes up, and is killed for good."""
    guest = line.guest("worker", "--role", "detect")
    time.sleep(5)
    guest.send_signal(signal.SIGSTOP)
    time.sleep(5)
    guest.send_signal(signal.SIGCONT)
    time.sleep(1)
    guest.kill()
    guest.wait()


def end_all(line: Line) -> None:
    """SIGTERM to every process of the line."""
    for name in ("ingest-all", "worker-detect", "worker-store", "worker-alert", "worker-notify"):
        process = line.process(name)
        process.terminate()
        process.wait(30)


def outage(name: str, seconds: float) -> Fault:
    """A server is away for so long; what each process writes to its log meanwhile is bounded."""

    def do(line: Line) -> None:
        before = line.lengths()
        line.servers.kill(name)
        line.stop_asking()
        watched = [(topic, line.end_of(topic)) for topic in (ANOMALIES, ALERTS)] if name == "database" else []
        keys = len(line.operator.attempts)
        time.sleep(seconds)
        for topic, end in watched:
            grown = line.end_of(topic) - end
            line.tell(f"{name} away for {seconds:.0f} s: the topic {topic.name} grew by {grown} records")
            assert grown > 0, f"{topic.name} stood still"
        if watched:
            told = len(line.operator.attempts) - keys
            line.tell(f"{name} away for {seconds:.0f} s: the webhook was told of {told} changes")
            assert told > 0, "nobody was told"
        for log, (lines, size) in line.lengths().items():
            wrote = lines - before.get(log, (0, 0))[0]
            line.tell(
                f"{name} away for {seconds:.0f} s: {log} wrote {wrote} lines, {size - before.get(log, (0, 0))[1]} bytes"
            )
            assert wrote < seconds, f"{log} is flooded"
        line.servers.again(name)

    return do


def garbage(messages: int) -> Fault:
    """Garbage comes at 10,000 messages a second; every one of them ends among the rejects."""

    def do(line: Line) -> None:
        before = line.rejects()
        began = time.monotonic()
        with Publisher(line.settings) as publisher:
            for i in range(messages):
                publisher.rest(began + i / 10_000 - time.monotonic())
                publisher.publish(*GARBAGE[i % len(GARBAGE)])
        line.tell(f"garbage: {messages} messages at {messages / (time.monotonic() - began):,.0f} a second")
        deadline = time.monotonic() + 120
        while (found := line.rejects() - before) != messages:
            assert time.monotonic() < deadline, f"{found} of {messages} among the rejects"
            time.sleep(0.5)

    return do


GARBAGE = [
    ("city/garbage/One/street", b"{"),
    ("city/garbage/Two/street", b"[1, 2]"),
    ("city/garbage/Three/street", b'{"TEMP": 5}'),
    ("city/garbage/Four/market", b"\xff\xfe"),
    ("city/garbage/Five/nothing", b'{"time": "2026-01-05T00:00:00Z", "TEMP": 5}'),
]


def fill(name: str, seconds: float = 10.0) -> Fault:
    """No byte is free on a server's disk for so long; if it ends of that, it is started again when there is room."""

    def do(line: Line) -> None:
        filler = line.servers.fill(name)
        time.sleep(seconds)
        ended = line.servers.ended(name)
        filler.unlink()
        assert line.servers.said(name, "No space left on device"), f"{name} did not notice"
        line.tell(f"{name}: disk full for {seconds:.0f} s, it {'ended of it' if ended else 'went on'}")
        line.stop_asking()
        time.sleep(1)
        if line.servers.ended(name):
            line.servers.again(name)

    return do


def kill_broker_with_backlog(line: Line) -> None:
    """Ingest is killed, and before it is back Mosquitto too: what it had acknowledged meanwhile is nowhere else."""
    line.process("ingest-all").kill()
    time.sleep(0.7)
    line.servers.kill("mqtt")
    line.servers.again("mqtt")


# ---------------------------------------------------------------- the table of faults


@dataclass(frozen=True)
class Case:
    """Faults, one after the other in equal parts of a load that takes so many seconds."""

    faults: tuple[Fault, ...] = ()
    seconds: float = 6.0
    messages: Perturbation = list
    equal: frozenset[str] = WHOLE
    quota: bool = False  # whether it needs a server on a disk of its own


PROCESSES = ("ingest-all", "worker-detect", "worker-store", "worker-alert", "worker-notify")
SERVERS = ("kafka", "database", "mqtt")
SHORT = {
    "each process killed in turn": Case(tuple(kill(name) for name in PROCESSES), 10),
    "each server killed in turn": Case(tuple(kill_server(name) for name in SERVERS), 8),
    "a worker stalled, another one comes and goes": Case((stall, come_and_go), 8),
}
LONG = {
    **{f"{name} killed twice": Case((kill(name), kill(name)), 10) for name in PROCESSES},
    "a worker beside another one, stalled and killed": Case((kill_one_of_two,), 12),
    "everything told to end": Case((end_all,), 6),
    **{f"{name} killed and away for 20 s": Case((kill_server(name, 20),), 25) for name in SERVERS},
    "mqtt killed, with a backlog": Case((kill_broker_with_backlog,), 10),
    "kafka away for a minute": Case((outage("kafka", 60),), 90),
    "database away for a minute": Case((outage("database", 60),), 90),
    "mqtt away for a minute": Case((outage("mqtt", 60),), 90),
    "the disk of the database full": Case((fill("database"),), 20, quota=True),
    "the disk of kafka full": Case((fill("kafka"),), 20, quota=True),
    "50,000 garbage messages": Case((garbage(50_000),), 8),
    "repeats": Case(messages=repeats),
    "delays": Case(messages=delays),
    "another order of Things": Case(messages=reorders_things),
    "another order in a Datastream": Case(messages=reorders_datastreams, equal=STORED),
}
CASES = {**SHORT, **LONG}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in SHORT else [pytest.mark.long]) for name in CASES]
)
def test_it_ends_as_a_calm_run(line: Line, name: str) -> None:
    case = CASES[name]
    if case.quota and not line.servers.quota:
        pytest.skip("a disk of its own for a server needs root")
    load = Load(name.replace(",", ""))
    load.messages = case.messages(load.messages)
    restarted = len(line.restarted())
    load.publish(line.settings, case.seconds)
    try:
        for number, fault in enumerate(case.faults, 1):
            load.until(number / (len(case.faults) + 1))
            fault(line)
        load.end()
    finally:
        load.stop()
    published = time.monotonic()
    line.settle_load(load, told=case.equal == WHOLE)
    took = time.monotonic() - published
    line.equals_calm(load.agency, case.equal)
    line.tell(f"{name}: equal; all stored and told {took:.1f} s after the last message")
    for said in line.restarted()[restarted:]:
        line.tell(f"{name}: {said}")


@pytest.mark.long
@pytest.mark.parametrize("fault", [kill_server("mqtt"), kill_broker_with_backlog], ids=["alone", "with a backlog"])
def test_what_a_killed_broker_forgets_is_measured(line: Line, request: pytest.FixtureRequest, fault: Fault) -> None:
    """Publishers that send again only what was not acknowledged, as most do."""
    how = request.node.callspec.id
    load = Load(f"forgotten {how}")
    load.publish(line.settings, 6, again_seconds=0)
    try:
        load.until(0.5)
        fault(line)
        load.end()
    finally:
        load.stop()
    lost = line.settle_loss(load)
    line.tell(f"mqtt killed {how}: forgot {lost} of {load.observations} observations that it had acknowledged")
    line.agree()

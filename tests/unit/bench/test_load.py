"""The load generator against a broker that the test plays: what it sends, how it waits, what it says of itself."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.board import Board
from bench.load import UNDER_WAY, Generator, Job
from bench.packets import FORMS, Packets

FIRST_TIME = 1_767_600_000_000_000


class Broker:
    """Lets in whoever comes, counts packets of one size, and acknowledges when `answering`."""

    def __init__(self, size: int, *, answering: bool) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._size = size
        self.answering = threading.Event()
        if answering:
            self.answering.set()
        self.received = 0
        self.farewell = b""
        self.raw = b""
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        connection.recv(1024)
        connection.sendall(b"\x20\x02\0\0")
        rest, owed = b"", 0
        connection.settimeout(0.01)
        while True:
            try:
                if not (said := connection.recv(1 << 20)):
                    break
                rest += said
                self.raw += said
            except TimeoutError:
                pass
            whole = len(rest) // self._size
            rest = rest[whole * self._size :]
            self.received += whole
            owed += whole
            if owed and self.answering.is_set():
                connection.sendall(b"\x40\x02\0\1" * owed)
                owed = 0
        self.farewell = rest
        connection.close()
        self._listener.close()


@contextmanager
def generating(folder: Path, broker: Broker, job: Job, allowed: int = 1 << 40) -> Iterator[Board]:
    board = Board(folder / "board")
    board["allowed"] = allowed
    thread = threading.Thread(target=Generator(job, board).run)
    thread.start()
    yield board
    board["stop"] = 1
    if job.qos:
        broker.answering.set()
    thread.join(10)
    broker.thread.join(10)
    assert not thread.is_alive()


def until(happened: object) -> None:
    deadline = time.monotonic() + 10
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def broker_and_job(qos: int, *, answering: bool | None = None, **more: object) -> tuple[Broker, Job]:
    broker = Broker(
        Packets(FORMS["single"], 10, qos, agency="bench").size, answering=bool(qos) if answering is None else answering
    )
    return broker, Job(mqtt=broker.address, form="single", things=10, qos=qos, first_time=FIRST_TIME, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("qos", [0, 1])
def test_so_many_messages_and_a_farewell(tmp_path: Path, qos: int) -> None:
    broker, job = broker_and_job(qos, messages=57)
    with generating(tmp_path, broker, job) as board:
        until(lambda: board["done"])
    assert board["published"] == broker.received == 57
    assert broker.farewell == b"\xe0\0"
    assert 0 < board["started_at"] <= board["ended_at"]


def test_no_more_than_allowed(tmp_path: Path) -> None:
    broker, job = broker_and_job(0)
    with generating(tmp_path, broker, job, allowed=30) as board:
        until(lambda: board["published"] == 30)
        time.sleep(0.05)
        assert board["published"] == 30
        board["allowed"] = 45
        until(lambda: broker.received == 45)


def test_what_is_not_acknowledged_bounds_what_is_sent(tmp_path: Path) -> None:
    broker, job = broker_and_job(1, answering=False)
    with generating(tmp_path, broker, job) as board:
        until(lambda: broker.received == UNDER_WAY)
        time.sleep(0.05)
        assert board["published"] == UNDER_WAY
        broker.answering.set()
        until(lambda: board["published"] > UNDER_WAY)


def test_what_was_sent_is_acknowledged_before_it_is_done(tmp_path: Path) -> None:
    broker, job = broker_and_job(1, answering=False, messages=10)
    with generating(tmp_path, broker, job) as board:
        until(lambda: broker.received == 10)
        time.sleep(0.05)
        assert not board["done"]
        broker.answering.set()
        until(lambda: board["done"])


def test_by_schedule_each_message_bears_the_time_at_which_it_was_due(tmp_path: Path) -> None:
    broker, job = broker_and_job(0, messages=40, per_second=1_000.0)
    before = time.time_ns() // 1000
    with generating(tmp_path, broker, job) as board:
        until(lambda: board["done"])
    times = [int(found) for found in re.findall(rb'"time":(\d+)', broker.raw)]
    assert times == [times[0] + 1_000 * number for number in range(40)]
    assert before <= times[0] <= time.time_ns() // 1000


def test_as_fast_as_allowed_each_round_is_a_step_later(tmp_path: Path) -> None:
    broker, job = broker_and_job(0, messages=25, step=7)
    with generating(tmp_path, broker, job) as board:
        until(lambda: board["done"])
    times = [int(found) for found in re.findall(rb'"time":(\d+)', broker.raw)]
    assert times == [FIRST_TIME] * 10 + [FIRST_TIME + 7] * 10 + [FIRST_TIME + 14] * 5

"""The load generator: a process of its own (`python -m bench.load JOB BOARD`) that publishes over one raw connection.

Only what a load needs of MQTT 3.1.1: CONNECT, PUBLISH, and with QoS 1 the PUBACKs are counted and bound what is under
way. Packets come from `packets` in blocks. Two ways of pace: as fast as the other side allows (`Board.allowed` bounds
what is published and not yet stored, so that the rate is that of the line and not that of a growing queue), or by a
fixed schedule, where a message is due whether or not the last one was slow, and bears the time at which it was due.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from bench.board import Board
from bench.packets import FORMS, Packets

BLOCK_BYTES = 128 * 1024
REST_SECONDS = 0.004
"""Between two looks whether something is due; a message that waits for it is late by that much, and counts as late."""
UNDER_WAY = 10_000
"""QoS 1: messages sent and not yet acknowledged."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to publish. Times in µs since 1970."""

    mqtt: str  # host:port
    user: str = ""
    password: str = ""
    prefix: str = ""
    agency: str = "bench"
    form: str
    things: int
    qos: int
    first_time: int = 0  # event time of the first round
    step: int = 1_000_000  # event time between two rounds
    messages: int = 0  # so many in all; 0: until told to stop
    per_second: float = 0.0  # messages, by the schedule; their event time is when they are due. 0: as fast as allowed
    out_of_range_every: int = 0  # one Thing in so many says a value out of range, in each round others


class Connection:
    """One connection to the broker, which is let in or fails."""

    def __init__(self, mqtt: str, user: str, password: str, client_id: str, *, clean: bool = True) -> None:
        host, _, port = mqtt.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        flags = (0x02 if clean else 0) | (0xC0 if user else 0)
        body = _text("MQTT") + bytes([4, flags, 0, 0]) + _text(client_id)  # no keep-alive
        if user:
            body += _text(user) + _text(password)
        assert len(body) < 128
        self.socket.sendall(bytes([0x10, len(body)]) + body)
        answer = self._exactly(4)
        if answer[0] != 0x20 or answer[3]:
            raise ConnectionError(f"the MQTT broker refused the load generator: {answer.hex()}")

    def subscribe(self, topic: str, qos: int) -> None:
        """Subscribe to one filter."""
        body = b"\0\1" + _text(topic) + bytes([qos])
        assert len(body) < 128
        self.socket.sendall(bytes([0x82, len(body)]) + body)
        self._exactly(5)

    def _exactly(self, size: int) -> bytes:
        answer = b""
        while len(answer) < size:
            part = self.socket.recv(size - len(answer))
            if not part:
                raise ConnectionError("the MQTT broker closed the connection")
            answer += part
        return answer

    def close(self) -> None:
        """Say good-bye."""
        self.socket.setblocking(True)
        self.socket.sendall(b"\xe0\0")
        self.socket.close()


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


class Generator:
    """Publishes one job."""

    def __init__(self, job: Job, board: Board) -> None:
        self._job, self._board = job, board
        self._packets = Packets(
            FORMS[job.form], job.things, job.qos, agency=job.agency, prefix=job.prefix, seed=job.first_time
        )
        self._at_once = max(1, BLOCK_BYTES // self._packets.size)
        self._connection = Connection(job.mqtt, job.user, job.password, f"aedilis-bench-{time.time_ns():x}")
        self._socket = self._connection.socket
        self._socket.setblocking(False)
        self._published = 0
        self._answered = 0  # bytes of PUBACKs, four each

    def run(self) -> None:
        """Publish until the job is done or the board says stop, and all is acknowledged."""
        job, board = self._job, self._board
        used = time.process_time_ns()
        start = time.monotonic_ns()
        start_time = time.time_ns() // 1000
        while not board["stop"] and not (job.messages and self._published >= job.messages):
            room = self._room(start)
            if room <= 0:
                self._listen(REST_SECONDS)
                continue
            times = self._times(room, start_time)
            block = self._packets.block(self._published, room, times, job.out_of_range_every)
            if not self._published:
                board["started_at"] = time.monotonic_ns()
            self._send(block)
            self._published += len(block) // self._packets.size
            board["published"] = self._published
        board["ended_at"] = time.monotonic_ns()
        while job.qos and self._under_way():
            self._listen(0.05)
        self._connection.close()
        board["cpu"] = time.process_time_ns() - used
        board["done"] = 1

    def _room(self, start: int) -> int:
        job = self._job
        room = min(self._at_once, self._board["allowed"] - self._published)
        if job.messages:
            room = min(room, job.messages - self._published)
        if job.qos:
            room = min(room, UNDER_WAY - self._under_way())
        if job.per_second:
            due = int((time.monotonic_ns() - start) * job.per_second / 1e9) + 1
            room = min(room, due - self._published)
        return room

    def _times(self, room: int, start_time: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        job, first = self._job, self._published
        if job.per_second:
            return start_time + (np.arange(first, first + room) * (1e6 / job.per_second)).astype(np.int64)
        turns = np.arange(first, first + room) // job.things
        return job.first_time + turns * job.step

    def _under_way(self) -> int:
        return self._published - self._answered // 4

    def _send(self, block: memoryview) -> None:
        while len(block):
            try:
                block = block[self._socket.send(block) :]
            except BlockingIOError:
                _, writable, _ = select.select((), (self._socket,), (), 0.002)
                if not writable:
                    self._listen(0)
        if self._job.qos:
            self._listen(0)

    def _listen(self, seconds: float) -> None:
        """Take what the broker says, which can only be PUBACKs, and wait for it at most so long."""
        if seconds and not select.select((self._socket,), (), (), seconds)[0]:
            return
        try:
            while said := self._socket.recv(65536):
                self._answered += len(said)
                if len(said) < 65536:
                    return
        except BlockingIOError:
            return
        raise ConnectionError("the MQTT broker closed the connection")


if __name__ == "__main__":
    Generator(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job), Board(Path(sys.argv[2]))).run()

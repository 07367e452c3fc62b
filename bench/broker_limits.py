"""What Mosquitto hands out at most: to a reader that only counts bytes, and to paho as it comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bench.drive import Load, job
from bench.figures import Limit
from bench.installation import Line, Servers
from bench.load import Connection
from bench.packets import FORMS, Packets

BOUND = {"hub": 100_000, "single": 20_000}
"""Observations published and not yet received."""
DATASTREAMS = 1_000
_RECEIVE_BYTES = 1 << 20


class _Reader(Protocol):
    received: int  # messages

    def close(self) -> None: ...


class RawReader:
    """Counts the bytes of packets that all have one size; with QoS 1 it acknowledges each, in bulk."""

    def __init__(self, line: Line, packets: Packets, qos: int) -> None:
        settings = line.settings
        self.received = 0
        self._packets, self._qos = packets, qos
        self._connection = Connection(settings.mqtt, settings.mqtt_user, settings.mqtt_password, f"{line.name}-raw")
        self._connection.subscribe(f"{settings.mqtt_prefix}#", qos)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        size, rest = self._packets.size, b""
        self._connection.socket.settimeout(0.2)
        while not self._stopping:
            try:
                rest += self._connection.socket.recv(_RECEIVE_BYTES)
            except TimeoutError:
                continue
            whole = len(rest) // size
            if self._qos and whole:
                self._connection.socket.sendall(self._answers(rest[: whole * size]))
            rest = rest[whole * size :]
            self.received += whole

    def _answers(self, packets: bytes) -> bytes:
        rows = np.frombuffer(packets, np.uint8).reshape(-1, self._packets.size)
        answers = np.empty((len(rows), 4), np.uint8)
        answers[:, :2] = 0x40, 0x02
        answers[:, 2:] = rows[:, self._packets.number_at : self._packets.number_at + 2]
        return answers.tobytes()

    def close(self) -> None:
        """Stop reading."""
        self._stopping = True
        self._thread.join()
        self._connection.close()


class PahoReader:
    """paho with its defaults; it acknowledges by itself."""

    def __init__(self, line: Line, packets: Packets, qos: int) -> None:
        settings = line.settings
        self.received = 0
        subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"{line.name}-paho", protocol=paho.MQTTv311)
        if settings.mqtt_user:
            self._client.username_pw_set(settings.mqtt_user, settings.mqtt_password)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{settings.mqtt_prefix}#", qos)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = self._count
        host, _, port = settings.mqtt.rpartition(":")
        self._client.connect(host, int(port))
        self._client.loop_start()
        subscribed.wait(10)

    def _count(self, client: Any, _: Any, message: Any) -> None:
        self.received += 1

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


READERS: dict[str, Callable[[Line, Packets, int], _Reader]] = {
    "Mosquitto to a counter of bytes": RawReader,
    "Mosquitto to paho as it comes": PahoReader,
}


def run(servers: Servers, seconds: float, say: Callable[[str], None]) -> list[Limit]:
    """Each reader with both forms and both levels of QoS."""
    figures = []
    with Line(servers, {}) as line:
        for name, reader in READERS.items():
            for form in ("hub", "single"):
                for qos in (0, 1):
                    say(f"limits: {name}, {form}, QoS {qos}")
                    figures.append(_measure(line, name, reader, form, qos, seconds))
    return figures


def _measure(
    line: Line, name: str, reader: Callable[[Line, Packets, int], _Reader], form: str, qos: int, seconds: float
) -> Limit:
    what = job(line, form, DATASTREAMS // FORMS[form].in_message, qos)
    packets = Packets(FORMS[form], what.things, qos, agency=what.agency, prefix=what.prefix)
    in_message = FORMS[form].in_message
    reads = reader(line, packets, qos)
    try:
        with Load(line.home, what) as load:
            load.run(seconds, lambda: load.allow(reads.received * in_message + BOUND[form]))
            load.finish()
            wanted = load.board["published"]
            deadline = time.monotonic() + 5.0
            while reads.received < wanted and time.monotonic() < deadline:
                time.sleep(0.002)
            took = time.monotonic() - load.board["started_at"] / 1e9
    finally:
        reads.close()
    return Limit(
        what=f"{name}, {in_message} a message, QoS {qos}", observations_per_s=reads.received * in_message / took
    )

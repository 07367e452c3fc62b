"""What the broker sends arrives whole and in order, however the stream is cut, and stays with it until acknowledged."""

from __future__ import annotations

import random
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from aedilis.settings import Settings
from ingest import mqtt
from ingest.mqtt import Message, MqttSource


class Cutter:
    """Stands between a client and the broker, and hands on what the broker sends in pieces of chosen sizes."""

    def __init__(self, broker: str, pieces: Callable[[], int]) -> None:
        host, _, port = broker.rpartition(":")
        self._broker = (host, int(port))
        self._pieces = pieces
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        self._listening.settimeout(0.1)
        while not self._stop.is_set():
            try:
                client, _ = self._listening.accept()
            except TimeoutError:
                continue
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            broker = socket.create_connection(self._broker)
            self._open = [client, broker]
            self._pass_on(client, broker)
            client.close()
            broker.close()

    def _pass_on(self, client: socket.socket, broker: socket.socket) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ)
            ready.register(broker, selectors.EVENT_READ)
            while not self._stop.is_set():
                for key, _ in ready.select(0.1):
                    try:
                        data = key.fileobj.recv(65_536)  # type: ignore[union-attr]
                    except OSError:
                        data = b""
                    if not data:
                        return
                    if key.fileobj is client:
                        broker.sendall(data)
                        continue
                    while data:
                        size = self._pieces()
                        client.sendall(data[:size])
                        data = data[size:]

    def cut_off(self) -> None:
        """Break the connection: the first of its two halves to go takes the other along, from the serving thread."""
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._listening.close()


@pytest.fixture
def settings(servers: dict[str, Any]) -> Settings:
    given = {name: servers[name] for name in ("mqtt", "mqtt_user", "mqtt_password")}
    return Settings(home="", mqtt_prefix=f"t{uuid4().hex[:10]}/", **given)


@pytest.fixture
def sources(settings: Settings) -> Iterator[Callable[..., MqttSource]]:
    """Makes sources of one session; each is connected when it is handed out."""
    name = f"test-{uuid4().hex[:10]}"
    made: list[MqttSource] = []

    def make(at: str = settings.mqtt) -> MqttSource:
        source = MqttSource(msgspec.structs.replace(settings, mqtt=at), name, [f"{settings.mqtt_prefix}#"])
        source.start()
        made.append(source)
        wait_for(lambda: source.connected)
        return source

    yield make
    for source in made:
        source.stop()
    forgotten = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=True)
    forgotten.username_pw_set(settings.mqtt_user, settings.mqtt_password)
    host, _, port = settings.mqtt.rpartition(":")
    forgotten.connect(host, int(port))
    forgotten.disconnect()


def wait_for(what: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@contextmanager
def publisher(settings: Settings) -> Iterator[Callable[[str, bytes, int], None]]:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(settings.mqtt_user, settings.mqtt_password)
    client.max_inflight_messages_set(0)
    host, _, port = settings.mqtt.rpartition(":")
    client.connect(host, int(port))
    client.loop_start()
    sent = []

    def publish(topic: str, payload: bytes, qos: int) -> None:
        sent.append(client.publish(settings.mqtt_prefix + topic, payload, qos))

    yield publish
    for one in sent:
        one.wait_for_publish(20)
    client.disconnect()
    client.loop_stop()


def receive(source: MqttSource, count: int) -> list[Message]:
    got: list[Message] = []
    wait_for(lambda: bool(got.extend(source.take())) or len(got) >= count)  # type: ignore[func-returns-value]
    return got


SIZES = [0, 1, 2, 100, 125, 126, 127, 128, 129, 500, 16_383, 16_384, 16_385, 300_000]
"""Of payloads, about where the length of a packet takes one byte more, and beyond one read of the socket."""


@pytest.mark.parametrize("pieces", ["bytes", "mixed", "whole"])
def test_packets_cut_anywhere(settings: Settings, sources: Callable[..., MqttSource], pieces: str) -> None:
    chance = random.Random(1)
    sizes = {"bytes": lambda: 1, "mixed": lambda: chance.choice([1, 2, 3, 7, 300, 20_000]), "whole": lambda: 65_536}
    chosen = SIZES[:-4] if pieces == "bytes" else SIZES
    cutter = Cutter(settings.mqtt, sizes[pieces])
    try:
        source = sources(cutter.address)
        wanted = []
        with publisher(settings) as publish:
            for i, size in enumerate(chosen * 2):
                topic, payload, qos = "t" * (i + 1), chance.randbytes(size), i % 2
                publish(topic, payload, qos)
                wanted.append(((settings.mqtt_prefix + topic).encode(), payload, qos))
        got = receive(source, len(wanted))
        assert [(message.topic, message.payload, message.qos) for message in got] == wanted
        assert len({message.mid for message in got if message.qos}) == len(wanted) // 2
        source.acknowledge(got)
        source.publish(settings.mqtt_prefix + "last", b"word")  # goes the same way as the acknowledgements
        assert [message.payload for message in receive(source, 1)] == [b"word"]
        source.stop()
        again = sources()
        with publisher(settings) as publish:
            publish("after", b"", 1)
        names = [message.topic.rpartition(b"/")[2] for message in receive(again, 2)]
        assert names == [b"last", b"after"], "all that was acknowledged stays away"
    finally:
        cutter.close()


def test_what_was_not_acknowledged_comes_again_and_only_its_own_connection_counts(
    settings: Settings, sources: Callable[..., MqttSource]
) -> None:
    cutter = Cutter(settings.mqtt, lambda: 65_536)
    try:
        source = sources(cutter.address)
        with publisher(settings) as publish:
            for i in range(100):
                publish("x", str(i).encode(), 1)
        first = receive(source, 100)
        source.acknowledge(first[:40])
        source.publish(settings.mqtt_prefix + "mark", b"")
        receive(source, 1)  # the broker has read the acknowledgements
        cutter.cut_off()
        wait_for(lambda: not source.connected)
        wait_for(lambda: source.connected)
        second = [message for message in receive(source, 60) if message.topic.endswith(b"/x")]
        assert [message.payload for message in second] == [message.payload for message in first[40:]]
        source.acknowledge(first[40:])  # too late: nothing of it is told
        source.stop()
        again = sources()
        third = [message for message in receive(again, 60) if message.topic.endswith(b"/x")]
        assert [message.payload for message in third] == [message.payload for message in first[40:]]
        again.acknowledge(third)
    finally:
        cutter.close()


def test_beyond_a_bound_the_broker_keeps_the_rest(
    settings: Settings, sources: Callable[..., MqttSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "QUEUE_BYTES", 300_000)
    source = sources()
    with publisher(settings) as publish:
        for i in range(3_000):
            publish("x", i.to_bytes(4, "big") + bytes(996), 1)
    most, got = 0, list[Message]()
    while len(got) < 3_000:
        most = max(most, source.waiting())
        time.sleep(0.002)
        taken = source.take()
        source.acknowledge(taken)
        got += taken
    assert [int.from_bytes(message.payload[:4], "big") for message in got] == list(range(3_000))
    assert 0 < most < 1_000

"""The connection to the MQTT broker: QoS 1, persistent session, acknowledged by hand after Kafka has it.

paho's network thread puts messages into a queue; the event loop takes them from there. MQTT 3.1.1, because parsing
the properties of version 5 costs half of the speed, and nothing here uses them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from aedilis import metrics
from aedilis.errors import SettingError
from aedilis.identity import to_topic_level
from aedilis.settings import Settings
from aedilis.topics import TICKS

log = logging.getLogger(__name__)

QUEUE_LIMIT = 200_000
"""Messages waiting for the event loop; beyond it the network thread waits, and the broker keeps the rest."""
_RECEIVE_BYTES = 262_144


class Message(NamedTuple):
    """One MQTT message. `connection` numbers the connection that brought it: an acknowledgement is good for no other."""

    topic: bytes
    payload: bytes
    received_at: int  # µs UTC
    mid: int
    qos: int
    connection: int


class _BufferedClient(paho.Client):  # type: ignore[misc]  # paho is seen as untyped
    """paho reads each packet with several tiny `recv` calls; this one serves them from a large buffer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._read_buffer = b""
        self._read_at = 0

    def reconnect(self) -> Any:
        self._read_buffer, self._read_at = b"", 0
        return super().reconnect()

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._read_at >= len(self._read_buffer):
            self._read_buffer, self._read_at = b"", 0
            self._read_buffer = super()._sock_recv(_RECEIVE_BYTES)
        part = self._read_buffer[self._read_at : self._read_at + bufsize]
        self._read_at += len(part)
        return part

    def loop_read(self, max_packets: int = 1) -> Any:
        code = super().loop_read(max_packets)
        while code == paho.MQTT_ERR_SUCCESS and self._read_at < len(self._read_buffer):
            code = super().loop_read(max_packets)
        return code


class Share:
    """Which messages are this process's own. Every message belongs to exactly one process of a whole set-up.

    `AEDILIS_AGENCIES` names agencies: what lies below them in the declared topics. `!a,!b` is the process for all the
    rest: it reads everything and leaves out what those agencies' processes read. Empty: one process reads all.
    """

    def __init__(self, settings: Settings, templates: list[str]) -> None:
        self._prefix = settings.mqtt_prefix
        named = [agency for agency in settings.agencies if not agency.startswith("!")]
        others = [agency[1:] for agency in settings.agencies if agency.startswith("!")]
        if named and others:
            raise SettingError(
                name="AEDILIS_AGENCIES",
                expected="either names, or names that all begin with !",
                got=settings.agencies,
                mend="give one process the names, and another one the same names with ! for all the rest",
            )
        self._own = self._below(templates, named)
        self._others = self._below(templates, others)
        words = [to_topic_level(name) for name in named] + [f"not-{to_topic_level(name)}" for name in others]
        self.name = ",".join(words) or "all"  # no + or #: it stands in a topic that is subscribed to

    def _below(self, templates: list[str], agencies: list[str]) -> list[str]:
        heads = {template.split("{agency}")[0].replace("{thing}", "+") for template in templates}
        return sorted(f"{self._prefix}{head}{to_topic_level(agency)}/#" for head in heads for agency in agencies)

    def filters(self) -> list[str]:
        """What to subscribe to; of the ticks all, so that who publishes can ask whether anybody listens."""
        return sorted({*self._own, f"{self._prefix}{TICKS}#"}) if self._own else [f"{self._prefix}#"]

    def holds(self, topic: str) -> bool:
        """Whether a topic, with its prefix, is this process's to read."""
        return not any(paho.topic_matches_sub(one, topic) for one in self._others)


class MqttSource:
    """Receives messages until `stop`; `take` drains them, `acknowledge` lets the broker forget them."""

    def __init__(self, settings: Settings, client_id: str, filters: list[str]) -> None:
        self._filters = filters
        self._queue: deque[Message] = deque()
        self._room = threading.Event()
        self._room.set()
        self._stopping = False
        self.connection = 0
        self.connected = False
        self.problem: str | None = "not yet connected"
        self._host, _, port = settings.mqtt.rpartition(":")
        self._port = int(port)
        self._client = _BufferedClient(
            callback_api_version=CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            manual_ack=True,
            protocol=paho.MQTTv311,
        )
        if settings.mqtt_user:
            self._client.username_pw_set(settings.mqtt_user, settings.mqtt_password)
        self._client.reconnect_delay_set(min_delay=0.1, max_delay=1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    def start(self) -> None:
        """Connect in the background, and again whenever the connection breaks."""
        self._client.connect_async(self._host, self._port, keepalive=300)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect; the broker keeps what was not acknowledged."""
        self._stopping = True
        self._room.set()
        self._client.disconnect()
        self._client.loop_stop()

    def take(self, limit: int) -> list[Message]:
        """At most `limit` messages, in the order of their arrival."""
        queue = self._queue
        taken = [queue.popleft() for _ in range(min(limit, len(queue)))]
        if len(queue) < QUEUE_LIMIT // 2:
            self._room.set()
        return taken

    def waiting(self) -> int:
        """How many messages wait to be taken."""
        return len(self._queue)

    def acknowledge(self, messages: list[Message]) -> None:
        """Tell the broker that these are safe. Those of an earlier connection come again and are told then."""
        current = self.connection
        for message in messages:
            if message.qos and message.connection == current:
                self._client.ack(message.mid, message.qos)

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1 if connected."""
        if self.connected:
            self._client.publish(topic, payload, qos=1)

    def _on_connect(self, client: Any, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self.problem = f"the MQTT broker refused: {reason}"
            log.error("%s", self.problem)
            return
        self.connection += 1
        self.problem = "connected to the MQTT broker, not yet subscribed"
        client.subscribe([(name, 1) for name in self._filters])
        log.info("connected to MQTT, session present: %s", flags.session_present)

    def _on_subscribe(self, client: Any, _: Any, mid: int, reasons: Any, properties: Any) -> None:
        if refused := [str(reason) for reason in reasons if reason.is_failure]:
            self.problem = f"the MQTT broker refused a subscription: {', '.join(refused)}"
            log.error("%s", self.problem)
            return
        self.connected, self.problem = True, None
        metrics.MQTT_CONNECTED.set(1)

    def _on_disconnect(self, client: Any, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        self.connected, self.problem = False, f"disconnected from the MQTT broker: {reason}"
        metrics.MQTT_CONNECTED.set(0)
        if not self._stopping:
            log.warning("%s", self.problem)

    def _on_message(self, client: Any, _: Any, message: Any) -> None:
        self._queue.append(
            Message(
                message._topic,  # the bytes: `message.topic` raises where they are not UTF-8
                message.payload,
                time.time_ns() // 1000,
                message.mid,
                message.qos,
                self.connection,
            )
        )
        if len(self._queue) > QUEUE_LIMIT:
            self._room.clear()
            while not self._room.wait(1.0) and not self._stopping:
                pass

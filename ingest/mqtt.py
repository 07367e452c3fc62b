"""The connection to the MQTT broker: QoS 1, persistent session, acknowledged by hand after Kafka has it.

paho's network thread puts what came with one read of the socket into a queue, as one list; the event loop takes it from
there. MQTT 3.1.1, because parsing the properties of version 5 costs half of the speed, and nothing here uses them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from aedilis import metrics
from aedilis.errors import SettingError
from aedilis.identity import to_topic_level
from aedilis.settings import Settings
from aedilis.topics import REDRIVE, TICKS
from sensors.compile import CompiledType
from sensors.template import Template, filled, placeholders

log = logging.getLogger(__name__)

QUEUE_MESSAGES, QUEUE_BYTES = 200_000, 67_108_864
"""Of what waits for the event loop; beyond either the network thread waits, and the broker keeps the rest."""
_RECEIVE_BYTES = 262_144
_PUBLISH, _PUBACK = 0x30, 0x40
_ACKNOWLEDGEMENT = np.dtype([("head", ">u2"), ("mid", ">u2")])


class Message(NamedTuple):
    """One MQTT message. `connection` numbers the connection that brought it: an acknowledgement is good for no other."""

    topic: bytes
    payload: bytes
    received_at: int  # µs UTC
    mid: int
    qos: int
    connection: int
    retained: bool = False  # a copy that the broker kept, sent on subscribing


class BulkClient(paho.Client):  # type: ignore[misc]  # paho is seen as untyped
    """paho, but for PUBLISH packets: those are taken out of the stream many at once, before paho sees them.

    paho reads a packet byte by byte through `_sock_recv`, makes an object of it and calls back. Here `_sock_recv` serves
    from a large buffer; where paho asks for the first byte of a packet it gets only those that are no PUBLISH. All else
    (connecting, subscribing, keepalive, writing) is paho's.
    """

    def __init__(self, deliver: Callable[[list[Message], int], None], **options: Any) -> None:
        super().__init__(**options)
        self._deliver = deliver
        self._buffer, self._at, self._cut = b"", 0, False
        """What was received, what of it is taken, and whether the beginning of a PUBLISH is all that is left."""
        self._acknowledging = threading.Lock()
        self.connection = 0

    def reconnect(self) -> Any:
        """As paho; what was received over the connection before can no longer be acknowledged."""
        with self._acknowledging:
            self.connection += 1
        self._buffer, self._at, self._cut = b"", 0, False
        return super().reconnect()

    def acknowledge(self, messages: list[Message]) -> None:
        """Acknowledge those of this connection, all in one write."""
        with self._acknowledging:
            mids = [message.mid for message in messages if message.qos and message.connection == self.connection]
            if mids:
                packets = np.empty(len(mids), _ACKNOWLEDGEMENT)
                packets["head"] = _PUBACK << 8 | 2
                packets["mid"] = mids
                self._packet_queue(_PUBACK, packets.tobytes(), 0, 1)

    def loop_read(self, max_packets: int = 1) -> Any:
        """As paho, until nothing is left in the buffer but the beginning of a PUBLISH."""
        code = super().loop_read(max_packets)
        while code == paho.MQTT_ERR_SUCCESS and self._at < len(self._buffer) and not self._cut:
            code = super().loop_read(max_packets)
        return code

    def _sock_recv(self, bufsize: int) -> bytes:
        between_packets = self._in_packet["command"] == 0
        if self._at == len(self._buffer) or self._cut:
            received = super()._sock_recv(_RECEIVE_BYTES)
            if not received:
                return b""  # closed
            self._buffer, self._at = self._buffer[self._at :] + received, 0
        if between_packets:
            self._take_publishes()
            if self._cut or self._at == len(self._buffer):
                raise BlockingIOError  # back to paho's loop, which writes too, and waits for more
        part: bytes = self._buffer[self._at : self._at + bufsize]
        self._at += len(part)
        return part

    def _take_publishes(self) -> None:
        """Take all PUBLISH packets from here up to another packet or the end of the buffer."""
        buffer, at, end = self._buffer, self._at, len(self._buffer)
        now, connection = time.time_ns() // 1000, self.connection
        messages = []
        self._cut = False
        while at < end and (first := buffer[at]) & 0xF0 == _PUBLISH:
            length, shift, start = 0, 0, at + 1
            while start < end and (byte := buffer[start]) & 0x80 and shift < 21:
                length |= (byte & 0x7F) << shift
                shift += 7
                start += 1
            if start == end or start + 1 + (length := length | buffer[start] << shift) > end:
                self._cut = True
                break
            start += 1
            at = start + length
            qos = first >> 1 & 3
            after_topic = start + 2 + (buffer[start] << 8 | buffer[start + 1]) if length >= 2 else end + 1
            payload = after_topic + 2 if qos else after_topic
            if payload > at or qos > 1:
                raise ConnectionError("the MQTT broker sent a PUBLISH packet that is none")
            mid = buffer[after_topic] << 8 | buffer[after_topic + 1] if qos else 0
            topic = buffer[start + 2 : after_topic]
            messages.append(Message(topic, buffer[payload:at], now, mid, qos, connection, first & 1 == 1))
        consumed, self._at = at - self._at, at
        if messages:
            self._deliver(messages, consumed)


class Share:
    """Which messages are this process's own. Every message belongs to exactly one process of a whole set-up.

    `AEDILIS_AGENCIES` names agencies. A topic is that of the agency to which its sensor type gives it, else of the one
    whose name stands where the types that name agencies in a level have it. `!a,!b` is the process for all the rest: it
    reads everything and leaves out what those agencies' processes read. Empty: one process reads all.
    """

    def __init__(self, settings: Settings, types: Iterable[CompiledType]) -> None:
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
        self._named = [to_topic_level(name) for name in named]
        self._others = [to_topic_level(name) for name in others]
        forms = [(template, kind.declared.thing.agency) for kind in types for template in kind.templates]
        self._forms = sorted(forms, key=lambda form: form[0].rank)
        self._heads = sorted({head for form in forms if (head := _head(*form)) is not None})
        words = self._named or [f"not-{name}" for name in self._others]
        self.name = ",".join(words) or "all"  # no + or #: it stands in a topic that is subscribed to

    def filters(self) -> list[str]:
        """What to subscribe to; of the ticks all, so that who publishes can ask whether anybody listens.

        What is sent again comes to every process, and is read by the one that holds the topic inside.
        """
        if not self._named:
            return [f"{self._prefix}#"]
        own = {f"{TICKS}#", f"{REDRIVE}#", *(f"{head}{agency}/#" for head in self._heads for agency in self._named)}
        for template, agency in self._forms:
            if _head(template, agency) is None and (placeholders(agency) or to_topic_level(agency) in self._named):
                own.add(template.filter)  # with placeholders: `holds` tells which of them
        return sorted(self._prefix + one for one in own)

    def holds(self, topic: str) -> bool:
        """Whether a topic, with its prefix, is this process's to read."""
        if not self._named and not self._others:
            return True
        agency = self._agency(topic.removeprefix(self._prefix))
        return agency in self._named if self._named else agency not in self._others

    def _agency(self, topic: str) -> str | None:
        """Whose a topic is, written as a level of it."""
        for template, agency in self._forms:
            fields = template.match(topic)
            if fields is not None:
                return filled(agency, fields) if placeholders(agency) else to_topic_level(agency)
        for head in self._heads:  # of no type, and yet below an agency
            if paho.topic_matches_sub(f"{head}#", topic):
                return topic.split("/")[head.count("/")]
        return None


def _head(template: Template, agency: str) -> str | None:
    """The MQTT filter of what stands before the agency's level; None where it has no level for itself."""
    names = placeholders(agency)
    return template.head(min(names)) if len(names) == 1 and agency == f"{{{min(names)}}}" else None


class MqttSource:
    """Receives messages until `stop`; `take` drains them, `acknowledge` lets the broker forget them."""

    def __init__(self, settings: Settings, client_id: str, filters: list[str]) -> None:
        self._filters = filters
        self._queue: deque[tuple[list[Message], int]] = deque()
        self._put = self._put_bytes = self._taken = self._taken_bytes = 0  # each written by one thread only
        self._room = threading.Event()
        self._stopping = False
        self.connected = False
        self.problem: str | None = "not yet connected"
        self._host, _, port = settings.mqtt.rpartition(":")
        self._port = int(port)
        self._client = BulkClient(
            self._deliver,
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

    def listen(self, filters: list[str]) -> None:
        """Subscribe to these as well. Nothing is unsubscribed from: what no type reads any more is kept as a reject."""
        new = [name for name in filters if name not in self._filters]
        self._filters = [*self._filters, *new]
        if new:
            self._client.subscribe([(name, 1) for name in new])  # does nothing when away: connecting subscribes to all

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

    def take(self) -> list[Message]:
        """What came with one read of the socket, in the order of its arrival; nothing if all was taken."""
        if not self._queue:
            return []
        messages, size = self._queue.popleft()
        self._taken += len(messages)
        self._taken_bytes += size
        self._room.set()
        return messages

    def waiting(self) -> int:
        """How many messages wait to be taken."""
        return self._put - self._taken

    def acknowledge(self, messages: list[Message]) -> None:
        """Tell the broker that these are safe. Those of an earlier connection come again and are told then."""
        self._client.acknowledge(messages)

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1 if connected."""
        if self.connected:
            self._client.publish(topic, payload, qos=1)

    def _on_connect(self, client: Any, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self.problem = f"the MQTT broker refused: {reason}"
            log.error("%s", self.problem)
            return
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

    def _deliver(self, messages: list[Message], size: int) -> None:
        self._put += len(messages)
        self._put_bytes += size
        self._queue.append((messages, size))
        while self._full() and not self._stopping:
            self._room.clear()
            if self._full():
                self._room.wait(1.0)

    def _full(self) -> bool:
        return self._put - self._taken > QUEUE_MESSAGES or self._put_bytes - self._taken_bytes > QUEUE_BYTES

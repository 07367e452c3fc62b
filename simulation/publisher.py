"""Publishes over MQTT with QoS 1, as a device does that must not lose anything.

While the broker is away it waits and connects again. What the broker had not acknowledged is sent again by paho; what
it acknowledged in its last ten seconds is sent again too, because a broker that is killed forgets what it has not yet
saved. The line knows a repeated observation by its key and counts it as a duplicate.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from aedilis.errors import ServerError
from aedilis.settings import Settings
from aedilis.topics import TICKS

log = logging.getLogger(__name__)

UNDER_WAY = 2_000
"""Messages sent and not yet acknowledged by the broker; beyond it `publish` waits."""
AGAIN_SECONDS = 10.0
"""What was sent so shortly before the broker went away is sent again when it is back."""
_PATIENCE_SECONDS = 600.0
_WAIT_SECONDS = 0.1


def anybody_listens(settings: Settings) -> bool:
    """Whether an ingest process has subscribed, now or ever: a broker keeps nothing for who never has.

    MQTT 5 tells with the acknowledgement that nobody has; an older broker does not, and gets the benefit of the doubt.
    """
    answers: list[Any] = []
    answered = threading.Event()

    def on_publish(_: Any, __: Any, mid: int, reason: Any, properties: Any) -> None:
        answers.append(reason)
        answered.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    if settings.mqtt_user:
        client.username_pw_set(settings.mqtt_user, settings.mqtt_password)
    client.on_publish = on_publish
    client.on_connect = lambda *_: client.publish(f"{settings.mqtt_prefix}{TICKS}anybody", b"?", qos=1)
    host, _, port = settings.mqtt.rpartition(":")
    client.connect(host, int(port))
    client.loop_start()
    answered.wait(5)
    client.disconnect()
    client.loop_stop()
    return not any(reason.getName() == "No matching subscribers" for reason in answers)


class Publisher:
    """One connection; use it as a context manager: leaving it waits for the last acknowledgement.

    When `stopping` is set, `publish` and `rest` return False at once, also during an outage.
    """

    def __init__(self, settings: Settings, stopping: threading.Event | None = None) -> None:
        self._settings = settings
        self._stopping = stopping or threading.Event()
        self._room = threading.Semaphore(UNDER_WAY)
        self._connected = threading.Event()
        self._came_back = threading.Event()
        self._recent: deque[tuple[float, str, bytes]] = deque()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"aedilis-publisher-{uuid.uuid4().hex[:12]}",
            clean_session=True,  # it subscribes to nothing, and leaves no session behind
            protocol=paho.MQTTv311,
        )
        if settings.mqtt_user:
            self._client.username_pw_set(settings.mqtt_user, settings.mqtt_password)
        self._client.max_inflight_messages_set(0)  # `_room` bounds them; paho would look at all of them at each answer
        self._client.max_queued_messages_set(0)
        self._client.reconnect_delay_set(0.1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self.problem: str | None = "not yet connected"
        self.published = 0
        """Messages given to `publish`."""
        self._sent = 0
        """The same, and those sent again."""
        self._acknowledged = 0

    def _on_connect(self, client: Any, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self.problem = f"the MQTT broker refused: {reason}"
            return
        if self._sent:
            self._came_back.set()
            log.info("connected to MQTT again")
        self.problem = None
        self._connected.set()

    def _on_disconnect(self, client: Any, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._connected.clear()
        self.problem = f"disconnected from the MQTT broker: {reason}"
        if reason.is_failure:
            log.warning("%s", self.problem)

    def _on_publish(self, client: Any, _: Any, mid: int, reason: Any, properties: Any) -> None:
        self._acknowledged += 1
        self._room.release()

    def __enter__(self) -> Publisher:
        host, _, port = self._settings.mqtt.rpartition(":")
        try:
            self._client.connect(host, int(port), keepalive=60)
        except OSError as error:
            mend = "is it running? `aedilis servers status`"
            raise ServerError(server="mqtt", problem=f"{self._settings.mqtt}: {error}", mend=mend) from error
        self._client.loop_start()
        if not self._connected.wait(10):
            self._close()
            raise ServerError(
                server="mqtt",
                problem=f"{self._settings.mqtt} did not let us in: {self.problem}",
                mend="check AEDILIS_MQTT_USER and _PASSWORD",
            )
        return self

    def publish(self, topic: str, payload: bytes) -> bool:
        """Queue a message; waits while too many are under way. False: it was not sent, because all is stopping."""
        self._keep_up()
        if not self._send(self._settings.mqtt_prefix + topic, payload):
            return False
        self.published += 1
        return True

    def rest(self, seconds: float) -> bool:
        """Do nothing for so long, but for what a connection that came back asks for. False: all is stopping."""
        deadline = time.monotonic() + seconds
        while not self._stopping.is_set() and (left := deadline - time.monotonic()) > 0:
            self._keep_up()
            self._stopping.wait(min(left, 1.0))
        return not self._stopping.is_set()

    def flush(self, seconds: float = _PATIENCE_SECONDS) -> bool:
        """Wait until the broker has acknowledged everything. False: for so long it acknowledged nothing more, or all is
        stopping while the broker is away."""
        seen, deadline = self._acknowledged, time.monotonic() + seconds
        while self._came_back.is_set() or self._acknowledged < self._sent:
            self._keep_up()
            if self._acknowledged != seen:
                seen, deadline = self._acknowledged, time.monotonic() + seconds
            elif time.monotonic() > deadline or (self._stopping.is_set() and not self._connected.is_set()):
                return False
            time.sleep(0.005)
        return True

    def _send(self, topic: str, payload: bytes) -> bool:
        while not self._room.acquire(timeout=_WAIT_SECONDS):
            if self._stopping.is_set():
                return False
        now = time.monotonic()
        recent = self._recent
        recent.append((now, topic, payload))
        while self._connected.is_set() and recent[0][0] < now - AGAIN_SECONDS:
            recent.popleft()
        self._client.publish(topic, payload, qos=1)
        self._sent += 1
        return True

    def _keep_up(self) -> None:
        if not self._came_back.is_set():
            return
        self._came_back.clear()
        again = list(self._recent)
        self._recent.clear()
        for _, topic, payload in again:
            if not self._send(topic, payload):
                return

    def _close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopping = self._stopping.is_set()
        done = kind is not None or self.flush(1.0 if stopping else _PATIENCE_SECONDS)
        missing = self._sent - self._acknowledged
        self._close()
        if not done and not stopping:
            raise ServerError(server="mqtt", problem=f"did not acknowledge {missing} messages", mend="try again")

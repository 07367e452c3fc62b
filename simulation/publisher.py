"""Publishes over MQTT with QoS 1, as a device does that must not lose anything.

A broker that is killed forgets what it has not yet saved, also of what it had acknowledged. So what was published is
kept until it has been acknowledged for ten seconds, and when a connection comes back, all that is kept is sent again,
in order, before anything newer. The line knows a repeated observation by its key and counts it as a duplicate.
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
"""What was acknowledged so shortly before the broker went away is sent again when it is back."""
_PATIENCE_SECONDS = 600.0
_WAIT_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
_ENTER_SECONDS = 10.0


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


class _Connection:
    """One connection to the broker, until it breaks. It does not come back: paho would send what it holds before what
    was lost, and older messages would come after newer ones."""

    def __init__(self, settings: Settings) -> None:
        self.sent = 0
        self.acknowledged = 0  # the broker acknowledges in the order of sending
        self.problem: str | None = "the broker has not answered yet"
        self.broken = False
        self.room = threading.Semaphore(UNDER_WAY)
        self._answered = threading.Event()
        self._host, _, port = settings.mqtt.rpartition(":")
        self._port = int(port)
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"aedilis-publisher-{uuid.uuid4().hex[:12]}",
            clean_session=True,  # it subscribes to nothing, and leaves no session behind
            protocol=paho.MQTTv311,
            reconnect_on_failure=False,
        )
        if settings.mqtt_user:
            self._client.username_pw_set(settings.mqtt_user, settings.mqtt_password)
        self._client.max_inflight_messages_set(0)  # `room` bounds them; paho would look at all of them at each answer
        self._client.max_queued_messages_set(0)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish

    def open(self, seconds: float) -> bool:
        """Connect; whether the broker let us in.

        Raises:
            OSError: nobody accepts connections there.
        """
        self._client.connect_timeout = seconds
        self._client.connect(self._host, self._port, keepalive=60)
        self._client.loop_start()
        self._answered.wait(seconds)
        return self.problem is None

    def send(self, topic: str, payload: bytes) -> None:
        """Give a message to paho; the caller has acquired `room`."""
        self._client.publish(topic, payload, qos=1)
        self.sent += 1

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Any, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        self.problem = f"the MQTT broker refused: {reason}" if reason.is_failure else None
        self._answered.set()

    def _on_disconnect(self, client: Any, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        self.problem = self.problem or f"disconnected from the MQTT broker: {reason}"
        self.broken = True
        self._answered.set()

    def _on_publish(self, client: Any, _: Any, mid: int, reason: Any, properties: Any) -> None:
        self.acknowledged += 1
        self.room.release()


class Publisher:
    """Use it as a context manager, from one thread: leaving it waits for the last acknowledgement.

    When `stopping` is set, `publish` and `rest` return False at once, also during an outage. What was acknowledged
    `again_seconds` before the broker went away, or later, is sent again.
    """

    def __init__(
        self, settings: Settings, stopping: threading.Event | None = None, again_seconds: float = AGAIN_SECONDS
    ) -> None:
        self._settings = settings
        self._stopping = stopping or threading.Event()
        self._again_seconds = again_seconds
        self._connection = _Connection(settings)
        self._kept: deque[tuple[str, bytes]] = deque()
        """What may have to be sent again, oldest first."""
        self._left: deque[tuple[str, bytes]] = deque()
        """What of it has yet to be sent on this connection."""
        self._before = 0  # messages forgotten on this connection: what it sent is these and the first of `_kept`
        self._marks: deque[tuple[float, int]] = deque()
        """When, and how many were acknowledged on this connection by then."""
        self._pause = _WAIT_SECONDS
        self._try_at = 0.0
        self.published = 0
        """Messages given to `publish`."""

    @property
    def problem(self) -> str | None:
        """What is wrong with the connection, None when nothing is."""
        return self._connection.problem

    def __enter__(self) -> Publisher:
        where = self._settings.mqtt
        try:
            entered = self._connection.open(_ENTER_SECONDS)
        except OSError as error:
            mend = "is it running? `aedilis servers status`"
            raise ServerError(server="mqtt", problem=f"{where}: {error}", mend=mend) from error
        if not entered:
            problem = f"{where} did not let us in: {self.problem}"
            self._connection.close()
            raise ServerError(server="mqtt", problem=problem, mend="check AEDILIS_MQTT_USER and _PASSWORD")
        return self

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send a message; waits while too many are under way. False: it was not sent, because all is stopping."""
        while not self._has_room():
            if self._stopping.is_set():
                return False
        message = (self._settings.mqtt_prefix + topic, payload)
        self._kept.append(message)
        self._connection.send(*message)
        self.published += 1
        self._forget()
        return True

    def rest(self, seconds: float) -> bool:
        """Do nothing for so long, but for what a connection that came back asks for. False: all is stopping."""
        deadline = time.monotonic() + seconds
        while not self._stopping.is_set() and (left := deadline - time.monotonic()) > 0:
            if self._caught_up():
                self._forget()
            self._stopping.wait(min(left, 1.0))
        return not self._stopping.is_set()

    def flush(self, seconds: float = _PATIENCE_SECONDS) -> bool:
        """Wait until the broker has acknowledged everything. False: for so long it acknowledged nothing more, or all is
        stopping while the broker is away."""
        seen, deadline = (self._connection, 0), time.monotonic() + seconds
        while not (self._caught_up() and self._connection.acknowledged == self._connection.sent):
            now = (self._connection, self._connection.acknowledged)
            if now != seen:
                seen, deadline = now, time.monotonic() + seconds
            elif time.monotonic() > deadline or (self._stopping.is_set() and self._connection.broken):
                return False
            time.sleep(0.005)
        return True

    def _has_room(self) -> bool:
        """Whether the next message may go; waits a little for it."""
        if not self._caught_up():
            time.sleep(0.01)
            return False
        return self._connection.room.acquire(timeout=_WAIT_SECONDS) and not self._connection.broken

    def _caught_up(self) -> bool:
        """Whether the connection stands and nothing has to be sent again before what is new; does some of it."""
        if self._connection.broken and not self._connect_again():
            return False
        while self._left:
            if not self._connection.room.acquire(timeout=_WAIT_SECONDS) or self._connection.broken:
                return False
            self._connection.send(*self._left.popleft())
        return True

    def _connect_again(self) -> bool:
        """Try once, unless the last attempt was just now."""
        if time.monotonic() < self._try_at:
            return False
        log.warning("%s", self._connection.problem)
        self._connection.close()
        fresh = _Connection(self._settings)
        try:
            opened = fresh.open(2.0)
        except OSError as error:
            fresh.problem, opened = f"the MQTT broker cannot be reached: {error}", False
        if not opened:
            fresh.close()
            fresh.broken = True
        self._connection, self._before = fresh, 0
        self._marks.clear()
        self._left = deque(self._kept)
        self._pause = _WAIT_SECONDS if opened else min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
        self._try_at = time.monotonic() + self._pause
        if opened:
            log.info("connected to MQTT again, sending %d messages again", len(self._left))
        return opened

    def _forget(self) -> None:
        """What has been acknowledged for long enough is the broker's."""
        now, marks = time.monotonic(), self._marks
        if not marks or now >= marks[-1][0] + self._again_seconds / 10:
            marks.append((now, self._connection.acknowledged))
        while marks and marks[0][0] <= now - self._again_seconds:
            _, acknowledged = marks.popleft()
            while self._before < acknowledged:
                self._kept.popleft()
                self._before += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopping = self._stopping.is_set()
        done = kind is not None or self.flush(1.0 if stopping else _PATIENCE_SECONDS)
        missing = len(self._left) + self._connection.sent - self._connection.acknowledged
        self._connection.close()
        if not done and not stopping:
            raise ServerError(server="mqtt", problem=f"did not acknowledge {missing} messages", mend="try again")

"""Publishes over MQTT with QoS 1 and waits until the broker has everything."""

from __future__ import annotations

import threading
import time
import uuid
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from aedilis.errors import ServerError
from aedilis.settings import Settings

UNDER_WAY = 2_000
"""Messages sent and not yet acknowledged by the broker; beyond it `publish` waits."""


class Publisher:
    """One connection; use it as a context manager: leaving it waits for the last acknowledgement."""

    def __init__(self, settings: Settings, qos: int = 1) -> None:
        self._settings = settings
        self._qos = qos
        self._room = threading.Semaphore(UNDER_WAY)
        self._connected = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"aedilis-publisher-{uuid.uuid4().hex[:12]}",
            clean_session=False,
            protocol=paho.MQTTv311,
        )
        if settings.mqtt_user:
            self._client.username_pw_set(settings.mqtt_user, settings.mqtt_password)
        self._client.max_inflight_messages_set(UNDER_WAY)
        self._client.max_queued_messages_set(0)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self.sent = 0
        self.acknowledged = 0

    def _on_connect(self, client: Any, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        if not reason.is_failure:
            self._connected.set()

    def _on_publish(self, client: Any, _: Any, mid: int, reason: Any, properties: Any) -> None:
        self.acknowledged += 1
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
            raise ServerError(
                server="mqtt",
                problem=f"{self._settings.mqtt} did not let us in",
                mend="check AEDILIS_MQTT_USER and _PASSWORD",
            )
        return self

    def publish(self, topic: str, payload: bytes) -> None:
        """Queue a message; waits while too many are under way."""
        self._room.acquire()
        self._client.publish(self._settings.mqtt_prefix + topic, payload, qos=self._qos)
        self.sent += 1

    def flush(self, seconds: float = 600.0) -> None:
        """Wait until the broker has acknowledged everything.

        Raises:
            ServerError: it did not in time.
        """
        deadline = time.monotonic() + seconds
        while self.acknowledged < self.sent:
            if time.monotonic() > deadline:
                missing = self.sent - self.acknowledged
                raise ServerError(server="mqtt", problem=f"did not acknowledge {missing} messages", mend="try again")
            time.sleep(0.01)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.flush()
        self._client.disconnect()
        self._client.loop_stop()

"""Finds the sensor type of a message and lets it read the bytes; what it cannot read becomes a Reject."""

from __future__ import annotations

from typing import NamedTuple

from aedilis.settings import Settings
from aedilis.vocabulary import Reject, RejectReason
from ingest.mqtt import Message, Share
from sensors.compile import CompiledType, Decoded, Refused

_CACHE_TOPICS = 200_000


class Read(NamedTuple):
    """What came of one message: `decoded` is None when it was refused whole."""

    compiled: CompiledType | None
    decoded: Decoded | None
    rejects: list[Reject]


class Reader:
    """Holds the compiled types of this process."""

    def __init__(self, settings: Settings, process: str, types: list[CompiledType], share: Share) -> None:
        self._settings = settings
        self._process = process
        self._types = types
        self._share = share
        self._prefix = settings.mqtt_prefix
        self._cache: dict[bytes, tuple[CompiledType, dict[str, str]] | RejectReason | None] = {}

    def read(self, message: Message) -> Read | None:
        """Read one message; never raises for what is in it. None when another process reads it."""
        found = self._find(message)
        if found is None:
            return None
        if isinstance(found, Reject):
            return Read(None, None, [found])
        compiled, fields = found
        if len(message.payload) > self._settings.max_message_bytes:
            detail = f"{len(message.payload)} bytes, at most {self._settings.max_message_bytes} are taken"
            return Read(compiled, None, [self._reject(message, RejectReason.TOO_LARGE, detail, compiled.name)])
        try:
            decoded = compiled.decode(fields, message.payload, message.received_at)
        except Refused as refused:
            return Read(compiled, None, [self._reject(message, refused.reason, refused.detail, compiled.name)])
        except Exception as error:  # a fault of ours must not stop the city; the bytes are kept
            detail = f"{type(error).__name__}: {error}"
            return Read(compiled, None, [self._reject(message, RejectReason.DECODER_FAILED, detail, compiled.name)])
        rejects = [
            self._reject(message, reason, detail, compiled.name, path, 1) for reason, detail, path in decoded.rejects
        ]
        return Read(compiled, decoded, rejects)

    def _find(self, message: Message) -> tuple[CompiledType, dict[str, str]] | Reject | None:
        if message.topic in self._cache:
            found = self._cache[message.topic]
        else:
            try:
                topic = message.topic.decode()
            except UnicodeDecodeError as error:
                return self._reject(message, RejectReason.INVALID_UTF8, f"topic: {error}")
            found = self._match(topic.removeprefix(self._prefix)) if self._share.holds(topic) else None
            if len(self._cache) >= _CACHE_TOPICS:
                self._cache.clear()
            self._cache[message.topic] = found
        if isinstance(found, RejectReason):
            return self._reject(message, found, "no sensor type declares a topic of this form")
        return found

    def _match(self, topic: str) -> tuple[CompiledType, dict[str, str]] | RejectReason:
        for compiled in self._types:
            fields = compiled.matches(topic)
            if fields is not None:
                return compiled, fields
        return RejectReason.UNKNOWN_TOPIC

    def _reject(
        self,
        message: Message,
        reason: RejectReason,
        detail: str,
        sensor_type: str | None = None,
        path: str | None = None,
        observations: int = 0,
    ) -> Reject:
        return Reject(
            process=self._process,
            topic=message.topic.decode(errors="replace"),
            payload=message.payload[: self._settings.reject_keep_bytes],
            payload_size=len(message.payload),
            reason=reason,
            detail=detail[:500],
            received_at=message.received_at,
            sensor_type=sensor_type,
            value_path=path,
            observations=observations,
        )

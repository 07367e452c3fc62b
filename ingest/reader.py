"""Finds the sensor type of a message and lets it read the bytes; what it cannot read becomes a Reject."""

from __future__ import annotations

from collections.abc import Sequence

from aedilis.settings import Settings
from aedilis.vocabulary import Reject, RejectReason
from ingest.mqtt import Message, Share
from ingest.placement import Home, Placement
from sensors.batch import Batch, Channels
from sensors.compile import CompiledType, Refused
from sensors.device import Device

STRANGERS = 10_000
"""Topics that are remembered though they have not yet given an observation."""

_Refusal = tuple[RejectReason, str, str | None]
"""Of a whole topic: (reason, detail, sensor type)"""


class _Route:
    """Where the messages of one topic go: what reads them, and the Thing that they are of, once it is placed."""

    __slots__ = ("allowed_at", "device", "home", "kind")

    def __init__(self, kind: CompiledType, device: Device) -> None:
        self.kind = kind
        self.device = device
        self.home: Home | None = None
        self.allowed_at = -1  # how often the registry had spoken when its Thing was let in


class Reader:
    """Holds the compiled types of this process; what they read goes into `batch`."""

    def __init__(
        self,
        settings: Settings,
        process: str,
        types: Sequence[CompiledType],
        share: Share,
        channels: Channels,
        placement: Placement,
        batch: Batch,
    ) -> None:
        self._settings = settings
        self._process = process
        self._types = types
        self._share = share
        self._channels = channels
        self._placement = placement
        self._batch = batch
        self._prefix = settings.mqtt_prefix
        self._routes: dict[bytes, _Route] = {}
        self._strangers: dict[bytes, _Route | _Refusal | None] = {}

    def read(self, message: Message) -> Sequence[Reject] | None:
        """Read one message; never raises for what is in it. None when another process reads it.

        One Reject with `observations` = 0: it was refused whole.
        """
        route = self._routes.get(message.topic)
        if route is None:
            found = self._find(message.topic)
            if not isinstance(found, _Route):
                return None if found is None else [self._reject(message, *found)]
            route = found
        if len(message.payload) > self._settings.max_message_bytes:
            detail = f"{len(message.payload)} bytes, at most {self._settings.max_message_bytes} are taken"
            return [self._reject(message, RejectReason.TOO_LARGE, detail, route.kind.name)]
        device, batch = route.device, self._batch
        if route.allowed_at != self._placement.times_told:
            if not self._placement.lets_in(device.agency, device.thing, route.kind.declared, message):
                detail = f"approve it: `aedilis things approve {device.agency} {device.thing}`"
                return [self._reject(message, RejectReason.NOT_APPROVED, detail, route.kind.name)]
            route.allowed_at = self._placement.times_told
        before = len(batch.channel), len(batch.records)
        try:
            problems = device.read(message.payload, message.received_at, batch)
        except Refused as refused:
            return [self._reject(message, refused.reason, refused.detail, route.kind.name)]
        except Exception as error:  # a fault of ours must not stop the city; the bytes are kept
            batch.cut(*before)
            self._settle(route, message)  # it may have seen new channels
            detail = f"{type(error).__name__}: {error}"
            return [self._reject(message, RejectReason.DECODER_FAILED, detail, route.kind.name)]
        if route.home is None or route.home.place is not device.place:
            self._settle(route, message, before[1])
        if not problems:
            return ()
        name = route.kind.name
        return [self._reject(message, reason, detail, name, path, 1) for reason, detail, path in problems]

    def _settle(self, route: _Route, message: Message, record: int | None = None) -> None:
        """Place its Thing; what the message says of it is of the time of its first record, which begins there."""
        device, records = route.device, self._batch.records
        if route.home is None:
            self._routes[message.topic] = route
            self._strangers.pop(message.topic, None)
        time = records[record + 1] if record is not None and record < len(records) else None
        route.home = self._placement.settle(device.agency, device.thing, device.place, time)

    def _find(self, raw: bytes) -> _Route | _Refusal | None:
        if raw in self._strangers:
            return self._strangers[raw]
        if len(self._strangers) >= STRANGERS:
            self._strangers.clear()
        found = self._strangers[raw] = self._match(raw)
        return found

    def _match(self, raw: bytes) -> _Route | _Refusal | None:
        try:
            topic = raw.decode()
        except UnicodeDecodeError as error:
            return RejectReason.INVALID_UTF8, f"topic: {error}", None
        if not self._share.holds(topic):
            return None
        for kind in self._types:
            fields = kind.matches(topic.removeprefix(self._prefix))
            if fields is not None:
                try:
                    return _Route(kind, kind.device(fields, self._channels))
                except Refused as refused:
                    return refused.reason, refused.detail, kind.name
        return RejectReason.UNKNOWN_TOPIC, "no sensor type declares a topic of this form", None

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

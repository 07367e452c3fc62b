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

    __slots__ = ("device", "home", "kind")

    def __init__(self, kind: CompiledType, device: Device) -> None:
        self.kind = kind
        self.device = device
        self.home: Home | None = None


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

    def use(self, types: Sequence[CompiledType], share: Share) -> None:
        """Read with these types from now on. A topic whose type is no longer among them, or that one of the new types may
        want for itself, is looked at anew.
        """
        new = [kind for kind in types if kind not in self._types]
        self._types, self._share = types, share
        self._strangers.clear()
        self._routes = {
            raw: route
            for raw, route in self._routes.items()
            if route.kind in types and not any(kind.matches(self._inner(raw)) is not None for kind in new)
        }

    def _inner(self, raw: bytes) -> str:
        return raw.decode(errors="replace").removeprefix(self._prefix)

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
        before = len(batch.channel), len(batch.records)
        try:
            problems = device.read(message.payload, message.received_at, batch)
        except Refused as refused:
            return [self._reject(message, refused.reason, refused.detail, route.kind.name)]
        except Exception as error:  # a fault of ours must not stop the city; the bytes are kept
            batch.cut(*before)
            self._settle(route, message.topic)  # it may have seen new channels
            detail = f"{type(error).__name__}: {error}"
            return [self._reject(message, RejectReason.DECODER_FAILED, detail, route.kind.name)]
        if route.home is None or route.home.place is not device.place:
            self._settle(route, message.topic)
        if not problems:
            return ()
        name = route.kind.name
        return [self._reject(message, reason, detail, name, path, 1) for reason, detail, path in problems]

    def _settle(self, route: _Route, raw: bytes) -> None:
        device = route.device
        if route.home is None:
            self._routes[raw] = route
            self._strangers.pop(raw, None)
        route.home = self._placement.settle(device.agency, device.thing, device.place)

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

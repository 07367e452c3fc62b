"""Finds the sensor type of a message and lets it read the bytes; what it cannot read becomes a Reject."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from aedilis.settings import Settings
from aedilis.vocabulary import Problem, Reject, RejectReason
from ingest.announcements import Announcement
from ingest.mqtt import Message, Share
from ingest.placement import Home, Placement
from sensors.batch import Batch, Channels
from sensors.compile import CompiledType, Refused
from sensors.device import Device, not_approved
from sensors.format import Memory
from sensors.gateway import Gateway
from sensors.template import Template

log = logging.getLogger(__name__)

STRANGERS = 10_000
"""Topics that are remembered though they have not yet given an observation."""

PROBLEMS = 50
"""Of one message that are told one by one; the others are counted by reason."""

_Refusal = tuple[RejectReason, str, str | None]
"""Of a whole topic: (reason, detail, sensor type)"""


class _Route:
    """What reads the messages of one topic."""

    __slots__ = ("kind", "source")

    def __init__(self, kind: CompiledType, source: Device | Gateway) -> None:
        self.kind = kind
        self.source = source


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
        self._types, self._forms, self._share = types, _forms(types), share
        self._channels = channels
        channels.admits = self._admits
        self._now: tuple[CompiledType, Message]
        self._placement = placement
        self._batch = batch
        self._prefix = settings.mqtt_prefix
        self._routes: dict[bytes, _Route] = {}
        self._strangers: dict[bytes, _Route | _Refusal | None] = {}
        self._memories: defaultdict[str, Memory] = defaultdict(Memory)
        self.announcements: dict[str, Announcement] = {}
        """By key, those that came and are not yet in the log; who writes them takes them out."""
        self.requests: list[tuple[str, bytes]] = []
        """(topic, payload) of what devices are to be asked; who publishes them takes them out."""

    def recall(self, announcements: Iterable[Announcement]) -> None:
        """Take over announcements of before a restart, before anything else is read. Values that they tell were read
        when they came, and are not read again.
        """
        for one in announcements:
            route = self._match(self._prefix.encode() + one.topic.encode())
            if isinstance(route, _Route) and isinstance(route.source, Gateway):
                try:
                    route.source.decode(one.payload, one.received_at)
                except Refused:  # it may be one of another version of its type
                    log.warning("an announcement of %s can no longer be read", one.topic)
                except Exception:  # a fault of ours: it would stop this process at each start
                    log.exception("an announcement of %s cannot be read", one.topic)
        for memory in self._memories.values():
            memory.kept.clear()
            memory.asked.clear()

    def use(self, types: Sequence[CompiledType], share: Share) -> None:
        """Read with these types from now on. A topic whose type is no longer among them, or that one of the new types may
        want for itself, is looked at anew.
        """
        new = [kind for kind in types if kind not in self._types]
        self._types, self._forms, self._share = types, _forms(types), share
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

        One Reject if something of it was refused.
        """
        route = known = self._routes.get(message.topic)
        if route is None:
            found = self._find(message.topic)
            if not isinstance(found, _Route):
                return None if found is None else [self._reject(message, *found)]
            route = found
        if len(message.payload) > self._settings.max_message_bytes:
            detail = f"{len(message.payload)} bytes, at most {self._settings.max_message_bytes} are taken"
            return [self._reject(message, RejectReason.TOO_LARGE, detail, route.kind.name)]
        source, batch = route.source, self._batch
        self._now = route.kind, message
        if type(source) is Device and not self._admits(source):
            return [self._reject(message, RejectReason.NOT_APPROVED, not_approved(source), route.kind.name)]
        before = len(batch.channel), len(batch.records)
        try:
            problems = source.read(message.payload, message.received_at, batch, message.retained)
        except Refused as refused:
            self._note(route, message)
            return [self._reject(message, refused.reason, refused.detail, route.kind.name)]
        except Exception as error:  # a fault of ours must not stop the city; the bytes are kept
            batch.cut(*before)
            for device in source.touched:
                self._settle(device, None)  # it may have seen new channels
            detail = f"{type(error).__name__}: {error}"
            return [self._reject(message, RejectReason.DECODER_FAILED, detail, route.kind.name)]
        for device in source.touched:
            home: Home | None = device.home
            if home is None or home.place is not device.place:
                self._settle(device, batch.records[before[1] + 1] if len(batch.records) > before[1] else None)
        if known is None and source.touched:
            self._routes[message.topic] = route
            self._strangers.pop(message.topic, None)
        if route.kind.format_speaks:
            self._note(route, message)
        if not problems:
            return ()
        return [self._refused(message, _told(problems), route.kind.name)]

    def _admits(self, device: Device) -> bool:
        """Whether the Thing of the message that is being read may speak; asked anew when the registry has spoken."""
        if device.admitted_at == self._placement.times_told:
            return True
        kind, message = self._now
        if not self._placement.lets_in(device.agency, device.thing, kind.declared, message):
            return False
        device.admitted_at = self._placement.times_told
        return True

    def _settle(self, device: Device, time: int | None) -> None:
        """Place a Thing; `time` (µs) is that of what its message says, the first record's."""
        device.home = self._placement.settle(device.agency, device.thing, device.place, time)

    def _note(self, route: _Route, message: Message) -> None:
        """What the format wants to be kept and asked for this message."""
        memory = self._memories[route.kind.format.name]
        if memory.kept or memory.asked:
            topic = message.topic.decode().removeprefix(self._prefix)
            for key in memory.kept:
                name = f"{route.kind.format.name}|{key}"
                self.announcements[name] = Announcement(topic, message.payload, message.received_at)
            self.requests += memory.asked
            memory.kept.clear()
            memory.asked.clear()

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
        bare = topic.removeprefix(self._prefix)
        for template, kind in self._forms:
            fields = template.match(bare)
            if fields is not None:
                memory = self._memories[kind.format.name]
                try:
                    return _Route(kind, kind.source(bare, fields, self._channels, memory))
                except Refused as refused:
                    return refused.reason, refused.detail, kind.name
        return RejectReason.UNKNOWN_TOPIC, "no sensor type declares a topic of this form", None

    def _reject(
        self,
        message: Message,
        reason: RejectReason,
        detail: str,
        sensor_type: str | None = None,
    ) -> Reject:
        """All of a message."""
        return self._refused(message, (Problem(reason, detail[:500]),), sensor_type, whole=True)

    def _refused(
        self, message: Message, problems: tuple[Problem, ...], sensor_type: str | None, *, whole: bool = False
    ) -> Reject:
        return Reject(
            process=self._process,
            topic=message.topic.decode(errors="replace").removeprefix(self._prefix),
            payload=message.payload[: self._settings.max_message_bytes],
            payload_size=len(message.payload),
            received_at=message.received_at,
            problems=problems,
            whole=whole,
            sensor_type=sensor_type,
            retained=message.retained,
        )


def _forms(types: Sequence[CompiledType]) -> list[tuple[Template, CompiledType]]:
    """The forms of topics in the order in which they are tried: the more literal first."""
    return sorted(((form, kind) for kind in types for form in kind.templates), key=lambda form: form[0].rank)


def _told(problems: list[tuple[RejectReason, str, str | None]]) -> tuple[Problem, ...]:
    """The first of them as they are, the others by reason: a message may hold thousands of bad values."""
    told = [Problem(reason, detail[:500], path) for reason, detail, path in problems[:PROBLEMS]]
    rest = Counter(reason for reason, _, _ in problems[PROBLEMS:])
    told += [Problem(reason, f"{count} more of this reason", None, count) for reason, count in rest.items()]
    return tuple(told)

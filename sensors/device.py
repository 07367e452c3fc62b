"""Reads the messages of one topic, that is of one Thing, into a batch.

A record takes one way, whatever it holds: time, labels, result time, flag, then its values. Where all of these are
plain numbers they are taken at once, else one by one, each with its own reason where it cannot be read.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from aedilis.frame import NO_TIME, NONE
from aedilis.vocabulary import Location, RejectReason
from sensors.batch import Batch, Channel, Channels
from sensors.layout import Layout
from sensors.payload import Refused, kind, read_json, read_name, shown
from sensors.values import Unread

if TYPE_CHECKING:
    from sensors.compile import CompiledType


class Place(NamedTuple):
    """Where a Thing is and what it is called, each None where the message does not say."""

    zone: str | None = None
    location: Location | None = None
    title: str | None = None


NOWHERE = Place()

Problem = tuple[RejectReason, str, str | None]
"""(reason, detail, path in the payload)"""

_Key = int | Layout | tuple[int | Layout, Any]
"""A property, or the form of a record, of which the channels are known; with labels where the type has them: of a
property as they are, of a form as they come.
"""
_FORMS = 20
"""So many forms of records are remembered for a Thing, and two for each channel."""

_decode = msgspec.json.Decoder().decode


class Device:
    """Holds what was seen of its Thing: names, last place, channels."""

    __slots__ = ("_forms", "_kind", "_known", "_register", "_said", "agency", "place", "thing")

    def __init__(self, compiled: CompiledType, agency: str, thing: str, register: Channels) -> None:
        self.agency = agency
        self.thing = thing
        self.place: Place = NOWHERE
        """What the last message said; the same object for as long as it says the same."""
        self._said: tuple[Any, ...] = (None, None, None)
        self._kind = compiled
        self._register = register
        self._known: dict[_Key, array[int]] = {}
        self._forms = 0

    def read(self, payload: bytes, received_at: int, batch: Batch) -> list[Problem]:
        """Add what a message holds that came in at `received_at` (µs UTC); what of it cannot be used is returned.

        Raises:
            Refused: nothing of it can be used; the batch is as before.
        """
        try:
            content, strict = _decode(payload), True
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            content, strict = read_json(payload), False
        if type(content) is not dict:
            raise Refused(RejectReason.WRONG_SHAPE, f"expected an object, got {kind(content)}")
        problems: list[Problem] = []
        if self._kind.tells_place:
            self._find_place(content, problems)
        before = len(batch.channel)
        self._read(self._records(content, problems), strict, received_at, batch, problems)
        if not problems and len(batch.channel) == before:
            raise Refused(RejectReason.MISSING_FIELD, "no value of any declared property")
        return problems

    def _records(self, content: dict[str, Any], problems: list[Problem]) -> list[Any]:
        key = self._kind.records_key
        if key is None:
            return [content]
        records = content.get(key)
        if type(records) is not list:
            raise Refused(RejectReason.WRONG_SHAPE, f"expected a list at $.{key}, got {kind(records)}")
        known = self._kind.message_keys
        problems += [_undeclared(other, "$") for other in content if other not in known]
        return records

    def _read(self, records: list[Any], strict: bool, received_at: int, batch: Batch, problems: list[Problem]) -> None:
        """Read records one after the other. Neighbours that share their time become one record of the batch."""
        form = self._kind
        last_said: str | None = None
        last_time = 0
        run, time_of_run, told_of_run, flag_of_run = 0, 0, NO_TIME, NONE
        for index, record in enumerate(records):
            try:
                if type(record) is not dict:
                    raise Refused(RejectReason.WRONG_SHAPE, f"expected an object, got {kind(record)}")
                said = record.get(form.time_key)
                if said is None or said != last_said:
                    last_time = form.time_of(record, received_at)
                    last_said = said if type(said) is str else None
                told, flag = NO_TIME, NONE
                if form.has_extras:
                    told, flag = form.result_time_of(record, received_at), form.flag_of(record, batch.flags)
                found = self._as_before(record) if strict else None
                channels, numbers = found or self._exactly(record, strict, index, problems)
            except Refused as refused:
                if form.records_key is None:
                    raise
                problems.append((refused.reason, refused.detail, form.path(index)))
                continue
            if last_time != time_of_run or told != told_of_run or flag != flag_of_run:
                if run:
                    batch.records.extend((run, time_of_run, told_of_run, flag_of_run, received_at))
                run, time_of_run, told_of_run, flag_of_run = 0, last_time, told, flag
            if len(numbers) == 1:
                batch.channel.append(channels[0])
                batch.number.append(numbers[0])
            else:
                batch.channel.extend(channels)
                batch.number.extend(numbers)
            run += len(numbers)
        if run:
            batch.records.extend((run, time_of_run, told_of_run, flag_of_run, received_at))

    def _as_before(self, record: dict[str, Any]) -> tuple[array[int], Sequence[float]] | None:
        """Channels and numbers of a record whose keys and labels were seen before, and that holds nothing else than
        numbers.
        """
        layout = self._kind.layouts.get(tuple(record))
        if layout is None:
            return None
        pick_labels = self._kind.pick_labels
        try:
            channels = self._known.get(layout if pick_labels is None else (layout, pick_labels(record)))
        except TypeError:  # a list or an object, which is no label
            return None
        if channels is None:
            return None
        numbers = layout.numbers(record)
        return None if numbers is None else (channels, numbers)

    def _exactly(
        self, record: dict[str, Any], strict: bool, index: int, problems: list[Problem]
    ) -> tuple[array[int], Sequence[float]]:
        form = self._kind
        labels = form.labels_of(record)
        layout = form.layout_of(record, index)
        numbers = layout.numbers(record) if layout is not None and strict else None
        if layout is None or numbers is None:
            properties, one_by_one = self._one_by_one(record, problems, index)
            return self._channels(properties, labels), one_by_one
        channels = self._channels(layout.properties, labels)
        if self._forms >= _FORMS + 2 * (len(self._known) - self._forms):
            self._forget_forms()
        self._known[(layout, form.pick_labels(record)) if form.pick_labels else layout] = channels
        self._forms += 1
        return channels, numbers

    def _forget_forms(self) -> None:
        self._known = {
            key: channel
            for key, channel in self._known.items()
            if not isinstance(key[0] if isinstance(key, tuple) else key, Layout)
        }
        self._forms = 0

    def _one_by_one(self, record: dict[str, Any], problems: list[Problem], index: int) -> tuple[list[int], list[float]]:
        properties, numbers = [], []
        own = self._kind.record_keys
        for key, value in record.items():
            number = self._kind.property_of.get(key)
            if number is None:
                if key not in own:
                    problems.append(_undeclared(key, self._kind.path(index)))
                continue
            read = self._kind.readers[number](value)
            if isinstance(read, Unread):
                problems.append((read.reason, read.detail, f"{self._kind.path(index)}.{key}"))
            else:
                properties.append(number)
                numbers.append(read)
        return properties, numbers

    def _channels(self, properties: Sequence[int], labels: tuple[str, ...]) -> array[int]:
        if len(properties) == 1:
            return self._channel(properties[0], labels)
        found = array("i")
        for number in properties:
            found += self._channel(number, labels)
        return found

    def _channel(self, number: int, labels: tuple[str, ...]) -> array[int]:
        key: _Key = (number, labels) if labels else number
        channel = self._known.get(key)
        if channel is None:
            reader = self._kind.readers[number]
            name = reader.prop.datastream or reader.prop.name
            if labels:
                name = name.format_map(dict(zip(self._kind.declared.payload.labels, labels, strict=True)))
            new = self._register.add(Channel(self.agency, self.thing, name, reader, self._kind))
            channel = self._known[key] = array("i", [new])
        return channel

    def _find_place(self, content: dict[str, Any], problems: list[Problem]) -> None:
        payload = self._kind.declared.payload
        said = tuple(
            None if key is None else content.get(key) for key in (payload.zone, payload.longitude, payload.latitude)
        )
        if said == self._said and [*map(type, said)] == [*map(type, self._said)]:  # 1 == True, which is no degree
            return
        before = len(problems)
        self.place = Place(self._zone(said[0], problems), self._location(said[1], said[2], problems))
        self._said = said if len(problems) == before else ()  # () is never said: told again next time

    def _zone(self, zone: Any, problems: list[Problem]) -> str | None:
        if zone in (None, ""):
            return None
        if isinstance(zone, str):
            return read_name(zone, "zone", encoded=False)
        path = f"$.{self._kind.declared.payload.zone}"
        problems.append((RejectReason.WRONG_SHAPE, f"expected text, got {kind(zone)}", path))
        return None

    def _location(self, longitude: Any, latitude: Any, problems: list[Problem]) -> Location | None:
        if longitude is None or latitude is None:
            return None
        numbers = all(type(part) in (int, float) for part in (longitude, latitude))
        if numbers and abs(longitude) <= 180 and abs(latitude) <= 90:
            return Location(float(longitude), float(latitude))
        detail = f"expected degrees, got {shown(longitude)}, {shown(latitude)}"
        problems.append((RejectReason.WRONG_SHAPE, detail, f"$.{self._kind.declared.payload.longitude}"))
        return None


def _undeclared(key: str, path: str) -> Problem:
    return RejectReason.UNKNOWN_FIELD, f"{key[:80]!r} is not declared", f"{path}.{key[:80]}"

"""Reads the records of one Thing into a batch.

A record takes one way, whatever it holds: time, labels, result time, flag, then its values. Where all of these are
plain numbers they are taken at once, else one by one, each with its own reason where it cannot be read.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from aedilis.frame import NO_TIME
from aedilis.vocabulary import Location, RejectReason
from sensors.batch import UNMARKED, Batch, Channel, Channels, ambiguous
from sensors.layout import Layout
from sensors.paths import Key, joined, show
from sensors.payload import Refused, kind, read_json, read_name, shown
from sensors.values import Unread, number_of

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
_Read = tuple[Sequence[int], Sequence[float], Sequence[str] | None]
"""Of a record: the channel of each value, its number, and where the device's flags of them stand, if it has such."""
_FORMS = 20
"""So many forms of records are remembered for a Thing, and two for each channel."""

_decode = msgspec.json.Decoder().decode


class Device:
    """Holds what was seen of its Thing: names, last place, channels."""

    __slots__ = (
        "_forms",
        "_kind",
        "_known",
        "_register",
        "_said",
        "agency",
        "home",
        "outside",
        "place",
        "thing",
        "touched",
    )

    def __init__(self, compiled: CompiledType, agency: str, thing: str, register: Channels) -> None:
        self.agency = agency
        self.thing = thing
        self.place: Place = NOWHERE
        """What the last message said; the same object for as long as it says the same."""
        self.outside = False
        """Whether that was a Location where the type says that none can be."""
        self._said: tuple[Any, ...] = (None, None, None, None)
        self.touched = (self,)
        """The Things of its last message."""
        self.home: Any = None
        """What who places Things knows of this one."""
        self._kind = compiled
        self._register = register
        self._known: dict[_Key, array[int]] = {}
        self._forms = 0

    def read(self, payload: bytes, received_at: int, batch: Batch, retained: bool = False) -> list[Problem]:
        """Add what a message of JSON holds that came in at `received_at` (µs UTC); what of it cannot be used is
        returned. A `retained` one is a copy that the broker kept.

        Raises:
            Refused: nothing of it can be used; the batch is as before.
        """
        try:
            content, finite = _decode(payload), True
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            content, finite = read_json(payload), False
        problems: list[Problem] = []
        if type(content) is not list or not content:
            self.take(content, "$", finite, received_at, batch, retained, problems)
            return problems
        for index, one in enumerate(content):
            try:
                self.take(one, f"$[{index}]", finite, received_at, batch, retained, problems)
            except Refused as refused:
                if len(content) == 1:
                    raise
                problems.append((refused.reason, refused.detail, f"$[{index}]"))
        return problems

    def take(
        self,
        content: Any,
        root: str,
        finite: bool,
        received_at: int,
        batch: Batch,
        retained: bool,
        problems: list[Problem],
        listed: bool = False,
    ) -> None:
        """Add one content of a message, which stands at `root`; `finite` if no number of it can be NaN or infinite. One
        that is `listed` is a record of a list that has several Things.

        Raises:
            Refused: nothing of it can be used; the batch is as before.
        """
        if type(content) is not dict:
            raise Refused(RejectReason.WRONG_SHAPE, f"expected an object, got {kind(content)}")
        form = self._kind
        told, before = len(problems), len(batch.channel)
        if form.records_key is None or listed:
            record = content if form.flatten_record is None else form.flatten_record(content)
            if form.tells_place:
                self._find_place(record, problems)
            self._read([record], root, False, finite, received_at, batch, retained, problems)
        else:
            if form.tells_place:
                self._find_place(form.flatten_message(content) if form.flatten_message else content, problems)
            records = form.records_of(content, root, problems)
            below = show(form.records_key, root)
            if form.flatten_record is not None:
                records = [form.flatten_record(one) if type(one) is dict else one for one in records]
            self._read(records, below, True, finite, received_at, batch, retained, problems)
        if len(problems) == told and len(batch.channel) == before:
            raise Refused(RejectReason.MISSING_FIELD, "no value of any declared property")

    def _read(
        self,
        records: list[Any],
        root: str,
        several: bool,
        finite: bool,
        received_at: int,
        batch: Batch,
        retained: bool,
        problems: list[Problem],
    ) -> None:
        """Read records one after the other. Neighbours that share their time become one record of the batch."""
        form = self._kind
        time_key, extras = form.time_key, form.has_extras or self.outside
        last_said: str | None = None
        last_time = 0
        run, time_of_run, told_of_run, marks_of_run = 0, 0, NO_TIME, UNMARKED
        for index, record in enumerate(records):
            try:
                if type(record) is not dict:
                    raise Refused(RejectReason.WRONG_SHAPE, f"expected an object, got {kind(record)}")
                said = record.get(time_key)
                if said is None or said != last_said:
                    last_time = form.time_of(record, received_at, retained)
                    last_said = said if type(said) is str else None
                told, marks = NO_TIME, UNMARKED
                if extras:
                    told = form.result_time_of(record, received_at)
                    marks = form.marks_of(record.get(form.flag_key), batch.flags, self.outside)
                if type(last_time) is not int:  # `Ambiguous`
                    marks = ambiguous(marks)
                found = self._as_before(record, finite)
                if found is None:
                    found = self._exactly(record, finite, f"{root}[{index}]" if several else root, problems)
                channels, numbers, flag_keys = found
            except Refused as refused:
                if not several:
                    raise
                problems.append((refused.reason, refused.detail, f"{root}[{index}]"))
                continue
            if last_time != time_of_run or told != told_of_run or marks != marks_of_run:
                if run:
                    batch.records.extend((run, time_of_run, told_of_run, marks_of_run, received_at))
                run, time_of_run, told_of_run, marks_of_run = 0, last_time, told, marks
            if len(numbers) == 1:
                batch.channel.append(channels[0])
                batch.number.append(numbers[0])
            else:
                batch.channel.extend(channels)
                batch.number.extend(numbers)
            if flag_keys is None:
                run += len(numbers)
                continue
            if run:
                batch.records.extend((run, time_of_run, told_of_run, marks_of_run, received_at))
                run = 0
            for key in flag_keys:
                flag = record.get(key)
                own = marks if flag is None else form.marks_of(flag, batch.flags, self.outside)
                own = own if type(last_time) is int else ambiguous(own)
                batch.records.extend((1, last_time, told, own, received_at))
        if run:
            batch.records.extend((run, time_of_run, told_of_run, marks_of_run, received_at))

    def _as_before(self, record: dict[Any, Any], finite: bool) -> _Read | None:
        """What a record tells whose keys and labels were seen before, if all of it can be read."""
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
        numbers = layout.numbers(record, finite)
        return None if numbers is None else (channels, numbers, layout.flag_keys)

    def _exactly(self, record: dict[Any, Any], finite: bool, root: str, problems: list[Problem]) -> _Read:
        form = self._kind
        labels = form.labels_of(record)
        layout = form.layout_of(record, root)
        numbers = None if layout is None else layout.numbers(record, finite)
        if layout is None or numbers is None:
            properties, one_by_one = self._one_by_one(record, root, problems)
            flag_keys = [f"@flag:{joined(form.readers[number].key)}" for number in properties]
            flagged = form.format_speaks and any(key in record for key in flag_keys)
            return self._channels(properties, labels), one_by_one, flag_keys if flagged else None
        channels = self._channels(layout.properties, labels)
        if self._forms >= _FORMS + 2 * (len(self._known) - self._forms):
            self._forget_forms()
        self._known[(layout, form.pick_labels(record)) if form.pick_labels else layout] = channels
        self._forms += 1
        return channels, numbers, layout.flag_keys

    def _forget_forms(self) -> None:
        self._known = {
            key: channel
            for key, channel in self._known.items()
            if not isinstance(key[0] if isinstance(key, tuple) else key, Layout)
        }
        self._forms = 0

    def _one_by_one(self, record: dict[Any, Any], root: str, problems: list[Problem]) -> tuple[list[int], list[float]]:
        form = self._kind
        properties, numbers = [], []
        for key, value in record.items():
            number = form.property_of.get(key)
            if number is None:
                if not form.is_own(key):
                    problems.append(undeclared(key, root))
                continue
            read = form.derivations[number](value, record)
            if isinstance(read, Unread):
                problems.append((read.reason, read.detail, show(key, root)))
            else:
                properties.append(number)
                numbers.append(read)
        for number in form.made_of_inputs:
            derive = form.derivations[number]
            if not all(key in record for key in derive.inputs.values()):
                continue
            read = derive(None, record)
            if isinstance(read, Unread):
                problems.append((read.reason, read.detail, root))
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
                name = name.format_map(dict(zip(self._kind.label_names, labels, strict=True)))
            new = self._register.add(Channel(self.agency, self.thing, name, reader, self._kind))
            channel = self._known[key] = array("i", [new])
        return channel

    def keep_place(self, before: Place) -> None:
        """What an earlier record of the message said, and the last one does not, stays said."""
        zone, location, title = self.place
        merged = Place(zone or before.zone, location or before.location, title or before.title)
        if merged != self.place:
            self.place, self._said = merged, ()

    def _find_place(self, content: dict[Any, Any], problems: list[Problem]) -> None:
        form = self._kind
        zone, longitude, latitude, title = form.place_keys
        said = content.get(zone), content.get(longitude), content.get(latitude), content.get(title)
        if form.format_speaks and said[1] is None and said[2] is None:
            said = (said[0], content.get("@longitude"), content.get("@latitude"), said[3])
        if said == self._said and [*map(type, said)] == [*map(type, self._said)]:  # 1 == True, which is no degree
            return
        before = len(problems)
        zone, longitude, latitude, title = said
        self.place = Place(
            self._text(zone, 0, "zone", problems),
            self._location(longitude, latitude, problems),
            self._text(title, 3, "title", problems),
        )
        self._said = said if len(problems) == before else ()  # () is never said: told again next time

    def _text(self, said: Any, number: int, what: str, problems: list[Problem]) -> str | None:
        if said in (None, ""):
            return None
        if isinstance(said, str):
            return read_name(said, what, encoded=False)
        path = show(self._kind.place_keys[number] or what)
        problems.append((RejectReason.WRONG_SHAPE, f"expected text, got {kind(said)}", path))
        return None

    def _location(self, longitude: Any, latitude: Any, problems: list[Problem]) -> Location | None:
        self.outside = False
        if longitude is None or latitude is None:
            return None
        form = self._kind
        if form.numeric_text:
            longitude, latitude = (number_of(part) if isinstance(part, str) else part for part in (longitude, latitude))
        numbers = all(type(part) in (int, float) for part in (longitude, latitude))
        if not numbers or not (abs(longitude) <= 180 and abs(latitude) <= 90):
            detail = f"expected degrees, got {shown(longitude)}, {shown(latitude)}"
            problems.append((RejectReason.WRONG_SHAPE, detail, show(form.place_keys[1] or "@longitude")))
            return None
        if form.within is not None:
            west, south, east, north = form.within
            self.outside = not (west <= longitude <= east and south <= latitude <= north)
            if self.outside:
                return None  # the Thing is not there
        return Location(float(longitude), float(latitude))


def undeclared(key: Key, root: str) -> Problem:
    """That a key is not known."""
    path = show(key if isinstance(key, tuple) else key[:80], root)[:200]
    return RejectReason.UNKNOWN_FIELD, f"{path} is not declared", path

"""Turns a declaration into what reads messages, once: `CompiledType` for the type, `source` for one of its topics.

`formats` turn bytes into records, `device` reads those of one Thing, `gateway` finds the Things of a message; `times` reads
times, `values` and `derive` values, `judge` tells what numbers are worth; `layout` knows the forms that records come in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from string import Formatter
from typing import Any

from aedilis.errors import DeclarationError
from aedilis.frame import NO_TIME, NONE
from aedilis.quality import STANDS, UNHEARD
from aedilis.vocabulary import Location, Quality, RejectReason, Test
from sensors.batch import UNMARKED, Batch, Channels, marks
from sensors.declaration import DetectorUse, Property, SensorType, Time
from sensors.derive import Derivation
from sensors.device import Device, Problem, undeclared
from sensors.format import Format, Memory, all_formats
from sensors.gateway import Gateway
from sensors.layout import Layout
from sensors.paths import EVERYTHING, Key, flattener, getter, key_of, last_key, show
from sensors.payload import Refused as Refused
from sensors.payload import kind, read_name, shown
from sensors.template import Fields, Template, decoded, filled
from sensors.times import time_reader
from sensors.values import ValueReader

_LAYOUTS = 1_000
"""Forms of records that are remembered; devices have a few, an attacker as many as he likes."""


@dataclass(slots=True)
class DecodedObservation:
    """One observation as its device told it, in the Datastream's unit. Times and interval in µs."""

    agency: str
    thing: str
    datastream_name: str
    observed_property: str
    unit: str
    interval: int
    phenomenon_time: int
    result: float  # NaN: missing
    quality: Quality
    tests: Test
    raw_flag: str | None
    result_time: int | None


@dataclass(slots=True)
class Decoded:
    """What one message gave: at least one observation or one reject, unless it is an announcement.

    Names and place are those of its first Thing; empty where it told of none.
    """

    agency: str
    thing: str
    zone: str | None
    location: Location | None
    title: str | None
    observations: list[DecodedObservation]
    rejects: list[Problem]


class CompiledType:
    """A sensor type ready to read messages."""

    def __init__(self, declared: SensorType) -> None:
        self.declared = declared
        self.name = declared.name
        self.version = declared.version
        self.templates = tuple(map(Template, declared.topics))
        self.allowed_lateness = round(declared.allowed_lateness_s * 1e6)
        payload, naming = declared.payload, declared.thing
        self.format: Format = all_formats()[payload.format]
        self.decode_records = self.format.decoder(self.format.Options.model_validate(payload.options))
        self.name_of = None if naming.name_from is None else getter(naming.name_from)
        """Where the records name their Things, what finds the name."""

        self.time = _time(declared, self.format)
        self.time_key = key_of(self.time.field)
        self._told_key = None if self.time.result_time is None else key_of(self.time.result_time)
        self._time_at = show(self.time_key)[2:]
        self._told_at = "" if self._told_key is None else show(self._told_key)[2:]
        self._read_time = time_reader(self.time)
        self._max_ahead = round(self.time.max_ahead_s * 1e6)

        self.readers = [ValueReader(prop, declared) for prop in declared.properties]
        self.derivations = [Derivation(reader, declared) for reader in self.readers]
        """Of each property, what makes its number out of a record."""
        self.made_of_inputs = [number for number, one in enumerate(self.derivations) if not one.reads_value]
        self.property_of = {
            reader.key: number for number, reader in enumerate(self.readers) if self.derivations[number].reads_value
        }
        self._required = [self.readers[number].key for number in self.property_of.values() if self._requires(number)]
        self._required += [
            key
            for number in self.made_of_inputs
            if self._requires(number)
            for key in self.derivations[number].inputs.values()
        ]

        self.flag_key = None if payload.flag is None else key_of(payload.flag)
        self._flags = {flag: Quality[quality.upper()] for flag, quality in payload.flags.items()}
        self.label_keys = tuple(map(key_of, payload.labels))
        self.label_names = tuple(map(last_key, payload.labels))
        self.pick_labels = itemgetter(*self.label_keys) if payload.labels else None
        self.has_extras = bool(self._told_key or self.flag_key)
        self.place_keys = tuple(
            None if path is None else key_of(path)
            for path in (payload.zone, payload.longitude, payload.latitude, payload.title)
        )
        self.tells_place = any(key is not None for key in self.place_keys)
        self.within = payload.within
        self.numeric_text = payload.numeric_text or self.format.numeric_text
        self.format_speaks = self.format.name != "json"
        """Whether keys that begin with `@` are the format's own."""

        self.records_key = None if payload.records is None else key_of(payload.records)
        ignored = set(map(key_of, payload.ignore))
        self.ignores_others = EVERYTHING in ignored
        name = set() if naming.name_from is None else {key_of(naming.name_from)}
        beside = {key_of(path) for path in declared.inputs.values()}
        beside |= {key_of(prop.payload_unit_from) for prop in declared.properties if prop.payload_unit_from is not None}
        place = {key for key in (*self.place_keys, self.records_key) if key is not None}
        parts = {key for key in (self.time_key, self._told_key, self.flag_key) if key is not None}
        self.message_keys = frozenset(place | ignored | name)
        """Keys of the message that are no values; with `records`, the others belong into a record."""
        self.record_keys = frozenset(parts | beside | set(self.label_keys) | ignored | name)
        """Keys of a record that are no values."""
        if self.records_key is None or self.name_of is not None:
            self.record_keys |= self.message_keys
        self.flatten_record = flattener((self.record_keys - ignored) | set(self.property_of), ignored)
        self.flatten_message = flattener(self.message_keys - ignored, ignored) if self.records_key else None
        derives = self.format_speaks or any(one.needs_more for one in self.derivations)
        self._derivations = self.derivations if derives else []
        self.layouts: dict[tuple[Key, ...], Layout] = {}
        self._detectors = {prop.name: _detectors(prop, declared) for prop in declared.properties}
        self._names = {
            (prop.name, prop.unit): _name_pattern(prop, bool(self.label_names)) for prop in declared.properties
        }

    def _requires(self, number: int) -> bool:
        return self.readers[number].prop.required

    def detectors_of(self, observed_property: str) -> tuple[DetectorUse, ...]:
        """What watches a property; nothing if it is not declared."""
        return self._detectors.get(observed_property, ())

    def gives(self, datastream: str, observed_property: str, unit: str) -> bool:
        """Whether a Datastream of this name, property and unit is one of those that it can give."""
        pattern = self._names.get((observed_property, unit))
        return pattern is not None and pattern.fullmatch(datastream) is not None

    def matches(self, topic: str) -> Fields | None:
        """What stands at the placeholders, still percent-encoded, when the topic has a declared form."""
        for template in self.templates:
            fields = template.match(topic)
            if fields is not None:
                return fields
        return None

    def source(self, topic: str, topic_fields: Fields, channels: Channels, memory: Memory) -> Device | Gateway:
        """What reads the messages of one topic, given without the installation's prefix.

        Raises:
            Refused: its names are none.
        """
        naming = self.declared.thing
        agency = self._named(naming.agency, topic_fields, "agency")
        named = naming.name or ("{thing}" if "thing" in topic_fields and self.name_of is None else None)
        thing = None if named is None else self._named(named, topic_fields, "thing")
        if self.format.name == "json" and thing is not None:
            return Device(self, agency, thing, channels)
        always = naming.name is not None  # whatever the message says
        return Gateway(self, topic, decoded(topic_fields), agency, thing, always, channels, memory)

    def _named(self, text: str, fields: Fields, what: str) -> str:
        if text[1:-1] in fields and text[0] == "{":  # nothing but a placeholder
            return read_name(fields[text[1:-1]], what)
        return read_name(filled(text, decoded(fields)), what, encoded=False)

    def decode(
        self,
        topic_fields: Fields,
        payload: bytes,
        received_at: int,
        *,
        topic: str | None = None,
        retained: bool = False,
        memory: Memory | None = None,
    ) -> Decoded:
        """Read one message by itself, that came in at `received_at` (µs UTC).

        Raises:
            Refused: nothing of it can be used.
        """
        topic = self.templates[0].fill(topic_fields) if topic is None else topic
        channels, batch = Channels([self]), Batch()
        source = self.source(topic, topic_fields, channels, memory or Memory())
        problems = source.read(payload, received_at, batch, retained)
        found = channels.judged(batch)
        observations = []
        for i, number in enumerate(found.channel):
            channel = channels.seen[number]
            observations.append(
                DecodedObservation(
                    channel.agency,
                    channel.thing,
                    channel.name,
                    channel.reader.prop.name,
                    channel.reader.prop.unit,
                    channel.reader.interval,
                    int(found.phenomenon_time[i]),
                    float(found.result[i]),
                    Quality(int(found.quality[i])),
                    Test(int(found.tests[i])),
                    None if found.flag[i] == NONE else found.flags[found.flag[i]],
                    None if found.result_time[i] == NO_TIME else int(found.result_time[i]),
                )
            )
        first = next(iter(source.touched), None)
        if first is None:
            return Decoded("", "", None, None, None, observations, problems)
        return Decoded(first.agency, first.thing, *first.place, observations, problems)

    # ------------------------------------------------------------ of one record

    def layout_of(self, record: dict[Any, Any], root: str) -> Layout | None:
        """The form of a record; None if it has keys that are not declared.

        Raises:
            Refused: a value that the type requires is not there.
        """
        keys = tuple(record)
        layout = self.layouts.get(keys)
        if layout is None:
            for key in self._required:
                if key not in record:
                    raise Refused(RejectReason.MISSING_FIELD, f"expected {show(key, root)}")
            if any(key not in self.property_of and not self.is_own(key) for key in keys):
                return None
            if len(self.layouts) >= _LAYOUTS:
                self.layouts.clear()
            layout = self.layouts[keys] = Layout(keys, self.property_of, self.readers, self._derivations)
        return layout

    def is_own(self, key: Key) -> bool:
        """Whether a key of a record is no value, and yet not unknown."""
        return key in self.record_keys or self.ignores_others or (self.format_speaks and key[:1] == "@")

    def records_of(self, content: dict[str, Any], root: str, problems: list[Problem]) -> list[Any]:
        """The records that a message lists. One that says no time is of the time that the message says.

        Raises:
            Refused: it lists none.
        """
        assert self.records_key is not None
        flat: dict[Any, Any] = self.flatten_message(content) if self.flatten_message else content
        records = flat.get(self.records_key)
        if type(records) is not list:
            expected = f"expected a list at {show(self.records_key, root)}, got {kind(records)}"
            raise Refused(RejectReason.WRONG_SHAPE, expected)
        if not self.ignores_others:
            own = self.message_keys
            problems += [undeclared(other, root) for other in flat if other not in own and other != self.time_key]
        key, said = self.time_key, flat.get(self.time_key)
        if said is None or not isinstance(key, str):
            return records
        return [{key: said, **one} if type(one) is dict and key not in one else one for one in records]

    def time_of(self, record: dict[Any, Any], received_at: int, retained: bool) -> int:
        """When it was."""
        value = record.get(self.time_key)
        if value is None:
            if self.time.default == "reject":
                raise Refused(RejectReason.NO_TIME, f"expected a time at $.{self._time_at}")
            if retained:
                raise Refused(RejectReason.RETAINED_WITHOUT_TIME, "the broker kept it, and it does not say since when")
            return received_at
        return self._in_range(self._read_time(value, self._time_at), value, self._time_at, received_at)

    def result_time_of(self, record: dict[Any, Any], received_at: int) -> int:
        """When the device gave it out; `NO_TIME` where it does not tell."""
        key = self._told_key
        value = None if key is None else record.get(key)
        if key is None or value is None:
            return NO_TIME
        return self._in_range(self._read_time(value, self._told_at), value, self._told_at, received_at)

    def _in_range(self, time: int, value: Any, at: str, received_at: int) -> int:
        if not 0 <= time <= received_at + self._max_ahead:
            raise Refused(RejectReason.TIME_OUT_OF_RANGE, f"{shown(value)} at $.{at} is not between 1970 and now")
        return time

    def marks_of(self, flag: Any, codes: dict[str, int], outside: bool) -> int:
        """What the device's own flag says, with its code in `codes`, and a Location outside of where it may be."""
        if flag is None:
            return marks(NONE, Quality.SUSPECT, Test.LOCATION) if outside else UNMARKED
        word = shown(flag).replace("\0", "�")
        quality = self._flags.get(word, UNHEARD) if self._flags else 0
        code = codes.setdefault(word, len(codes))
        return marks(code, STANDS[quality][Quality.SUSPECT], Test.LOCATION) if outside else marks(code, quality)

    def labels_of(self, record: dict[Any, Any]) -> tuple[str, ...]:
        """Its labels, as they stand in the names of Datastreams."""
        labels = []
        for key, name in zip(self.label_keys, self.label_names, strict=True):
            value = record.get(key)
            if value is None:
                raise Refused(RejectReason.MISSING_FIELD, f"expected text at {show(key)}")
            if not isinstance(value, str):
                raise Refused(RejectReason.WRONG_SHAPE, f"expected text at {show(key)}, got {kind(value)}")
            labels.append(_read_label(value, name))
        return tuple(labels)


def _time(declared: SensorType, format_: Format) -> Time:
    """How the records tell the time: what the type does not say, the format does."""
    if format_.time is None:
        return declared.time
    said = {name: getattr(declared.time, name) for name in declared.time.model_fields_set}
    return format_.time.model_copy(update=said)


_SLASH = re.compile("/|%(?=2F|25)")


def as_label(name: str) -> str:
    """A label's word inside a Datastream's name: `/` is `%2F`, so that `price/{goods}/{trade}` stays unambiguous."""
    return _SLASH.sub(lambda found: "%2F" if found[0] == "/" else "%25", name)


@lru_cache(maxsize=10_000)
def _read_label(text: str, key: str) -> str:
    return as_label(read_name(text, key, encoded=False))


def compile_type(declared: SensorType) -> CompiledType:
    """Compile a declaration.

    Raises:
        DeclarationError: a unit cannot be converted, or a template names no label.
    """
    for prop in declared.properties:
        try:
            (prop.datastream or "").format_map({last_key(label): "" for label in declared.payload.labels})
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            fault = f"- at $.properties.{prop.name}.datastream: {error} is not among payload.labels"
            raise DeclarationError(name=declared.name, count=1, faults=fault) from error
    return CompiledType(declared)


def _name_pattern(prop: Property, labelled: bool) -> re.Pattern[str]:
    """What the names of its Datastreams look like; a label has no `/` in it."""
    name = prop.datastream or prop.name
    if not labelled:
        return re.compile(re.escape(name))
    parts = Formatter().parse(name)
    return re.compile("".join(re.escape(text) + ("" if field is None else "[^/]*") for text, field, _, _ in parts))


def _detectors(prop: Property, declared: SensorType) -> tuple[DetectorUse, ...]:
    """The property's own, then those of the type that it does not replace or leave out."""
    own = {use.name for use in prop.detectors}
    uses = (
        *prop.detectors,
        *(use for use in declared.detectors if use.name not in own and use.name not in prop.without),
    )
    return tuple(use for use in (_limited(use, prop) for use in uses) if use is not None)


def _limited(use: DetectorUse, prop: Property) -> DetectorUse | None:
    """`range` without limits takes those that the property declares; without those either it has nothing to watch."""
    if use.name != "range" or use.parameters:
        return use
    limits = prop.suspect or prop.fail
    return use.model_copy(update={"parameters": {"low": limits[0], "high": limits[1]}}) if limits else None

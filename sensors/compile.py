"""Turns a declaration into what reads messages, once: `CompiledType` for the type, `device` for one of its Things.

`payload` reads bytes and names, `times` times, `values` values, `judge` tells what numbers are worth; `layout` knows the
forms that records come in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from aedilis.errors import DeclarationError
from aedilis.frame import NO_TIME, NONE
from aedilis.vocabulary import Location, Quality, RejectReason, Test
from sensors.batch import Batch, Channels
from sensors.declaration import DetectorUse, Property, SensorType
from sensors.device import Device, Problem
from sensors.layout import Layout
from sensors.payload import Refused as Refused
from sensors.payload import kind, read_name, shown
from sensors.times import time_reader
from sensors.values import ValueReader

_LAYOUTS = 1_000
"""Forms of records that are remembered; devices have a few, an attacker as many as he likes."""


@dataclass(slots=True)
class DecodedObservation:
    """One observation as its device told it, in the Datastream's unit. Times and interval in µs."""

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
    """What one message gave: at least one observation or one reject."""

    agency: str
    thing: str
    zone: str | None
    location: Location | None
    observations: list[DecodedObservation]
    rejects: list[Problem]


class CompiledType:
    """A sensor type ready to read messages."""

    def __init__(self, declared: SensorType) -> None:
        self.declared = declared
        self.name = declared.name
        self.version = declared.version
        self.topic = declared.topic
        self.allowed_lateness = round(declared.allowed_lateness_s * 1e6)
        self._levels = declared.topic.split("/")
        self.time_key = declared.time.field
        self._read_time = time_reader(declared.time)
        self._max_ahead = round(declared.time.max_ahead_s * 1e6)
        self.readers = [ValueReader(prop, declared) for prop in declared.properties]
        self.property_of = {reader.key: number for number, reader in enumerate(self.readers)}
        self._required = [reader.key for reader in self.readers if reader.prop.required]
        payload, time = declared.payload, declared.time
        place = {key for key in (payload.zone, payload.longitude, payload.latitude, payload.records) if key}
        parts = {key for key in (time.field, time.result_time, payload.flag) if key}
        self.tells_place = bool(payload.zone or payload.longitude)
        self.records_key = payload.records
        self.pick_labels = itemgetter(*payload.labels) if payload.labels else None
        self.has_extras = bool(time.result_time or payload.flag)
        self.message_keys = frozenset(place | set(payload.ignore))
        """Keys of the message that are no values; with `records`, the others belong into a record."""
        self.record_keys = frozenset(parts | set(payload.labels) | set(payload.ignore))
        """Keys of a record that are no values."""
        if payload.records is None:
            self.record_keys |= self.message_keys
        self.layouts: dict[tuple[str, ...], Layout] = {}
        self._detectors = {prop.name: _detectors(prop, declared) for prop in declared.properties}

    def detectors_of(self, observed_property: str) -> tuple[DetectorUse, ...]:
        """What watches a property; nothing if it is not declared."""
        return self._detectors.get(observed_property, ())

    def matches(self, topic: str) -> dict[str, str] | None:
        """Agency and Thing, still percent-encoded, when the topic has the declared form."""
        levels = topic.split("/")
        if len(levels) != len(self._levels):
            return None
        fields = {}
        for declared, level in zip(self._levels, levels, strict=True):
            if declared[:1] == "{":
                fields[declared[1:-1]] = level
            elif declared != level:
                return None
        return fields

    def device(self, topic_fields: dict[str, str], channels: Channels) -> Device:
        """What reads the messages of one topic.

        Raises:
            Refused: its names are none.
        """
        agency, thing = read_name(topic_fields["agency"], "agency"), read_name(topic_fields["thing"], "thing")
        return Device(self, agency, thing, channels)

    def decode(self, topic_fields: dict[str, str], payload: bytes, received_at: int) -> Decoded:
        """Read one message by itself, that came in at `received_at` (µs UTC).

        Raises:
            Refused: nothing of it can be used.
        """
        channels, batch = Channels([self]), Batch()
        device = self.device(topic_fields, channels)
        problems = device.read(payload, received_at, batch)
        found = channels.judged(batch)
        observations = []
        for i, number in enumerate(found.channel):
            channel = channels.seen[number]
            observations.append(
                DecodedObservation(
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
        return Decoded(device.agency, device.thing, *device.place[:2], observations, problems)

    # ------------------------------------------------------------ of one record

    def layout_of(self, record: dict[str, Any], index: int) -> Layout | None:
        """The form of a record; None if it has keys that are not declared.

        Raises:
            Refused: a value that the type requires is not there.
        """
        keys = tuple(record)
        layout = self.layouts.get(keys)
        if layout is None:
            for key in self._required:
                if key not in record:
                    raise Refused(RejectReason.MISSING_FIELD, f"expected {self.path(index)}.{key}")
            if any(key not in self.property_of and key not in self.record_keys for key in keys):
                return None
            if len(self.layouts) >= _LAYOUTS:
                self.layouts.clear()
            layout = self.layouts[keys] = Layout(keys, self.readers)
        return layout

    def path(self, index: int) -> str:
        """Where a record stands in its message."""
        return "$" if self.records_key is None else f"$.{self.records_key}[{index}]"

    def time_of(self, record: dict[str, Any], received_at: int) -> int:
        """When it was."""
        key = self.time_key
        value = record.get(key)
        if value is None:
            if self.declared.time.default == "received":
                return received_at
            raise Refused(RejectReason.NO_TIME, f"expected a time at $.{key}")
        return self._in_range(self._read_time(value, key), value, key, received_at)

    def result_time_of(self, record: dict[str, Any], received_at: int) -> int:
        """When the device gave it out; `NO_TIME` where it does not tell."""
        key = self.declared.time.result_time
        value = None if key is None else record.get(key)
        if key is None or value is None:
            return NO_TIME
        return self._in_range(self._read_time(value, key), value, key, received_at)

    def _in_range(self, time: int, value: Any, key: str, received_at: int) -> int:
        if not 0 <= time <= received_at + self._max_ahead:
            raise Refused(RejectReason.TIME_OUT_OF_RANGE, f"{shown(value)} at $.{key} is not between 1970 and now")
        return time

    def flag_of(self, record: dict[str, Any], flags: dict[str, int]) -> int:
        """The code of the device's own flag in `flags`; `NONE` where it has none."""
        key = self.declared.payload.flag
        flag = None if key is None else record.get(key)
        return NONE if flag is None else flags.setdefault(shown(flag).replace("\0", "�"), len(flags))

    def labels_of(self, record: dict[str, Any]) -> tuple[str, ...]:
        """Its labels, as they stand in the names of Datastreams."""
        labels = []
        for key in self.declared.payload.labels:
            value = record.get(key)
            if value is None:
                raise Refused(RejectReason.MISSING_FIELD, f"expected text at $.{key}")
            if not isinstance(value, str):
                raise Refused(RejectReason.WRONG_SHAPE, f"expected text at $.{key}, got {kind(value)}")
            labels.append(_read_label(value, key))
        return tuple(labels)


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
            (prop.datastream or "").format_map({label: "" for label in declared.payload.labels})
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            fault = f"- at $.properties.{prop.name}.datastream: {error} is not among payload.labels"
            raise DeclarationError(name=declared.name, count=1, faults=fault) from error
    return CompiledType(declared)


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

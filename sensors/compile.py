"""Turns a declaration into functions, once; then each message costs a few microseconds.

`payload` reads bytes and names, `times` times, `values` values; here they are joined.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from aedilis.errors import DeclarationError
from aedilis.vocabulary import Location, Quality, RejectReason, Test
from sensors.declaration import DetectorUse, Property, SensorType
from sensors.payload import Refused as Refused
from sensors.payload import kind, read_json, read_name, shown
from sensors.times import time_reader
from sensors.values import Unread, ValueReader


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
    zone: str | None = None
    location: Location | None = None
    observations: list[DecodedObservation] = field(default_factory=list)
    rejects: list[tuple[RejectReason, str, str | None]] = field(default_factory=list)
    """(reason, detail, path in the payload)"""


class CompiledType:
    """A sensor type ready to read messages."""

    def __init__(self, declared: SensorType) -> None:
        self.declared = declared
        self.name = declared.name
        self.version = declared.version
        self.topic = declared.topic
        self.allowed_lateness = round(declared.allowed_lateness_s * 1e6)
        self._levels = declared.topic.split("/")
        self._read_time = time_reader(declared.time)
        self._max_ahead = round(declared.time.max_ahead_s * 1e6)
        readers = [ValueReader(prop, declared) for prop in declared.properties]
        self._values = {reader.key: reader for reader in readers}
        self._required = [reader.key for reader in readers if reader.prop.required]
        payload, time = declared.payload, declared.time
        place = {key for key in (payload.zone, payload.longitude, payload.latitude, payload.records) if key}
        parts = {key for key in (time.field, time.result_time, payload.flag) if key}
        self._message_keys = frozenset(place | set(payload.ignore))
        """Keys of the message that are no values; with `records`, the others belong into a record."""
        self._record_keys = frozenset(parts | set(payload.labels) | set(payload.ignore))
        if payload.records is None:
            self._record_keys |= self._message_keys
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

    def decode(self, topic_fields: dict[str, str], payload: bytes, received_at: int) -> Decoded:
        """Read a message that came in at `received_at` (µs UTC).

        Raises:
            Refused: nothing of it can be used.
        """
        decoded = Decoded(read_name(topic_fields["agency"], "agency"), read_name(topic_fields["thing"], "thing"))
        content = read_json(payload)
        if not isinstance(content, dict):
            raise Refused(RejectReason.WRONG_SHAPE, f"expected an object, got {kind(content)}")
        self._place(content, decoded)
        key = self.declared.payload.records
        if key is None:
            self._record(content, decoded, received_at, "$")
        else:
            self._records(key, content, decoded, received_at)
        if not decoded.observations and not decoded.rejects:
            raise Refused(RejectReason.MISSING_FIELD, "no value of any declared property")
        return decoded

    def _records(self, key: str, content: dict[str, Any], decoded: Decoded, received_at: int) -> None:
        records = content.get(key)
        if not isinstance(records, list):
            raise Refused(RejectReason.WRONG_SHAPE, f"expected a list at $.{key}, got {kind(records)}")
        for other in content:
            if other not in self._message_keys:
                decoded.rejects.append(_undeclared(other, "$"))
        for i, record in enumerate(records):
            path = f"$.{key}[{i}]"
            if not isinstance(record, dict):
                decoded.rejects.append((RejectReason.WRONG_SHAPE, f"expected an object, got {kind(record)}", path))
                continue
            try:
                self._record(record, decoded, received_at, path)
            except Refused as refused:
                decoded.rejects.append((refused.reason, refused.detail, path))

    def _place(self, content: dict[str, Any], decoded: Decoded) -> None:
        payload = self.declared.payload
        if payload.zone and (zone := content.get(payload.zone)) not in (None, ""):
            if isinstance(zone, str):
                decoded.zone = read_name(zone, "zone", encoded=False)
            else:
                detail = f"expected text, got {kind(zone)}"
                decoded.rejects.append((RejectReason.WRONG_SHAPE, detail, f"$.{payload.zone}"))
        if payload.longitude and payload.latitude:
            longitude, latitude = content.get(payload.longitude), content.get(payload.latitude)
            if longitude is None or latitude is None:
                return
            numbers = all(type(part) in (int, float) for part in (longitude, latitude))
            if numbers and abs(longitude) <= 180 and abs(latitude) <= 90:
                decoded.location = Location(float(longitude), float(latitude))
            else:
                detail = f"expected degrees, got {shown(longitude)}, {shown(latitude)}"
                decoded.rejects.append((RejectReason.WRONG_SHAPE, detail, f"$.{payload.longitude}"))

    def _record(self, record: dict[str, Any], decoded: Decoded, received_at: int, path: str) -> None:
        time = self._time(record, received_at)
        labels = self._labels(record)
        result_time = self._result_time(record, received_at)
        raw_flag = self._flag(record)
        for key in self._required:
            if key not in record:
                raise Refused(RejectReason.MISSING_FIELD, f"expected {path}.{key}")
        for key, value in record.items():
            reader = self._values.get(key)
            if reader is None:
                if key not in self._record_keys:
                    decoded.rejects.append(_undeclared(key, path))
                continue
            read = reader(value)
            if isinstance(read, Unread):
                decoded.rejects.append((read.reason, read.detail, f"{path}.{key}"))
                continue
            result, quality, tests = read
            prop = reader.prop
            name = prop.datastream or prop.name
            decoded.observations.append(
                DecodedObservation(
                    name.format_map(labels) if labels else name,
                    prop.name,
                    prop.unit,
                    reader.interval,
                    time,
                    result,
                    quality,
                    tests,
                    raw_flag,
                    result_time,
                )
            )

    def _time(self, record: dict[str, Any], received_at: int) -> int:
        key = self.declared.time.field
        value = record.get(key)
        if value is None:
            if self.declared.time.default == "received":
                return received_at
            raise Refused(RejectReason.NO_TIME, f"expected a time at $.{key}")
        return self._in_range(self._read_time(value, key), value, key, received_at)

    def _result_time(self, record: dict[str, Any], received_at: int) -> int | None:
        key = self.declared.time.result_time
        value = None if key is None else record.get(key)
        if key is None or value is None:
            return None
        return self._in_range(self._read_time(value, key), value, key, received_at)

    def _in_range(self, time: int, value: Any, key: str, received_at: int) -> int:
        if not 0 <= time <= received_at + self._max_ahead:
            raise Refused(RejectReason.TIME_OUT_OF_RANGE, f"{shown(value)} at $.{key} is not between 1970 and now")
        return time

    def _flag(self, record: dict[str, Any]) -> str | None:
        key = self.declared.payload.flag
        flag = None if key is None else record.get(key)
        return None if flag is None else shown(flag).replace("\0", "�")

    def _labels(self, record: dict[str, Any]) -> dict[str, str]:
        labels = {}
        for key in self.declared.payload.labels:
            value = record.get(key)
            if value is None:
                raise Refused(RejectReason.MISSING_FIELD, f"expected text at $.{key}")
            if not isinstance(value, str):
                raise Refused(RejectReason.WRONG_SHAPE, f"expected text at $.{key}, got {kind(value)}")
            labels[key] = _read_label(value, key)
        return labels


_SLASH = re.compile("/|%(?=2F|25)")


def as_label(name: str) -> str:
    """A label's word inside a Datastream's name: `/` is `%2F`, so that `price/{goods}/{trade}` stays unambiguous."""
    return _SLASH.sub(lambda found: "%2F" if found[0] == "/" else "%25", name)


@lru_cache(maxsize=100_000)
def _read_label(text: str, key: str) -> str:
    return as_label(read_name(text, key, encoded=False))


def _undeclared(key: str, path: str) -> tuple[RejectReason, str, str]:
    return RejectReason.UNKNOWN_FIELD, f"{key[:80]!r} is not declared", f"{path}.{key[:80]}"


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

"""Turns a declaration into functions, once; then each message costs a few microseconds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from aedilis.errors import DeclarationError
from aedilis.identity import from_topic_level
from aedilis.vocabulary import Location, Quality, RejectReason, Test
from sensors.declaration import DetectorUse, Property, SensorType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_NAME = 200


class Refused(Exception):
    """A message that gives no observation at all."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


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
    """What one message gave."""

    agency: str
    thing: str
    zone: str | None = None
    location: Location | None = None
    observations: list[DecodedObservation] = field(default_factory=list)
    rejects: list[tuple[RejectReason, str, str | None]] = field(default_factory=list)


class CompiledType:
    """A sensor type ready to read messages."""

    def __init__(self, declared: SensorType) -> None:
        self.declared = declared
        self.name = declared.name
        self.version = declared.version
        self.topic = declared.topic
        self.allowed_lateness = round(declared.allowed_lateness_s * 1e6)
        self._levels = declared.topic.split("/")
        self._read_time = _time_reader(declared)
        self._max_ahead = round(declared.time.max_ahead_s * 1e6)
        self._values = {prop.field or prop.name: _value_reader(prop, declared) for prop in declared.properties}
        self._required = [prop.field or prop.name for prop in declared.properties if prop.required]
        payload = declared.payload
        parts = (payload.zone, payload.longitude, payload.latitude, payload.flag, declared.time.result_time)
        known = {declared.time.field, *payload.labels, *payload.ignore, *(part for part in parts if part)}
        self._other = frozenset(known - set(self._values))
        self._detectors = {prop.name: _detectors(prop, declared) for prop in declared.properties}

    def detectors_of(self, observed_property: str) -> tuple[DetectorUse, ...]:
        """What watches a property; nothing if it is not declared."""
        return self._detectors.get(observed_property, ())

    def matches(self, topic: str) -> dict[str, str] | None:
        """Agency and Thing when the topic has the declared form."""
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
        decoded = Decoded(_name(topic_fields["agency"], "agency"), _name(topic_fields["thing"], "thing"))
        content = _json(payload)
        if not isinstance(content, dict):
            raise Refused(RejectReason.WRONG_SHAPE, f"expected an object, got {_kind(content)}")
        self._place(content, decoded)
        key = self.declared.payload.records
        if key is None:
            self._record(content, decoded, received_at, "$")
            return decoded
        records = content.get(key)
        if not isinstance(records, list):
            raise Refused(RejectReason.WRONG_SHAPE, f"expected a list at $.{key}, got {_kind(records)}")
        for i, record in enumerate(records):
            path = f"$.{key}[{i}]"
            if not isinstance(record, dict):
                decoded.rejects.append((RejectReason.WRONG_SHAPE, f"expected an object, got {_kind(record)}", path))
                continue
            try:
                self._record(record, decoded, received_at, path)
            except Refused as refused:
                decoded.rejects.append((refused.reason, refused.detail, path))
        return decoded

    def _place(self, content: dict[str, Any], decoded: Decoded) -> None:
        payload = self.declared.payload
        if payload.zone and isinstance(zone := content.get(payload.zone), str) and zone:
            decoded.zone = _name(zone, "zone", encoded=False)
        if payload.longitude and payload.latitude:
            longitude, latitude = content.get(payload.longitude), content.get(payload.latitude)
            if longitude is None or latitude is None:
                return
            numbers = all(type(part) in (int, float) for part in (longitude, latitude))
            if numbers and abs(longitude) <= 180 and abs(latitude) <= 90:
                decoded.location = Location(float(longitude), float(latitude))
            else:
                detail = f"expected degrees, got {longitude!r}, {latitude!r}"
                decoded.rejects.append((RejectReason.WRONG_SHAPE, detail[:200], f"$.{payload.longitude}"))

    def _record(self, record: dict[str, Any], decoded: Decoded, received_at: int, path: str) -> None:
        time = self._read_time(record, received_at)
        if not 0 <= time <= received_at + self._max_ahead:
            raise Refused(
                RejectReason.TIME_OUT_OF_RANGE,
                f"{_shown(record.get(self.declared.time.field))} is not between 1970 and now",
            )
        labels = self._labels(record)
        result_time = self._result_time(record, received_at)
        flag = record.get(self.declared.payload.flag) if self.declared.payload.flag else None
        raw_flag = None if flag is None else str(flag)[:50].replace("\0", "�")
        for key in self._required:
            if key not in record:
                raise Refused(RejectReason.MISSING_FIELD, f"expected {path}.{key}")
        container = self.declared.payload.records if path == "$" else None
        for key, value in record.items():
            reader = self._values.get(key)
            if reader is None:
                if key not in self._other and key != container:
                    decoded.rejects.append(
                        (RejectReason.UNKNOWN_FIELD, f"{key[:80]!r} is not declared", f"{path}.{key[:80]}")
                    )
                continue
            read = reader(value)
            if isinstance(read, tuple):
                result, quality, tests = read
            else:
                reason = RejectReason.UNKNOWN_CATEGORY if read.startswith("unknown word") else RejectReason.NOT_A_NUMBER
                decoded.rejects.append((reason, read, f"{path}.{key}"))
                continue
            prop = reader.prop
            decoded.observations.append(
                DecodedObservation(
                    prop.datastream.format_map(labels) if labels and prop.datastream else prop.datastream or prop.name,
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

    def _labels(self, record: dict[str, Any]) -> dict[str, str]:
        labels = {}
        for key in self.declared.payload.labels:
            value = record.get(key)
            if value is None:
                raise Refused(RejectReason.MISSING_FIELD, f"expected text at $.{key}")
            if not isinstance(value, str):
                raise Refused(RejectReason.WRONG_SHAPE, f"expected text at $.{key}, got {_kind(value)}")
            labels[key] = _name(value, key, encoded=False)
        return labels

    def _result_time(self, record: dict[str, Any], received_at: int) -> int | None:
        key = self.declared.time.result_time
        if key is None or record.get(key) is None:
            return None
        time = self._read_time({self.declared.time.field: record[key]}, received_at)
        if not 0 <= time <= received_at + self._max_ahead:
            raise Refused(RejectReason.TIME_OUT_OF_RANGE, f"{_shown(record[key])} at $.{key}")
        return time


def compile_type(declared: SensorType) -> CompiledType:
    """Compile a declaration.

    Raises:
        DeclarationError: a unit cannot be converted, or a template names no label.
    """
    for prop in declared.properties:
        try:
            (prop.datastream or "").format_map({label: "" for label in declared.payload.labels})
        except (KeyError, ValueError, IndexError) as error:
            fault = f"- at $.properties.{prop.name}.datastream: {error} is not among payload.labels"
            raise DeclarationError(name=declared.name, count=1, faults=fault) from error
    return CompiledType(declared)


# ---------------------------------------------------------------- values


class _ValueReader:
    """Reads one value; returns (result, quality, tests), or the words of why not."""

    __slots__ = (
        "_categories",
        "_fail",
        "_numeric_text",
        "_offset",
        "_sentinels",
        "_slope",
        "_suspect",
        "interval",
        "prop",
    )

    def __init__(self, prop: Property, declared: SensorType) -> None:
        self.prop = prop
        self.interval = round((prop.interval_s or declared.interval_s) * 1e6)
        self._slope, self._offset = _conversion(prop, declared.name)
        self._fail = prop.fail or (-math.inf, math.inf)
        self._suspect = prop.suspect or self._fail
        self._sentinels = frozenset(prop.sentinels)
        self._categories = prop.categories
        self._numeric_text = declared.payload.numeric_text

    def __call__(self, value: Any) -> tuple[float, Quality, Test] | str:
        kind = type(value)
        if kind is float or kind is int:
            try:
                number = float(value)
            except OverflowError:
                return f"expected a number, got an integer of {len(str(value)[:400])} digits or more"
        elif value is None:
            return math.nan, Quality.MISSING, Test.NONE
        elif kind is str:
            if self._categories:
                found = self._categories.get(value)
                if found is None:
                    return f"unknown word {value[:50]!r}, known are {', '.join(self._categories)}"[:300]
                number = found
            elif self._numeric_text:
                try:
                    number = float(value)
                except ValueError:
                    return f"expected a number, got text {value[:50]!r}"
            else:
                return f"expected a number, got text {value[:50]!r}"
        elif kind is bool and self.prop.boolean:
            number = float(value)
        else:
            return f"expected a number, got {_kind(value)}"
        if not math.isfinite(number):
            return f"expected a finite number, got {number}"
        if number in self._sentinels:
            return number, Quality.FAIL, Test.SENTINEL
        number = number * self._slope + self._offset
        if not math.isfinite(number):
            return "expected a number that stays finite in the declared unit"
        low, high = self._suspect
        if low <= number <= high:
            return number, Quality.GOOD, Test.NONE
        low, high = self._fail
        return number, Quality.SUSPECT if low <= number <= high else Quality.FAIL, Test.GROSS_RANGE


def _value_reader(prop: Property, declared: SensorType) -> _ValueReader:
    return _ValueReader(prop, declared)


def _conversion(prop: Property, name: str) -> tuple[float, float]:
    """(slope, offset) from the payload's unit to the Datastream's."""
    if prop.payload_unit is None:
        return 1.0, 0.0
    import pint  # a third of a second, for the types that convert

    try:
        registry = _registry()
        zero = registry.Quantity(0.0, prop.payload_unit).to(_UCUM.get(prop.unit, prop.unit)).magnitude
        one = registry.Quantity(1.0, prop.payload_unit).to(_UCUM.get(prop.unit, prop.unit)).magnitude
    except (pint.PintError, TypeError, ValueError, AttributeError) as error:
        fault = f"- at $.properties.{prop.name}.payload_unit: {error}"
        raise DeclarationError(name=name, count=1, faults=fault) from error
    return one - zero, zero


_UCUM = {
    "Cel": "degC",
    "ug/m3": "microgram/meter**3",
    "mg/m3": "milligram/meter**3",
    "%": "percent",
    "m/s": "meter/second",
}


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


def _detectors(prop: Property, declared: SensorType) -> tuple[DetectorUse, ...]:
    """The property's own, then those of the type that it does not replace or leave out."""
    own = {use.name for use in prop.detectors}
    return (
        *prop.detectors,
        *(use for use in declared.detectors if use.name not in own and use.name not in prop.without),
    )


# ---------------------------------------------------------------- times, names, JSON


def _time_reader(declared: SensorType) -> Callable[[dict[str, Any], int], int]:
    time = declared.time
    key, zone = time.field, time.zone()
    scale = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}.get(time.form)

    @lru_cache(maxsize=4096)
    def iso(text: str) -> int:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise Refused(RejectReason.NO_TIME, f"expected an ISO 8601 time, got {text[:50]!r}") from error
        if moment.tzinfo is None:
            if zone is None:
                raise Refused(RejectReason.NO_TIME, f"{text[:50]!r} has no zone, and the type names none")
            moment = moment.replace(tzinfo=zone)
        try:
            since = moment - _EPOCH
        except OverflowError as error:
            raise Refused(RejectReason.TIME_OUT_OF_RANGE, f"{text[:50]!r}") from error
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds

    def read(record: dict[str, Any], received_at: int) -> int:
        value = record.get(key)
        if value is None:
            if time.default == "received":
                return received_at
            raise Refused(RejectReason.NO_TIME, f"expected a time at $.{key}")
        if scale is None:
            if not isinstance(value, str):
                raise Refused(RejectReason.NO_TIME, f"expected an ISO 8601 time, got {_kind(value)}")
            return iso(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refused(RejectReason.NO_TIME, f"expected a number at $.{key}, got {_kind(value)}")
        if not abs(value) < 1e17:
            raise Refused(RejectReason.TIME_OUT_OF_RANGE, f"{_shown(value)} at $.{key}")
        return round(value * scale)

    return read


@lru_cache(maxsize=100_000)
def _name(level: str, what: str, *, encoded: bool = True) -> str:
    try:
        name = from_topic_level(level) if encoded else level
    except UnicodeDecodeError as error:
        raise Refused(RejectReason.INVALID_UTF8, f"the {what} is not UTF-8 when percent-decoded") from error
    if not name.strip() or len(name) > _LONGEST_NAME or any(ord(char) < 32 or ord(char) == 127 for char in name):
        raise Refused(
            RejectReason.WRONG_SHAPE, f"expected a name of 1 to {_LONGEST_NAME} printable characters as {what}"
        )
    return name


def _json(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except RecursionError as error:
        raise Refused(RejectReason.INVALID_JSON, "nested too deep") from error
    except msgspec.DecodeError as error:
        try:
            payload.decode()
        except UnicodeDecodeError as undecodable:
            raise Refused(RejectReason.INVALID_UTF8, str(undecodable)[:200]) from undecodable
        raise Refused(RejectReason.INVALID_JSON, str(error)) from error


def _shown(value: Any) -> str:
    return str(value)[:50] if not isinstance(value, int) or abs(value) < 10**18 else "a very large number"


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "nothing"}
    return names.get(type(value), "a number")

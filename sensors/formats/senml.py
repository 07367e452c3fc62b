"""SenML (RFC 8428) in JSON or CBOR: a list of measurements whose base values go on to those that follow.

What is told is the resolved form of the RFC (section 4.6): base name and name are one name, base time and time, base value
and value, base sum and sum are added, and a time below 2^28 s counts from when the message came in. A retained message has
come in before, so that its relative times are none. What one device measured at one instant is one record; a sum stands
beside the value as `KEY sum`, in the unit times seconds.

A name is the Thing and the key in one. `options.name` says which part is which, such as `urn:dev:ow:{thing}:{key}`;
without it the key is what follows the last `:` or `/`, and all names must share the rest, the topic's Thing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

import cbor2
from pydantic import BaseModel, ConfigDict, Field, field_validator

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, Raw, Record, Session
from sensors.payload import Refused, kind, read_json, shown

_VERSION = 10  # of RFC 8428
_ABSOLUTE = 2**28 * 1_000_000  # µs; below, a time is relative to now
_LATEST = 1e11  # seconds, in the year 5138
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_TEXTS, _NUMBERS = ("bn", "bu"), ("bt", "bv", "bs", "bver")
_BASES = frozenset((*_TEXTS, *_NUMBERS))
_VALUES: dict[str, type] = {"v": float, "vs": str, "vb": bool, "vd": str}
_OTHER_VALUES = frozenset(("vs", "vb", "vd", "s"))
_NUMBER = frozenset((int, float))
_FAULTS = 5
_UCUM = {
    "l": "L",
    "l/s": "L/s",
    "%RH": "%",
    "%EL": "%",
    "/": "1",
    "EL": "1",
    "/100": "%",
    "/1000": "[ppth]",
    "ppm": "[ppm]",
    "ppb": "[ppb]",
    "count": "1",
    "1/s": "/s",
    "1/min": "/min",
    "beat/min": "/min",
    "beats": "1",
    "lat": "deg",
    "lon": "deg",
    "pH": "[pH]",
    "Bspl": "B[SPL]",
    "VA": "V.A",
    "VAs": "V.A.s",
    "kVA": "kV.A",
    "Ah": "A.h",
    "Wh": "W.h",
    "kWh": "kW.h",
    "dBm": "dB[mW]",
}
"""Units of SenML (RFC 8428 section 12.1, RFC 8798) that UCUM writes otherwise."""

_LABELS: dict[Any, str] = {
    -6: "bs",
    -5: "bv",
    -4: "bu",
    -3: "bt",
    -2: "bn",
    -1: "bver",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
"""Labels of CBOR (RFC 8428, section 6) → those of JSON; others are text in both."""

_Split = Callable[[str], tuple[str, str]]
"""Name → Thing, key."""


class SenmlOptions(BaseModel):
    """How messages are written, and how names are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: Literal["json", "cbor"] = "json"

    name: str | None = Field(
        None, description="which part of a name is the Thing and which the key: `urn:dev:ow:{thing}:{key}`"
    )

    @field_validator("name")
    @classmethod
    def _placeholders(cls, value: str | None) -> str | None:
        if value is not None and sorted(_PLACEHOLDER.findall(value)) not in (["key", "thing"], ["thing"]):
            raise ValueError("expected {thing}, and {key} unless its devices measure one thing, each once")
        return value


class Senml:
    """One flat record a device and instant."""

    name = "senml"
    title = "SenML (RFC 8428)"
    Options = SenmlOptions
    time = Time(field="@time", form="epoch_us", default="received")
    numeric_text = False
    example = FormatExample(
        template="senml/{agency}/{thing}",
        topic="senml/demo/meter",
        payload=b'[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},'
        b'{"n":"current","t":-5,"v":1.2},{"n":"current","t":0,"v":1.7}]',
        records=(
            {"@time": 1276020076001000, "voltage": 120.1, "@unit:voltage": "V", "current": 1.7, "@unit:current": "A"},
            {"@time": 1276020071001000, "current": 1.2, "@unit:current": "A"},
        ),
    )

    def decoder(self, options: SenmlOptions) -> Decode:
        """See the module."""
        split = _by_template(options.name) if options.name else _by_last_mark

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            pack = _read_cbor(raw.payload) if options.encoding == "cbor" else read_json(raw.payload)
            return _resolved(pack, raw, split, tells_thing=options.name is not None)

        return decode


def _resolved(pack: Any, raw: Raw, split: _Split, *, tells_thing: bool) -> Sequence[Record]:
    if type(pack) is not list or not pack:
        raise Refused(RejectReason.WRONG_SHAPE, f"expected a list of measurements, got {kind(pack)}")
    if b"_" in raw.payload or b"\\u005" in raw.payload:
        _understand(pack)
    base_name, base_unit, base_time, base_value, base_sum = "", None, 0, 0, None
    records = _Records(raw, tells_thing)
    faults: list[str] = []
    for i, entry in enumerate(pack):
        if type(entry) is not dict:
            raise Refused(RejectReason.WRONG_SHAPE, f"expected an object at $[{i}], got {kind(entry)}")
        if not _BASES.isdisjoint(entry):
            _check_base(entry, i)
            base_name, base_unit = entry.get("bn", base_name), entry.get("bu", base_unit)
            base_value, base_sum = entry.get("bv", base_value), entry.get("bs", base_sum)
            if "bt" in entry:
                base_time = _microseconds(entry["bt"])
            if entry.keys() <= _BASES:
                continue
        try:
            thing, key = split(base_name + entry.get("n", ""))
            value: Any = entry.get("v")
            total = None
            if base_sum is None and type(value) in _NUMBER and _OTHER_VALUES.isdisjoint(entry):
                value += base_value
            else:
                value, total = _values(entry, base_value, base_sum)
            unit = entry.get("u", base_unit)
            if unit is not None and type(unit) is not str:
                raise ValueError(f"u is {kind(unit)}, expected text")
            time = base_time + _microseconds(entry["t"]) if "t" in entry else base_time
        except (TypeError, ValueError, OverflowError) as error:
            faults.append(f"at $[{i}]: {error}")
            continue
        record = records.of(thing, time, key)
        if value is not None:
            record[key] = value
        if total is not None:
            record[f"{key} sum"] = total
        if unit is not None:
            record[f"@unit:{key}"] = _UCUM.get(unit, unit)
    return records.told(faults)


class _Records:
    """The records of a message, by device and instant."""

    def __init__(self, raw: Raw, tells_thing: bool) -> None:
        self._raw = raw
        self._tells_thing = tells_thing
        self._latest: dict[tuple[str, int], Record] = {}
        self._all: list[Record] = []

    def of(self, thing: str, time: int, key: str) -> Record:
        """Where a value belongs: in a new one if its key stands there already."""
        record = self._latest.get((thing, time))
        if record is None or key in record:
            record = self._latest[thing, time] = {}
            self._all.append(record)
            if time >= _ABSOLUTE:
                record["@time"] = time
            elif time and not self._raw.retained:
                record["@time"] = self._raw.received_at + time
            if self._tells_thing:
                record["@thing"] = thing
        return record

    def told(self, faults: list[str]) -> list[Record]:
        """All of them, and what could not be read."""
        things = {thing for thing, _ in self._latest}
        if not self._tells_thing and len(things) > 1:
            several = ", ".join(sorted(things))[:150]
            detail = f"names of several devices, {several}: let options.name say which part is the Thing"
            raise Refused(RejectReason.WRONG_SHAPE, detail)
        fault = "; ".join(faults[:_FAULTS])
        if not self._all:
            raise Refused(RejectReason.INVALID_PAYLOAD, fault or "base values without a measurement")
        if fault:
            self._all.append({"@fault": fault})
        return self._all


def _read_cbor(payload: bytes) -> Any:
    """The content as JSON would have it: labels as text, decimal fractions as numbers, bytes as base64 for URLs."""
    try:
        pack = cbor2.loads(payload)
    except cbor2.CBORDecodeError as error:
        raise Refused(RejectReason.INVALID_PAYLOAD, f"no CBOR: {error}"[:200]) from error
    if type(pack) is not list:
        return pack
    return [
        {_LABELS.get(label, str(label)): _plain(value) for label, value in entry.items()}
        if type(entry) is dict
        else entry
        for entry in pack
    ]


def _plain(value: Any) -> Any:
    if type(value) is Decimal:
        return float(value)
    if type(value) is bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    return value


def _check_base(entry: dict[str, Any], i: int) -> None:
    for labels, kinds, wanted in ((_TEXTS, (str,), "text"), (_NUMBERS, (int, float), "a number")):
        for label in labels:
            if label in entry and type(entry[label]) not in kinds:
                detail = f"expected {wanted} at $[{i}].{label}, got {kind(entry[label])}"
                raise Refused(RejectReason.INVALID_PAYLOAD, detail)
    if not abs(entry.get("bt", 0)) < _LATEST:  # NaN too
        raise Refused(RejectReason.TIME_OUT_OF_RANGE, f"a base time of {shown(entry['bt'])} s")
    if not entry.get("bver", 0) <= _VERSION:
        detail = f"version {shown(entry['bver'])}, and this reads up to {_VERSION}"
        raise Refused(RejectReason.INVALID_PAYLOAD, detail)


def _understand(pack: list[Any]) -> None:
    """Labels that end in `_` must be understood (section 4.4), and no such label is."""
    labels = {label for entry in pack if type(entry) is dict for label in entry if label[-1:] == "_"}
    if labels:
        detail = f"{', '.join(sorted(labels))[:100]}: labels that end in _ must be understood, and these are not"
        raise Refused(RejectReason.INVALID_PAYLOAD, detail)


def _values(entry: dict[str, Any], base_value: float, base_sum: float | None) -> tuple[Any, float | None]:
    """(value, sum) of one entry, each None where it tells none."""
    labels = [label for label in _VALUES if label in entry]
    if len(labels) > 1:
        raise ValueError("several values: " + ", ".join(labels))
    total = None if "s" not in entry and base_sum is None else _number(entry.get("s", 0), "s") + (base_sum or 0)
    if not labels:
        if total is None and not base_value:
            raise ValueError("no value and no sum")
        return base_value or None, total
    value = entry[labels[0]]
    if labels[0] == "v":
        return _number(value, "v") + base_value, total
    if type(value) is not _VALUES[labels[0]]:
        raise ValueError(f"{labels[0]} is {kind(value)}")
    return value, total


def _number(value: Any, label: str) -> int | float:
    if type(value) is not float and type(value) is not int:
        raise ValueError(f"{label} is {kind(value)}, expected a number")
    number: int | float = value
    return number


def _microseconds(seconds: Any) -> int:
    """Each part for itself, so that a base and an offset add without loss."""
    number = _number(seconds, "a time")
    if not abs(number) < _LATEST:  # NaN too
        raise ValueError(f"a time of {shown(number)} s")
    return round(number * 1_000_000)


def _checked(name: Any) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:80]!r} is no name of SenML")
    return str(name)


@lru_cache(maxsize=10_000)
def _by_last_mark(name: str) -> tuple[str, str]:
    at = max(_checked(name).rfind(":"), name.rfind("/"))
    return ("", name) if at in (-1, len(name) - 1) else (name[: at + 1], name[at + 1 :])


def _by_template(template: str) -> _Split:
    parts = _PLACEHOLDER.split(template)
    pattern = re.compile("".join(f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts)))

    @lru_cache(maxsize=10_000)
    def split(name: str) -> tuple[str, str]:
        found = pattern.fullmatch(_checked(name))
        if found is None:
            raise ValueError(f"the name {name[:80]!r} is not of the form {template}")
        return found["thing"], found.groupdict().get("key", "value")

    return split


FORMAT = Senml()

"""SenML (RFC 8428) in JSON: a list of measurements whose base values go on to those that follow.

What is told is the resolved form of the RFC (section 4.6): base name and name are one name, base time and time, base value
and value, base sum and sum are added, and a time below 2^28 s counts from when the message came in. A retained message has
come in before, so that its relative times are none. What one device measured at one instant is one record; a sum stands
beside the value as `KEY sum`, in the unit times seconds.

A name is the Thing and the key in one. `options.name` says which part is which, such as `urn:dev:ow:{thing}:{key}`;
without it the key is what follows the last `:` or `/`, and all names must share the rest, the topic's Thing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, Raw, Record, Session
from sensors.payload import Refused, kind, read_json, shown

_VERSION = 10  # of RFC 8428
_ABSOLUTE = 2**28  # seconds; below, a time is relative to now
_LATEST = 1e11  # seconds, in the year 5138
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_TEXTS, _NUMBERS = ("bn", "bu"), ("bt", "bv", "bs", "bver")
_BASES = frozenset((*_TEXTS, *_NUMBERS))
_FAULTS = 5

_Split = Callable[[str], tuple[str, str]]
"""Name → Thing, key."""


class SenmlOptions(BaseModel):
    """How names are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
            return _resolved(read_json(raw.payload), raw, split, tells_thing=options.name is not None)

        return decode


def _resolved(pack: Any, raw: Raw, split: _Split, *, tells_thing: bool) -> Sequence[Record]:
    if type(pack) is not list or not pack:
        raise Refused(RejectReason.WRONG_SHAPE, f"expected a list of measurements, got {kind(pack)}")
    if b'_"' in raw.payload or b"\\u005" in raw.payload:
        _understand(pack)
    base_name, base_unit, base_time, base_value, base_sum = "", None, 0, 0, None
    records: dict[tuple[str, int | None], Record] = {}
    done: list[Record] = []
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
            values = _values(entry, base_value, base_sum)
            thing, key = split(base_name + entry.get("n", ""))
            unit = _unit(entry.get("u", base_unit))
            time = base_time + _microseconds(entry.get("t", 0))
        except (TypeError, ValueError, OverflowError) as error:
            faults.append(f"at $[{i}]: {error}")
            continue
        at: int | None = time
        if time < _ABSOLUTE * 1_000_000:
            at = raw.received_at + time if time and not raw.retained else None
        record = records.get((thing, at))
        if record is None or key in record:
            record = records[thing, at] = {}
            done.append(record)
            if at is not None:
                record["@time"] = at
            if tells_thing and thing:
                record["@thing"] = thing
        for label, value in values:
            record[key if label != "s" else f"{key} sum"] = value
        if unit is not None:
            record[f"@unit:{key}"] = unit
    if not tells_thing and len(things := {thing for thing, _ in records}) > 1:
        detail = (
            f"names of several devices, {', '.join(sorted(things))[:150]}: let options.name say which part is the Thing"
        )
        raise Refused(RejectReason.WRONG_SHAPE, detail)
    if faults:
        if not done:
            raise Refused(RejectReason.INVALID_PAYLOAD, "; ".join(faults[:_FAULTS]))
        done.append({"@fault": "; ".join(faults[:_FAULTS])})
    elif not done:
        raise Refused(RejectReason.INVALID_PAYLOAD, "base values without a measurement")
    return done


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


def _values(entry: dict[str, Any], base_value: float, base_sum: float | None) -> list[tuple[str, Any]]:
    """(label, value) of what one entry tells: at most one value, and a sum."""
    found: list[tuple[str, Any]] = []
    if "v" in entry:
        found.append(("v", _number(entry["v"], "v") + base_value))
    for label, wanted in (("vb", bool), ("vs", str), ("vd", str)):
        if label in entry:
            if type(entry[label]) is not wanted:
                raise ValueError(f"{label} is {kind(entry[label])}")
            found.append((label, entry[label]))
    if len(found) > 1:
        raise ValueError("several values: " + ", ".join(label for label, _ in found))
    if "s" in entry or base_sum is not None:
        found.append(("s", _number(entry.get("s", 0), "s") + (base_sum or 0)))
    if not found:
        if not base_value:
            raise ValueError("no value and no sum")
        found.append(("v", base_value))
    return found


def _unit(unit: Any) -> str | None:
    if unit is not None and type(unit) is not str:
        raise ValueError(f"u is {kind(unit)}, expected text")
    return unit


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

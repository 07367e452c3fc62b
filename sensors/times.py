"""Reads a time as the type declares it: ISO 8601, a number since 1970, or a form of its own, with the zone of local times.

A local time that stands twice when clocks go back is read as the first of the two, one that is skipped when they go
forward with the offset before the change; both are `Ambiguous`. A bare date is local midnight. Of an interval the start
counts. What is finer than a microsecond is cut off.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.payload import Refused, kind, shown
from sensors.timeforms import TimeForm

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 100
_PER_SECOND = {"epoch_s": 1, "epoch_ms": 10**3, "epoch_us": 10**6, "epoch_ns": 10**9}
_GUESSED_FROM, _GUESSED_TO = 631_152_000, 4_102_444_800
"""1990 and 2100 in seconds: between them no number can be meant in two units, for a unit is a thousand of the next."""
_DIGITS = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
_DURATION = re.compile(r"P(?=[\dT])(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?", re.ASCII)


class Ambiguous(int):
    """µs since 1970 UTC that may be wrong by what the clocks were changed: its observations are suspect, and
    `Test.AMBIGUOUS_TIME` speaks. It equals the plain number: ask for the type, also where neighbours of one time are put
    together.
    """

    __slots__ = ()


TimeReader = Callable[[Any, str], int]
"""(value, its path below `$.`) → µs since 1970 UTC, `Ambiguous` where the local time leaves it open; raises `Refused`."""


def time_reader(declared: Time) -> TimeReader:
    """What reads the times of a type."""
    if declared.form != "iso":
        return _epoch_reader(declared.form)
    return _text_reader(declared)


def _text_reader(declared: Time) -> TimeReader:
    zone = declared.zone()
    own = TimeForm(declared.format) if declared.format else None
    name = f"a time like {own.example}" if own else "an ISO 8601 time"
    parse = own or _interval_start

    @lru_cache(maxsize=4096)
    def read(text: str) -> int:
        try:
            moment = parse(text)
        except ValueError as error:
            raise Refused(RejectReason.NO_TIME, f"expected {name}, got {text[:50]!r}") from error
        if moment.tzinfo is not None:
            return _microseconds(moment)
        if zone is None:
            raise Refused(RejectReason.NO_TIME, f"{text[:50]!r} has no zone, and the type names none")
        return _local(moment, zone)

    def read_text(value: Any, key: str) -> int:
        if own is not None and type(value) is int and abs(value) < 10**20:
            value = str(value)  # 20180328235000 looks like a number to whoever wrote the JSON
        if not isinstance(value, str):
            raise Refused(RejectReason.NO_TIME, f"expected {name} at $.{key}, got {kind(value)}")
        if len(value) > _LONGEST:
            raise Refused(RejectReason.NO_TIME, f"expected {name} at $.{key}, got {len(value)} characters")
        return read(value)

    return read_text


def _local(moment: datetime, zone: ZoneInfo) -> int:
    first = moment.replace(tzinfo=zone)
    time = _microseconds(first)
    return time if first.utcoffset() == first.replace(fold=1).utcoffset() else Ambiguous(time)


def _microseconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _interval_start(text: str) -> datetime:
    start, slash, end = text.partition("/")
    moment = _iso(start)
    if slash and not _DURATION.fullmatch(end):
        last = _iso(end)
        if (last.tzinfo is None) == (moment.tzinfo is None) and last < moment:
            raise ValueError("an interval ends before it starts")
    return moment


def _iso(text: str) -> datetime:
    if "W" in text or not text.isascii():  # Python would take week dates, and digits of other scripts
        raise ValueError("no calendar date")
    return datetime.fromisoformat(text)


def _epoch_reader(form: str) -> TimeReader:
    per_second = _PER_SECOND.get(form)

    def read(value: Any, key: str) -> int:
        number: int | float | Fraction = value
        if type(value) is str:
            if _DIGITS.fullmatch(value) is None:
                raise Refused(RejectReason.NO_TIME, f"expected a number at $.{key}, got {value[:50]!r}")
            number = int(value) if value.isdigit() else Fraction(value)
        elif type(value) is not int and type(value) is not float:
            raise Refused(RejectReason.NO_TIME, f"expected a number at $.{key}, got {kind(value)}")
        if not -1e20 < number < 1e20:  # NaN too
            raise Refused(RejectReason.TIME_OUT_OF_RANGE, f"{shown(value)} at $.{key}")
        unit = per_second or _guessed(number)
        if not unit:
            detail = f"{shown(value)} at $.{key} is between 1990 and 2100 neither in s, ms, µs nor ns"
            raise Refused(RejectReason.TIME_OUT_OF_RANGE, detail)
        if unit > 1_000_000:
            return int(number // 1000)
        return round(number * (1_000_000 // unit))

    return read


def _guessed(number: float | Fraction) -> int:
    """Of so many in a second; 0 if none fits."""
    for unit in _PER_SECOND.values():
        if _GUESSED_FROM * unit <= number < _GUESSED_TO * unit:
            return unit
    return 0

"""Reads the times of one file and writes others in the same form.

Read are ISO 8601 (`2015-01-01T00:00:00`, `2015-01-01 00:00`, `2015/01/01`, `2015-01-01T00:00:00.5+08:00`) and numbers since
1970, in seconds, milli-, micro- or nanoseconds, told apart by their size. A time without a zone is taken as it stands, in UTC
where no other zone is given. All times of a file are of one kind, or hours would be moved in silence.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import Enum

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"-?\d+(?:\.(\d+))?", re.ASCII)
_TEXT = re.compile(
    r"\d{4}(?P<dash>[-/]?)\d\d(?P=dash)\d\d"
    r"(?:(?P<between>[T ])\d\d(?P<colon>:?)(?P<minute>\d\d)?(?:(?P=colon)(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?"
    r"(?P<zone>Z|z|[+-]\d\d(?P<zone_colon>:?)(?P<zone_minute>\d\d)?)?",
    re.ASCII,
)
_UNITS = ((1, "s"), (10**3, "ms"), (10**6, "µs"), (10**9, "ns"))
_FROM, _TO = 631_152_000, 4_102_444_800
"""1990 and 2100 in seconds: between them no number can be meant in two units."""
KNOWN = "a time such as 2015-01-01T00:00:00, 2015-01-01 or seconds since 1970"


class Kind(Enum):
    """What a time says of its zone."""

    LOCAL = "no zone"
    ZONED = "a zone"
    NUMBER = "a number since 1970"


class Mixed(Exception):
    """A time is of another kind than the first one of the file."""

    def __init__(self, first: Kind, this: Kind) -> None:
        super().__init__(f"the first time has {first.value}, this one {this.value}")


class Times:
    """The form of one file's times. `zone` is that of times that name none."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone or UTC
        self._text, self._read = "\n", 0  # many rows have the time of the one before
        self.kind: Kind | None = None
        self._lengths: set[int] = set()
        self._per_second = 1
        self._digits = 0  # behind the point
        self._dash, self._between, self._colon, self._parts = "-", "T", ":", 0
        self._suffix = ""
        self._offset: tzinfo = UTC

    def read(self, text: str) -> int:
        """µs since 1970 UTC.

        Raises:
            ValueError: it is no time that is known.
            Mixed: it is of another kind than those before.
        """
        if text != self._text:
            self._read = self._number(text) if self._is_number(text) else self._iso(text)
            self._text = text
        return self._read

    def write(self, time: int) -> str:
        """A time (µs since 1970 UTC) in the form that was read: as fine as the finest of the file, cut off."""
        if self.kind is Kind.NUMBER:
            whole, rest = divmod(time * self._per_second, 1_000_000)
            return f"{whole}.{rest * 10**self._digits // 1_000_000:0{self._digits}d}" if self._digits else str(whole)
        try:
            moment = (_EPOCH + timedelta(microseconds=time)).astimezone(self._offset)
        except OverflowError:
            moment = datetime.max if time > 0 else datetime.min
        dash, colon = self._dash, self._colon
        text = f"{moment.year:04}{dash}{moment.month:02}{dash}{moment.day:02}"
        parts = (moment.hour, moment.minute, moment.second)[: self._parts]
        if parts:
            text += self._between + colon.join(f"{part:02}" for part in parts)
        if self._digits:
            text += f".{moment.microsecond:06}000"[: 1 + self._digits]
        return text + self._suffix

    def in_words(self, sentence: str) -> str:
        """A sentence about this file: where nobody knows the zone, the times in it are no UTC."""
        return sentence.replace(" UTC", "") if self.kind is Kind.LOCAL and self._zone is UTC else sentence

    def _is_number(self, text: str) -> bool:
        if self.kind is not None and self.kind is not Kind.NUMBER:
            return False
        found = _NUMBER.fullmatch(text)
        return found is not None and (self.kind is Kind.NUMBER or _unit(float(text)) is not None)

    def _number(self, text: str) -> int:
        number = float(text)
        unit = _unit(number)
        if self.kind is None:
            assert unit is not None
            self.kind, self._per_second = Kind.NUMBER, unit
        if unit != self._per_second:
            name = dict(_UNITS)[self._per_second]
            raise ValueError(f"{text[:50]!r} is between 1990 and 2100 no number of {name} since 1970, as the first is")
        whole, _, fraction = text.partition(".")
        self._digits = max(self._digits, len(fraction))
        fine = int(whole) * 1_000_000 + int(fraction[:6].ljust(6, "0") or 0)
        return fine // self._per_second

    def _iso(self, text: str) -> int:
        if self.kind is Kind.NUMBER:
            raise Mixed(self.kind, _kind(text))
        if "W" in text or not text.isascii():  # Python would take week dates, and digits of other scripts
            raise ValueError(f"expected {KNOWN}, got {text[:50]!r}")
        try:
            moment = datetime.fromisoformat(text.replace("/", "-"))
        except ValueError as error:
            raise ValueError(f"expected {KNOWN}, got {text[:50]!r}") from error
        kind = Kind.LOCAL if moment.tzinfo is None else Kind.ZONED
        if len(text) not in self._lengths:
            self._look(text, moment, kind)
        if kind is not self.kind:
            assert self.kind is not None
            raise Mixed(self.kind, kind)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone)
        since = moment - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds

    def _look(self, text: str, moment: datetime, kind: Kind) -> None:
        """Remember how it is written; of those of other lengths only what makes them finer."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"expected {KNOWN}, got {text[:50]!r}")
        if self.kind is None:
            self.kind = kind
            self._dash, self._suffix = found["dash"], found["zone"] or ""
            self._offset = moment.tzinfo if isinstance(moment.tzinfo, timezone) else self._zone
        if kind is self.kind:
            self._lengths.add(len(text))
        if found["between"]:
            parts = 1 + (found["minute"] is not None) + (found["second"] is not None)
            if not self._parts:
                self._between, self._colon = found["between"], found["colon"] if parts > 1 else ":"
            self._parts = max(self._parts, parts)
            self._digits = max(self._digits, len(found["fraction"] or ""))


def _kind(text: str) -> Kind:
    try:
        return Kind.LOCAL if datetime.fromisoformat(text.replace("/", "-")).tzinfo is None else Kind.ZONED
    except ValueError as error:
        raise ValueError(f"expected a number since 1970, as the first time is, got {text[:50]!r}") from error


def _unit(number: float) -> int | None:
    """How many of its unit make a second; None if none fits."""
    return next((unit for unit, _ in _UNITS if _FROM * unit <= number < _TO * unit), None)

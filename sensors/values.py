"""Reads one value as its property declares it: number, word, boolean or text. What the number is worth, and its unit,
`judge` tells of many at once.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from aedilis.errors import DeclarationError
from aedilis.vocabulary import RejectReason
from sensors.declaration import Property, SensorType
from sensors.format import all_formats
from sensors.paths import joined
from sensors.payload import kind
from sensors.units import SAME, Conversion, conversion

MISSING = math.nan
"""The number of a value that is null."""


class Unread(NamedTuple):
    """Why a value cannot be read."""

    reason: RejectReason
    detail: str


class ValueReader:
    """Reads the values of one property; holds what its numbers are judged by."""

    __slots__ = (
        "_boolean",
        "_categories",
        "converts",
        "fail",
        "interval",
        "key",
        "mark",
        "numeric_text",
        "over",
        "plus",
        "prop",
        "sentinels",
        "suspect",
        "times",
    )

    def __init__(self, prop: Property, declared: SensorType) -> None:
        self.prop = prop
        self.key = prop.key
        self.mark = joined(self.key)
        """How a format calls the value in `@unit:` and `@flag:`."""
        self.interval = round((prop.interval_s or declared.interval_s) * 1e6)
        self.times, self.plus, self.over = _conversion(prop, declared.name)
        self.converts = (self.times, self.plus, self.over) != SAME
        """Whether the payload has another unit than the Datastream."""
        self.fail = prop.fail or (-math.inf, math.inf)
        self.suspect = prop.suspect or self.fail
        self.sentinels = frozenset(prop.sentinels)
        self._categories = prop.categories
        self.numeric_text = declared.payload.numeric_text or all_formats()[declared.payload.format].numeric_text
        self._boolean = prop.boolean

    @property
    def reads_plain_text(self) -> bool:
        """Whether a text is a number and nothing else."""
        return self.numeric_text and not self._categories

    def __call__(self, value: Any) -> float | Unread:
        """The number of a value, in the payload's unit; `MISSING` for null. It stays finite in the Datastream's unit,
        unless it is a sentinel.
        """
        kind_of_value = type(value)
        number: float
        if kind_of_value is float:
            number = value
        elif kind_of_value is int or (kind_of_value is bool and self._boolean):
            try:
                number = float(value)
            except OverflowError:
                return Unread(RejectReason.NOT_A_NUMBER, "expected a number, got an integer beyond any float")
        elif value is None:
            return MISSING
        elif kind_of_value is str and self._categories:
            word = self._categories.get(value)
            if word is None:
                known = f"unknown word {value[:50]!r}, known are {', '.join(self._categories)}"
                return Unread(RejectReason.UNKNOWN_CATEGORY, known[:300])
            number = word
        elif kind_of_value is str and self.numeric_text and (parsed := number_of(value)) is not None:
            number = parsed
        else:
            text = f"text {value[:50]!r}" if kind_of_value is str else kind(value)
            return Unread(RejectReason.NOT_A_NUMBER, f"expected a number, got {text}")
        if not math.isfinite(number):
            return Unread(RejectReason.NOT_A_NUMBER, f"expected a finite number, got {number}")
        if self.converts and number not in self.sentinels and not self.stays_finite(number):
            return Unread(RejectReason.NOT_A_NUMBER, "expected a number that stays finite in the declared unit")
        return number

    def stays_finite(self, number: float) -> bool:
        """Whether a number has a value in the Datastream's unit."""
        return math.isfinite(number * self.times + self.plus)


def number_of(text: str) -> float | None:
    """A number in plain digits: Python alone would also take `1_000` and digits of other scripts."""
    if "_" in text or not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _conversion(prop: Property, name: str) -> Conversion:
    if prop.payload_unit is None:
        return SAME
    try:
        return conversion(prop.payload_unit, prop.unit, prop.gas)
    except ValueError as error:
        fault = f"- at $.properties.{prop.name}.payload_unit: {error}"
        raise DeclarationError(name=name, count=1, faults=fault) from error

"""Reads one value as its property declares it: number, word, boolean or text; unit, sentinels and ranges."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from aedilis.errors import DeclarationError
from aedilis.vocabulary import Quality, RejectReason, Test
from sensors.declaration import Property, SensorType
from sensors.payload import kind


class Unread(NamedTuple):
    """Why a value cannot be read."""

    reason: RejectReason
    detail: str


Value = tuple[float, Quality, Test]
"""(result in the Datastream's unit, NaN where it is missing; quality; the tests that spoke against it)"""

_MISSING: Value = (math.nan, Quality.MISSING, Test.NONE)


class ValueReader:
    """Reads the values of one property."""

    __slots__ = (
        "_boolean",
        "_categories",
        "_fail",
        "_numeric_text",
        "_over",
        "_plus",
        "_sentinels",
        "_suspect",
        "_times",
        "interval",
        "key",
        "prop",
    )

    def __init__(self, prop: Property, declared: SensorType) -> None:
        self.prop = prop
        self.key = prop.field or prop.name
        self.interval = round((prop.interval_s or declared.interval_s) * 1e6)
        self._times, self._plus, self._over = _conversion(prop, declared.name)
        self._fail = prop.fail or (-math.inf, math.inf)
        self._suspect = prop.suspect or self._fail
        self._sentinels = frozenset(prop.sentinels)
        self._categories = prop.categories
        self._numeric_text = declared.payload.numeric_text
        self._boolean = prop.boolean

    def __call__(self, value: Any) -> Value | Unread:
        """Read a value of the payload; `None` is missing."""
        kind_of_value = type(value)
        if kind_of_value is float or kind_of_value is int or (kind_of_value is bool and self._boolean):
            try:
                number = float(value)
            except OverflowError:
                return Unread(RejectReason.NOT_A_NUMBER, "expected a number, got an integer beyond any float")
        elif value is None:
            return _MISSING
        elif kind_of_value is str and self._categories:
            word = self._categories.get(value)
            if word is None:
                known = f"unknown word {value[:50]!r}, known are {', '.join(self._categories)}"
                return Unread(RejectReason.UNKNOWN_CATEGORY, known[:300])
            number = word
        elif kind_of_value is str and self._numeric_text and (parsed := _number(value)) is not None:
            number = parsed
        else:
            text = f"text {value[:50]!r}" if kind_of_value is str else kind(value)
            return Unread(RejectReason.NOT_A_NUMBER, f"expected a number, got {text}")
        if not math.isfinite(number):
            return Unread(RejectReason.NOT_A_NUMBER, f"expected a finite number, got {number}")
        if number in self._sentinels:
            return number, Quality.FAIL, Test.SENTINEL
        number = (number * self._times + self._plus) / self._over
        if not math.isfinite(number):
            return Unread(RejectReason.NOT_A_NUMBER, "expected a number that stays finite in the declared unit")
        low, high = self._suspect
        if low <= number <= high:
            return number, Quality.GOOD, Test.NONE
        low, high = self._fail
        return number, Quality.SUSPECT if low <= number <= high else Quality.FAIL, Test.GROSS_RANGE


def _number(text: str) -> float | None:
    """A number in plain digits: Python alone would also take `1_000` and digits of other scripts."""
    if "_" in text or not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _conversion(prop: Property, name: str) -> tuple[float, float, float]:
    """(times, plus, over), so that (payload's value · times + plus) / over is in the Datastream's unit.

    One division of whole numbers rounds once: 101325 Pa is 1013.25 hPa and 212 °F is 100 °C to the last bit.
    """
    if prop.payload_unit is None:
        return 1.0, 0.0, 1.0
    import pint  # a third of a second, for the types that convert

    try:
        registry = _registry()
        unit = _UCUM.get(prop.unit, prop.unit)
        payload_unit = _UCUM.get(prop.payload_unit, prop.payload_unit)
        zero, one = (Fraction(registry.Quantity(Fraction(i), payload_unit).to(unit).magnitude) for i in (0, 1))
    except (pint.PintError, TypeError, ValueError, AttributeError) as error:
        fault = f"- at $.properties.{prop.name}.payload_unit: {error}"
        raise DeclarationError(name=name, count=1, faults=fault) from error
    slope = one - zero
    over = math.lcm(slope.denominator, zero.denominator)
    return float(slope * over), float(zero * over), float(over)


_UCUM = {
    "Cel": "degC",
    "[degF]": "degF",
    "K": "kelvin",
    "ug/m3": "microgram/meter**3",
    "mg/m3": "milligram/meter**3",
    "ng/m3": "nanogram/meter**3",
    "%": "percent",
    "1": "dimensionless",
    "mm[Hg]": "mmHg",
}
"""UCUM codes that pint spells otherwise."""


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True, non_int_type=Fraction)

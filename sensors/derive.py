"""Values that need more of the record than themselves: a unit that stands beside them, an expression over several."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from aedilis.errors import DeclarationError
from aedilis.vocabulary import RejectReason
from sensors.declaration import Gas, Property, SensorType
from sensors.expression import Expression, compile_expression
from sensors.paths import Key, key_of, show
from sensors.payload import kind
from sensors.units import alias, conversion
from sensors.values import Unread, ValueReader, number_of

LONGEST_UNIT = 20
"""Characters of a unit that a message names."""


class Derivation:
    """Makes the number of one property out of a record."""

    def __init__(self, reader: ValueReader, declared: SensorType) -> None:
        prop = reader.prop
        self._reader = reader
        self._unit = alias(prop.payload_unit or prop.unit) or prop.unit
        self._gas = prop.gas
        self._unit_key = None if prop.payload_unit_from is None else key_of(prop.payload_unit_from)
        self._expression = _expression(prop, declared)
        names = self._expression.names if self._expression else frozenset()
        self.inputs = {name: key_of(path) for name, path in declared.inputs.items() if name in names}
        self.reads_value = self._expression is None or "value" in names
        """Whether the property has a value of its own in the record."""
        self._sentinels = {
            other.key: frozenset(other.sentinels) for other in declared.properties if other.key in self.inputs.values()
        }
        self.needs_more = self._expression is not None or self._unit_key is not None
        """Whether it needs more of the record than that value."""
        self.told_unit: str | None = None
        """Where the format tells the unit, if that counts."""
        if declared.payload.format != "json" and prop.payload_unit is None and self._unit_key is None:
            self.told_unit = self._unit_key = (
                f"@unit:{reader.mark}"  # what the format says of it, unless the type knows better
            )

    def __call__(self, value: Any, record: Mapping[Any, Any]) -> float | Unread:
        """The number in the payload's unit; a sentinel and what is missing stay."""
        number = math.nan
        if self.reads_value:
            read = self._reader(value)
            if isinstance(read, Unread) or math.isnan(read) or read in self._reader.sentinels:
                return read
            if self._unit_key is not None and (said := record.get(self._unit_key)) is not None:
                read = convert(read, said, self._unit, self._gas)
                if isinstance(read, Unread):
                    return read
                read = _no_sentinel(read, self._reader)
            number = read
        return number if self._expression is None else self._computed(self._expression, number, record)

    def _computed(self, expression: Expression, number: float, record: Mapping[Any, Any]) -> float | Unread:
        values = {"value": number}
        for name, key in self.inputs.items():
            other = self._input(record, key)
            if isinstance(other, Unread) or math.isnan(other):
                return other
            values[name] = other
        try:
            number = expression(values)
        except ArithmeticError as error:
            return Unread(RejectReason.EXPRESSION_FAILED, f"{expression.text}: {error}"[:300])
        if not math.isfinite(number) or not self._reader.stays_finite(number):
            return Unread(RejectReason.EXPRESSION_FAILED, f"{expression.text} gives {number}"[:300])
        return _no_sentinel(number, self._reader)

    def _input(self, record: Mapping[Any, Any], key: Key) -> float | Unread:
        if key not in record:
            return Unread(RejectReason.MISSING_FIELD, f"expected {show(key)}, of which it is computed")
        value = record[key]
        if value is None:
            return math.nan
        number: Any = number_of(value) if type(value) is str and self._reader.numeric_text else value
        if type(number) not in (int, float, bool):
            return Unread(RejectReason.NOT_A_NUMBER, f"expected a number at {show(key)}, got {kind(value)}")
        try:
            finite = float(number)
        except OverflowError:
            finite = math.inf
        if not math.isfinite(finite):
            return Unread(RejectReason.NOT_A_NUMBER, f"expected a finite number at {show(key)}")
        return math.nan if finite in self._sentinels.get(key, ()) else finite


def _no_sentinel(number: float, reader: ValueReader) -> float:
    """What was computed says no longer that the device has none, whatever it comes to."""
    return math.nextafter(number, math.inf) if number in reader.sentinels else number


def _expression(prop: Property, declared: SensorType) -> Expression | None:
    if prop.compute is None:
        return None
    try:
        return compile_expression(prop.compute, {"value", *declared.inputs})
    except ValueError as error:
        fault = f"- at $.properties.{prop.name}.compute: {error}"
        raise DeclarationError(name=declared.name, count=1, faults=fault) from error


def convert(number: float, of: Any, to: str, gas: Gas | None = None) -> float | Unread:
    """A number in the unit that a message names, in another one; a gas tells what a share of its volume weighs."""
    if of == to:
        return number
    found = _conversion(of, to, gas) if isinstance(of, str) else f"expected the name of a unit, got {kind(of)}"
    if isinstance(found, str):
        return Unread(RejectReason.UNKNOWN_UNIT, found)
    times, plus, over = found
    converted = (number * times + plus) / over
    if not math.isfinite(converted):
        return Unread(RejectReason.NOT_A_NUMBER, f"expected a number that stays finite in {to}")
    return converted


@lru_cache(maxsize=1_000)
def _conversion(of: str, to: str, gas: Gas | None) -> tuple[float, float, float] | str:
    unit = alias(of) if len(of) <= LONGEST_UNIT else None
    if unit is None:
        return f"{of[:50]!r} is no unit"
    for between in (None, gas) if gas else (None,):  # two shares of volume, or two masses, meet without the gas
        try:
            return conversion(unit, to, between)
        except ValueError as error:
            problem = str(error)
    return f"{of!r} is no unit that becomes {to}: {problem}"[:300]

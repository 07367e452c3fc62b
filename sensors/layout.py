"""The form of a record: its keys in their order. Most records of a device share one, and then hold plain numbers only."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sensors.paths import Key
from sensors.values import MISSING, Unread, ValueReader

if TYPE_CHECKING:
    from sensors.derive import Derivation

_NUMBERS = frozenset({float, int})
_NUMBERS_AND_NULL = _NUMBERS | {type(None)}
_NUMBERS_AND_TEXT = _NUMBERS | {str}


class Layout:
    """Which keys of such records are values of which properties. All keys of it are declared."""

    __slots__ = (
        "_derive",
        "_largest",
        "_made",
        "_only",
        "_pick",
        "_pick_units",
        "_plain",
        "_readers",
        "_text",
        "_units",
        "flag_keys",
        "properties",
    )

    def __init__(
        self,
        keys: Sequence[Key],
        property_of: Mapping[Key, int],
        readers: Sequence[ValueReader],
        derivations: Sequence[Derivation],
    ) -> None:
        """`derivations` is empty where no property needs more of a record than its value."""
        values = [key for key in keys if key in property_of]
        of_values = [property_of[key] for key in values]
        made = [
            number
            for number, one in enumerate(derivations)
            if not one.reads_value and all(key in keys for key in one.inputs.values())
        ]
        self.properties = (*of_values, *made)
        """Of each value in turn, the number of its property."""
        flagged = [f"@flag:{readers[number].mark}" for number in self.properties]
        self.flag_keys = flagged if any(key in keys for key in flagged) else None
        """Of each value in turn, where the format says the device's flag of it; None where it says none."""
        own = [readers[number] for number in of_values]
        self._pick: Callable[[dict[Any, Any]], Sequence[Any]] = (
            itemgetter(*values) if len(values) > 1 else lambda record: [record[key] for key in values]
        )
        told = {derivations[number].told_unit: readers[number].prop.unit for number in of_values if derivations}
        units = {key: unit for key, unit in told.items() if key in keys}
        alone = not made and not any(derivations[number].needs_more for number in of_values if derivations)
        self._plain = alone and not units
        self._pick_units = itemgetter(*units) if alone and units else None
        self._units = tuple(units.values()) if len(units) > 1 else next(iter(units.values()), None)
        self._text = all(one.reads_plain_text for one in own)
        self._only = own[0].key if self._plain and len(own) == 1 and not own[0].converts else None
        self._largest = min((_largest(one) for one in own if one.converts), default=None)
        self._readers = own
        self._derive = [] if self._plain else [derivations[number] for number in of_values]
        self._made = [derivations[number] for number in made]

    def numbers(self, record: dict[Any, Any], finite: bool) -> Sequence[float] | None:
        """The values, or None if one cannot be read. `finite` if the record holds no NaN and no infinity."""
        if self._only is not None and type(value := record[self._only]) is float and (finite or math.isfinite(value)):
            return (value,)
        values = self._pick(record)
        if not self._plain and (self._pick_units is None or self._pick_units(record) != self._units):
            read: list[Any] = [one(value, record) for one, value in zip(self._derive, values, strict=True)]
            read += [one(None, record) for one in self._made]
            return None if Unread in map(type, read) else read
        types = set(map(type, values))
        if not types <= _NUMBERS:
            if self._text and types <= _NUMBERS_AND_TEXT and (numbers := self._of_text(values, types)) is not None:
                return numbers
            if not types <= _NUMBERS_AND_NULL:
                read = [one(value) for one, value in zip(self._readers, values, strict=True)]
                return None if Unread in map(type, read) else read
            if not finite:
                return None
            values = [MISSING if value is None else value for value in values]
        return self._checked(values, finite)

    def _of_text(self, values: Sequence[Any], types: set[type]) -> Sequence[float] | None:
        """Texts that are plain numbers; Python alone would also take `1_000` and digits of other scripts."""
        together = "".join(values if len(types) == 1 else [value for value in values if type(value) is str])
        if "_" in together or not together.isascii():
            return None
        try:
            return self._checked([*map(float, values)], False)
        except (ValueError, OverflowError):
            return None

    def _checked(self, values: Iterable[float], finite: bool) -> Sequence[float] | None:
        try:
            numbers = array("d", values)
        except OverflowError:  # an integer beyond any float
            return None
        if not finite and not math.isfinite(sum(numbers)):  # finite ones of over 1e300 are read one by one
            return None
        if self._largest is not None and any(abs(number) > self._largest for number in numbers):
            return None
        return numbers


def _largest(reader: ValueReader) -> float:
    """Up to here a number surely stays finite in the Datastream's unit."""
    return (1e308 - abs(reader.plus)) / max(abs(reader.times), 1.0) if math.isfinite(reader.plus) else 0.0

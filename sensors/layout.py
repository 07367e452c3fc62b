"""The form of a record: its keys in their order. Most records of a device share one, and then hold plain numbers only."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sensors.paths import Key, joined
from sensors.values import MISSING, Unread, ValueReader

if TYPE_CHECKING:
    from sensors.derive import Derivation

_NUMBERS = frozenset({float, int})
_NUMBERS_AND_NULL = _NUMBERS | {type(None)}


class Layout:
    """Which keys of such records are values of which properties. All keys of it are declared."""

    __slots__ = ("_derive", "_largest", "_made", "_only", "_pick", "_plain", "_readers", "flag_keys", "properties")

    def __init__(
        self,
        keys: Sequence[Key],
        property_of: Mapping[Key, int],
        readers: Sequence[ValueReader],
        derivations: Sequence[Derivation],
    ) -> None:
        """`derivations` is empty where no property needs more of a record than its value."""
        at = [i for i, key in enumerate(keys) if key in property_of]
        of_values = [property_of[keys[i]] for i in at]
        made = [
            number
            for number, one in enumerate(derivations)
            if not one.reads_value and all(key in keys for key in one.inputs.values())
        ]
        self.properties = (*of_values, *made)
        """Of each value in turn, the number of its property."""
        flagged = [f"@flag:{joined(readers[number].key)}" for number in self.properties]
        self.flag_keys = flagged if any(key in keys for key in flagged) else None
        """Of each value in turn, where the format says the device's flag of it; None where it says none."""
        own = [readers[number] for number in of_values]
        first, last = (at[0], at[-1] + 1) if at else (0, 0)
        side_by_side = slice(first, last) if last - first == len(at) else None
        self._pick = itemgetter(*at) if side_by_side is None else itemgetter(side_by_side)
        self._plain = not derivations or not (
            made or any(key[:6] == "@unit:" for key in keys) or any(derivations[i].needs_more for i in of_values)
        )
        self._only = own[0].key if self._plain and len(own) == 1 and not own[0].converts else None
        self._largest = min((_largest(one) for one in own if one.converts), default=None)
        self._readers = own
        self._derive = [] if self._plain else [derivations[number] for number in of_values]
        self._made = [derivations[number] for number in made]

    def numbers(self, record: dict[Any, Any], finite: bool) -> Sequence[float] | None:
        """The values, or None if one cannot be read. `finite` if the record holds no NaN and no infinity."""
        if finite and self._only is not None and type(value := record[self._only]) is float:
            return (value,)
        values = self._pick(list(record.values()))
        if not self._plain:
            read: list[Any] = [one(value, record) for one, value in zip(self._derive, values, strict=True)]
            read += [one(None, record) for one in self._made]
            return None if Unread in map(type, read) else read
        types = set(map(type, values))
        if not types <= _NUMBERS:
            if not types <= _NUMBERS_AND_NULL:
                read = [one(value) for one, value in zip(self._readers, values, strict=True)]
                return None if Unread in map(type, read) else read
            if not finite:
                return None
            values = [MISSING if value is None else value for value in values]
        try:
            numbers = array("d", values)
        except OverflowError:  # an integer beyond any float
            return None
        if not finite and not all(map(math.isfinite, numbers)):
            return None
        if self._largest is not None and any(abs(number) > self._largest for number in numbers):
            return None
        return numbers


def _largest(reader: ValueReader) -> float:
    """Up to here a number surely stays finite in the Datastream's unit."""
    return (1e308 - abs(reader.plus)) / max(abs(reader.times), 1.0) if math.isfinite(reader.plus) else 0.0

"""The form of a record: its keys in their order. Most records of a device share one, and then hold plain numbers only."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sensors.paths import Key
from sensors.values import MISSING, ValueReader

_NUMBERS = frozenset({float, int})
_NUMBERS_AND_NULL = _NUMBERS | {type(None)}
_NUMBERS_AND_TEXT = _NUMBERS | {str}


class Layout:
    """Which keys of such records are values of which properties. All keys of it are declared."""

    __slots__ = (
        "_largest",
        "_only",
        "_pick",
        "_pick_flags",
        "_pick_units",
        "_text",
        "_units",
        "flag_key",
        "properties",
    )

    def __init__(
        self,
        keys: Sequence[Key],
        readers: Sequence[ValueReader],
        units: Mapping[str, str] | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        """`units`: those of the keys that tell a value's unit which count, and the unit that needs no conversion; `flags`:
        the keys that tell the flag of each value.
        """
        number = {reader.key: i for i, reader in enumerate(readers)}
        values = [key for key in keys if key in number]
        self.properties = tuple(number[key] for key in values)
        """Of each value in turn, the number of its property."""
        own = [readers[i] for i in self.properties]
        self._pick: Callable[[dict[Any, Any]], Sequence[Any]] = (
            itemgetter(*values) if len(values) > 1 else lambda record: [record[key] for key in values]
        )
        self._only = own[0].key if len(own) == 1 and not own[0].converts else None
        self._text = all(one.reads_plain_text for one in own)
        self._pick_units = itemgetter(*units) if units else None
        self._units = tuple(units.values()) if units and len(units) > 1 else next(iter((units or {}).values()), None)
        self._pick_flags = itemgetter(*flags) if len(flags) > 1 else None
        self.flag_key = flags[0] if flags else None
        """Where a flag stands that is that of all values, if they are taken at once."""
        self._largest = min((_largest(one) for one in own if one.converts), default=None)

    def numbers(self, record: dict[Any, Any], finite: bool) -> Sequence[float] | None:
        """The values where all are plain numbers or null; else None: then they are read one by one. `finite` if the record
        holds no NaN and no infinity.
        """
        if self._pick_units is not None and self._pick_units(record) != self._units:
            return None
        if self._pick_flags is not None and len(set(self._pick_flags(record))) > 1:
            return None
        if self._only is not None and type(value := record[self._only]) is float and (finite or math.isfinite(value)):
            return (value,)
        values = self._pick(record)
        types = set(map(type, values))
        if not types <= _NUMBERS:
            if self._text and types <= _NUMBERS_AND_TEXT:
                return self._of_text(values)
            if not finite or not types <= _NUMBERS_AND_NULL:
                return None
            values = [MISSING if value is None else value for value in values]
        return self._checked(values, finite)

    def _of_text(self, values: Sequence[Any]) -> Sequence[float] | None:
        """Texts that are plain numbers; Python alone would also take `1_000` and digits of other scripts."""
        together = "".join([value for value in values if type(value) is str])
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

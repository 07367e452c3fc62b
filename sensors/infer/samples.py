"""Samples, and the values in them by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
"""Keys and indexes from the record to a value."""
_DEEPEST = 8
_LONGEST_LIST = 20


class Sample(NamedTuple):
    """A message as it was seen; `received_at` in µs UTC, None where nobody knows."""

    topic: str
    payload: bytes
    received_at: int | None = None


class Guess(NamedTuple):
    """Something that a proposal says."""

    path: str  # in the declaration, such as $.properties[2].unit
    value: Any
    confidence: float  # 0 to 1
    why: str


class Seen(NamedTuple):
    """One record of a sample."""

    sample: int  # its number
    values: Mapping[Path, Any]  # leaves: number, text, boolean, None
    said: Mapping[str, Any]  # what the format says: keys that begin with `@`


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All values below `value` that are no objects and no lists."""
    if len(path) > _DEEPEST:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if not (not path and key.startswith("@")):
                yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value[:_LONGEST_LIST]):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


def seen(number: int, record: Mapping[str, Any]) -> Seen:
    """A record taken apart."""
    said = {key: value for key, value in record.items() if key.startswith("@")}
    return Seen(number, dict(leaves(dict(record))), said)


def by_path(records: Sequence[Seen]) -> dict[Path, list[Any]]:
    """Of each path all its values, None left out, in the order of the records.

    What is a value in one record and holds others in the next is a value, unless it was always missing.
    """
    found: dict[Path, list[Any]] = {}
    for record in records:
        for path, value in record.values.items():
            values = found.setdefault(path, [])
            if value is not None:
                values.append(value)
    heads = {path[:length] for path in found for length in range(1, len(path))}
    empty = {path for path in heads & found.keys() if not found[path]}
    whole = heads & found.keys() - empty
    return {
        path: values
        for path, values in found.items()
        if path not in empty and not any(path[:length] in whole for length in range(1, len(path)))
    }


def shown(path: Path) -> str:
    """A path in words: `BME280 Temperature`."""
    return " ".join(str(part) for part in path)


def number_of(value: Any) -> float | None:
    """A number, or text that is one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str) and value.isascii() and "_" not in value:
        try:
            return float(value)
        except ValueError:
            return None
    return None

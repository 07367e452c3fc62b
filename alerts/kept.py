"""A dictionary whose content leaves in chunks, so that a checkpoint writes only what has changed.

It has a bound: of the keys that nothing is open for, those that changed last are remembered. A restarted worker says
again what it had said since its last checkpoint, which is a few seconds of the log and never so much.

Not here: where the chunks are kept, which is the business of `streams`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Generic, Protocol, TypeVar

import msgspec

BUCKETS = 256
"""10,000 keys of 500 bytes make chunks of 20 kB."""
MOST = 20_000
"""So many keys are remembered for which nothing is open."""


class Value(Protocol):
    """What may be kept."""

    changed: int
    """When it was `put`: counts the changes of the whole dictionary."""

    @property
    def done(self) -> bool:
        """Whether it may be forgotten."""


T = TypeVar("T", bound=Value)


class Kept(Generic[T]):
    """Key → value. A value that was changed in place is `put` again."""

    def __init__(self, kind: type[T], most: int = MOST) -> None:
        self._most = most
        self._count = 0
        self._values: dict[str, T] = {}
        self._done: dict[str, None] = {}  # in the order of their last change
        self._changed: set[int] = set()
        self._decoder = msgspec.json.Decoder(dict[str, kind])  # type: ignore[valid-type]

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[T]:
        return iter(self._values.values())

    def get(self, key: str) -> T | None:
        """The value, None for an unknown key."""
        return self._values.get(key)

    def put(self, key: str, value: T) -> None:
        """Set a value; of those that are done, the ones that changed longest ago are forgotten when there are too many."""
        self._count += 1
        value.changed = self._count
        self._values[key] = value
        self._changed.add(_bucket(key))
        self._done.pop(key, None)
        if value.done:
            self._done[key] = None
        while len(self._done) > self._most:
            oldest = next(iter(self._done))
            del self._done[oldest], self._values[oldest]
            self._changed.add(_bucket(oldest))

    def changed_chunks(self, *, whole: bool) -> dict[int, bytes]:
        """Bucket → bytes of those that changed since `mark_clean`; of all when `whole`."""
        wanted = {_bucket(key) for key in self._values} | self._changed if whole else self._changed
        content: dict[int, dict[str, T]] = {bucket: {} for bucket in sorted(wanted)}
        for key, value in self._values.items():
            if (bucket := _bucket(key)) in content:
                content[bucket][key] = value
        return {bucket: msgspec.json.encode(part) for bucket, part in content.items()}

    def mark_clean(self) -> None:
        """All that changed so far is kept."""
        self._changed.clear()

    def restore(self, chunks: Mapping[int, bytes]) -> None:
        """Take over what these chunks hold."""
        for raw in chunks.values():
            self._values.update(self._decoder.decode(raw))
        by_change = sorted(self._values.items(), key=lambda item: item[1].changed)
        self._done = {key: None for key, value in by_change if value.done}
        self._count = by_change[-1][1].changed if by_change else 0


def _bucket(key: str) -> int:
    return zlib.crc32(key.encode()) % BUCKETS

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
        self._buckets: list[dict[str, T]] = [{} for _ in range(BUCKETS)]
        self._done: dict[str, None] = {}  # in the order of their last change
        self._changed: set[int] = set()
        self._decoder = msgspec.json.Decoder(dict[str, kind])  # type: ignore[valid-type]

    def __len__(self) -> int:
        return sum(map(len, self._buckets))

    def __iter__(self) -> Iterator[T]:
        return (value for bucket in self._buckets for value in bucket.values())

    def get(self, key: str) -> T | None:
        """The value, None for an unknown key."""
        return self._buckets[_bucket(key)].get(key)

    def put(self, key: str, value: T) -> None:
        """Set a value; of those that are done, the ones that changed longest ago are forgotten when there are too many."""
        self._count += 1
        value.changed = self._count
        self._buckets[_bucket(key)][key] = value
        self._changed.add(_bucket(key))
        self._done.pop(key, None)
        if value.done:
            self._done[key] = None
        while len(self._done) > self._most:
            oldest = next(iter(self._done))
            del self._done[oldest], self._buckets[_bucket(oldest)][oldest]
            self._changed.add(_bucket(oldest))

    def changed_chunks(self, *, whole: bool) -> dict[int, bytes]:
        """Bucket → bytes of those that changed since `mark_clean`; of all when `whole`."""
        filled = {number for number, bucket in enumerate(self._buckets) if bucket} if whole else set()
        return {number: msgspec.json.encode(self._buckets[number]) for number in sorted(filled | self._changed)}

    def mark_clean(self) -> None:
        """All that changed so far is kept."""
        self._changed.clear()

    def restore(self, chunks: Mapping[int, bytes]) -> None:
        """Take over what these chunks hold."""
        for number, raw in chunks.items():
            self._buckets[number] = self._decoder.decode(raw)
        every = sorted((value.changed, key) for bucket in self._buckets for key, value in bucket.items())
        self._done = {key: None for _, key in every if self._buckets[_bucket(key)][key].done}
        self._count = every[-1][0] if every else 0


def _bucket(key: str) -> int:
    return zlib.crc32(key.encode()) % BUCKETS

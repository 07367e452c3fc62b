"""A dictionary whose content leaves in chunks, so that a checkpoint writes only what has changed.

Not here: where the chunks are kept, which is the business of `streams`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

import msgspec

BUCKETS = 256
"""10,000 keys of 500 bytes make chunks of 20 kB."""

T = TypeVar("T")


class Kept(Generic[T]):
    """Key → value. A value that was changed in place is `put` again."""

    def __init__(self, kind: type[T]) -> None:
        self._values: dict[str, T] = {}
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
        """Set a value."""
        self._values[key] = value
        self._changed.add(_bucket(key))

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


def _bucket(key: str) -> int:
    return zlib.crc32(key.encode()) % BUCKETS

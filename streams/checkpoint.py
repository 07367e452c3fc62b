"""State kept in a compacted topic: chunks in two slots, and a manifest that says which slots belong together.

A checkpoint writes its changed chunks under (writer, chunk, slot), always into the slot that the last manifest does
not name, and after the producer has confirmed them the manifest (offset, schema, slot and checksum of each chunk).
A crash in between leaves the last manifest whole. Restore takes the complete manifest with the highest offset,
whoever wrote it: state is a function of the log, so a worker that woke from a long stall and wrote an old one does
no harm. The first checkpoint of a new owner is whole, and removes the keys of older writers.
"""

from __future__ import annotations

import asyncio
import time
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from aiokafka import AIOKafkaProducer

from aedilis import metrics
from aedilis.errors import StateError
from aedilis.topics import PARTITIONS
from registry.log import read_latest

RATE_BYTES = 6_000_000
"""Checkpoints of one worker stay under this many bytes a second: the interval stretches. To apply the log of some more
seconds again takes less than to read what is written here more often and not yet compacted."""
CHUNK_BYTES = 256 * 1024


class Manifest(msgspec.Struct, frozen=True):
    """What one checkpoint consists of. `chunks`: number → (slot, CRC-32 of its bytes)."""

    writer: str
    next_offset: int
    schema: int
    chunks: dict[int, tuple[str, int]]


@dataclass
class Restored:
    """The state found: the next offset to apply (None: none was ever kept) and the chunks."""

    next_offset: int | None = None
    chunks: dict[int, bytes] = field(default_factory=dict)


def chunk_key(writer: str, chunk: int, slot: str) -> bytes:
    """The key of one chunk."""
    return f"{writer}|{chunk}|{slot}".encode()


def manifest_key(writer: str) -> bytes:
    """The key of a writer's manifest."""
    return f"{writer}|manifest".encode()


def choose(entries: Mapping[bytes, bytes]) -> tuple[Manifest | None, dict[int, bytes]]:
    """The complete manifest with the highest offset among all keys of a partition, and its chunks."""
    best: Manifest | None = None
    content: dict[int, bytes] = {}
    for key, value in entries.items():
        if not key.endswith(b"|manifest"):
            continue
        manifest = msgspec.json.decode(value, type=Manifest)
        if best is not None and manifest.next_offset <= best.next_offset:
            continue
        chunks: dict[int, bytes] = {}
        for chunk, (slot, checksum) in manifest.chunks.items():
            raw = entries.get(chunk_key(manifest.writer, chunk, slot))
            if raw is None or zlib.crc32(raw) != checksum:
                break
            chunks[chunk] = raw
        else:
            best, content = manifest, chunks
    return best, content


class Checkpoints:
    """Keeps the state of one partition of one role. `schema` is the layout of the chunks."""

    def __init__(
        self,
        role: str,
        topic: str,
        partition: int,
        schema: int,
        producer: AIOKafkaProducer,
        bootstrap: str,
        seconds: float,
    ) -> None:
        self.role, self.topic, self.partition, self.schema = role, topic, partition, schema
        self._producer = producer
        self._bootstrap = bootstrap
        self._seconds = seconds
        self._writer = f"{role}-{uuid.uuid4().hex}"
        self._slots: dict[int, tuple[str, int]] = {}
        self._stale: set[bytes] = set()
        self._whole = True
        self._due = time.monotonic() + seconds

    @property
    def whole(self) -> bool:
        """Whether the next checkpoint must hold every chunk."""
        return self._whole

    def due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        return time.monotonic() >= self._due

    async def restore(self) -> Restored:
        """Read the topic's partition to its end and choose.

        Raises:
            StateError: the state was written by a newer version.
        """
        entries = await read_latest(self._bootstrap, self.topic, self.partition)
        manifest, chunks = choose(entries)
        self._writer = f"{self.role}-{uuid.uuid4().hex}"
        self._slots, self._whole, self._stale = {}, True, set(entries)
        if manifest is None:
            return Restored()
        if manifest.schema > self.schema:
            raise StateError(
                role=self.role,
                partition=self.partition,
                problem=f"was written with schema {manifest.schema}, this version knows {self.schema}",
                mend="run the newer version, or empty the state topic to learn anew",
            )
        if manifest.schema < self.schema:  # warms up again, at the place where the old one stood
            return Restored(manifest.next_offset)
        return Restored(manifest.next_offset, chunks)

    async def write(self, next_offset: int, changed: Mapping[int, bytes]) -> None:
        """Write the changed chunks, then the manifest. `changed` holds every chunk when `whole`.

        Raises:
            StateError: a chunk is too large for one record.
        """
        slots = {} if self._whole else dict(self._slots)
        sends = []
        size = 0
        for chunk, raw in changed.items():
            if len(raw) > CHUNK_BYTES:
                raise StateError(
                    role=self.role,
                    partition=self.partition,
                    problem=f"chunk {chunk} has {len(raw)} bytes, at most {CHUNK_BYTES} are allowed",
                    mend="cut the state into more chunks",
                )
            slot = "B" if slots.get(chunk, ("B", 0))[0] == "A" else "A"
            slots[chunk] = (slot, zlib.crc32(raw))
            sends.append(await self._send(chunk_key(self._writer, chunk, slot), raw))
            size += len(raw)
        await asyncio.gather(*sends)
        manifest = Manifest(self._writer, next_offset, self.schema, slots)
        await (await self._send(manifest_key(self._writer), msgspec.json.encode(manifest)))
        self._slots, self._whole = slots, False
        stale, self._stale = self._stale, set()
        await asyncio.gather(*[await self._send(key, None) for key in stale])
        self._due = time.monotonic() + max(self._seconds, size * PARTITIONS / RATE_BYTES)
        metrics.CHECKPOINTS.labels(self.role).inc()
        metrics.CHECKPOINT_BYTES.labels(self.role).inc(size)

    async def _send(self, key: bytes, value: bytes | None) -> asyncio.Future[object]:
        future: asyncio.Future[object] = await self._producer.send(
            self.topic, value=value, key=key, partition=self.partition
        )
        return future

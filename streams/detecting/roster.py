"""The Datastreams of one partition: each has a row, in the order in which they were declared, and what is known of it.

Not here: what watches them, and what was found.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, FrameHeader, Thing
from detectors.core.interface import NEVER
from streams.detecting.rows import UNKNOWN, RowIndex
from streams.detecting.table import packed, unpack

CHUNK_ROWS = 2_048
"""Rows of one checkpoint chunk of what is known of each Datastream."""
DECLARED_ROWS = 48
"""Rows of one chunk of declarations, whose names may be long."""
WITHDRAWN = 0
"""The version of Datastreams whose sensor type reads no more; nothing watches it."""

_encoder = msgspec.msgpack.Encoder()
_declarations = msgspec.msgpack.Decoder(list[Datastream])


class Roster:
    """Rows of Datastreams. Columns have room for more than there are; `clock` and `its_zone` have a last place for
    unknown rows."""

    def __init__(self) -> None:
        capacity = 64
        self._index = RowIndex()
        self.datastreams: list[Datastream] = []
        self._things: dict[int, Thing] = {}
        self.newest = np.full(capacity, NEVER, np.int64)  # µs
        self.behind = np.zeros(capacity, np.int64)  # how long after its newest result its silence begins, µs
        self.thing = np.zeros(capacity, np.int64)
        self.zone = np.zeros(capacity, np.intp)  # the number of its zone's clock,
        self.its_zone = np.full(capacity + 1, -1, np.intp)  # where that is of use
        self.clock = np.full(capacity + 1, -1, np.intp)
        self.kind = np.zeros(capacity, np.intp)
        self._dirty = np.zeros(1, bool)
        self._declared_anew: set[int] = set()

    def __len__(self) -> int:
        return len(self.datastreams)

    def find(self, identities: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """The row of each Datastream, `UNKNOWN` where it was not declared; shape `(n,)`."""
        return self._index.find(identities)

    def news(self, header: FrameHeader) -> list[tuple[Datastream, int]]:
        """Those that are not known as they are declared here, each with its row.

        Of a type that is in force in another version from here on all Datastreams go to it, also those that it no longer
        gives, and so does not watch: no frame will name these.
        """
        if not header.datastreams and not header.in_force:
            return []
        versions = {name: WITHDRAWN if version is None else version for name, version in header.in_force.items()}
        known = self.datastreams if versions else ()
        by_id = {one.id: _gone_over(one, versions) for one in (*known, *header.datastreams)}
        rows = self._index.find(np.array(list(by_id), np.int64)).tolist()
        return [
            (one, row)
            for one, row in zip(by_id.values(), rows, strict=True)
            if row == UNKNOWN or self.datastreams[row] != one
        ]

    def put(self, datastream: Datastream, row: int) -> int:
        """Declare it; its row, a new one if that is `UNKNOWN`."""
        datastream = self._shared(datastream)
        if row == UNKNOWN:
            row = self._index.add(datastream.id)
            self.datastreams.append(datastream)
            if row == len(self.newest):
                self._grow()
        self.datastreams[row] = datastream
        self.thing[row] = datastream.thing.id
        self.touch(row)
        self._declared_anew.add(row // DECLARED_ROWS)
        return row

    def of_zone(self, zone: int) -> npt.NDArray[np.intp]:
        """The rows of a zone that have spoken."""
        n = len(self)
        return np.flatnonzero((self.zone[:n] == zone) & (self.newest[:n] != NEVER))

    def _shared(self, datastream: Datastream) -> Datastream:
        """The same, with what it has in common with others held once."""
        thing = self._things.get(datastream.thing.id)
        if thing != datastream.thing:
            thing = self._things[datastream.thing.id] = datastream.thing
        return Datastream(
            datastream.id,
            thing,
            sys.intern(datastream.name),
            sys.intern(datastream.observed_property),
            sys.intern(datastream.unit),
            sys.intern(datastream.sensor_type),
            datastream.sensor_version,
            datastream.interval,
        )

    def _grow(self) -> None:
        more = len(self.newest)
        self.newest = np.concatenate([self.newest, np.full(more, NEVER, np.int64)])
        self.behind, self.thing = (np.concatenate([one, np.zeros(more, np.int64)]) for one in (self.behind, self.thing))
        self.zone, self.kind = (np.concatenate([one, np.zeros(more, np.intp)]) for one in (self.zone, self.kind))
        self.clock, self.its_zone = (
            np.concatenate([one, np.full(more, -1, np.intp)]) for one in (self.clock, self.its_zone)
        )
        chunks = -(-2 * more // CHUNK_ROWS)
        self._dirty = np.concatenate([self._dirty, np.zeros(chunks - len(self._dirty), bool)])

    # ------------------------------------------------------------ checkpoints

    def touch(self, rows: npt.NDArray[np.signedinteger[Any]] | slice | int) -> None:
        """These rows changed; of a slice, all from the first to its end."""
        if isinstance(rows, slice):
            self._dirty[: -(-rows.stop // CHUNK_ROWS)] = True
        else:
            self._dirty[rows // CHUNK_ROWS] = True

    def mark_clean(self) -> None:
        """All that changed so far is kept."""
        self._dirty[:] = False
        self._declared_anew.clear()

    def changed(self, *, whole: bool) -> dict[int, bytes]:
        """Number → bytes of the chunks of rows that changed since `mark_clean`, or of all."""
        numbers = range(-(-len(self) // CHUNK_ROWS)) if whole else np.flatnonzero(self._dirty).tolist()
        return {
            number: _encoder.encode({"newest": packed(self.newest, part), "behind": packed(self.behind, part)})
            for number in numbers
            for part in (self._part(number, CHUNK_ROWS),)
        }

    def declared(self, *, whole: bool) -> dict[int, bytes]:
        """Number → bytes of the chunks of declarations, which seldom change."""
        numbers = range(-(-len(self) // DECLARED_ROWS)) if whole else sorted(self._declared_anew)
        return {number: _encoder.encode(self.datastreams[self._part(number, DECLARED_ROWS)]) for number in numbers}

    def restore(self, number: int, raw: bytes) -> None:
        """Take over a chunk of rows, which are declared."""
        chunk, part = _rows.decode(raw), self._part(number, CHUNK_ROWS)
        unpack(chunk.newest, self.newest, part)
        unpack(chunk.behind, self.behind, part)

    def _part(self, number: int, rows: int) -> slice:
        return slice(number * rows, min((number + 1) * rows, len(self)))


class _Rows(msgspec.Struct):
    newest: bytes
    behind: bytes


_rows = msgspec.msgpack.Decoder(_Rows)


def declarations(raw: bytes) -> list[Datastream]:
    """Those of one chunk."""
    return _declarations.decode(raw)


def _gone_over(datastream: Datastream, versions: Mapping[str, int]) -> Datastream:
    version = versions.get(datastream.sensor_type, datastream.sensor_version)
    return (
        datastream
        if version == datastream.sensor_version
        else msgspec.structs.replace(datastream, sensor_version=version)
    )

"""Observations as PostgreSQL's binary COPY format, made by numpy without a loop over rows.

A fixed layout holds no NULL, so rows are grouped by which of their columns are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aedilis.frame import NO_TIME

EPOCH_2000 = 946_684_800_000_000
"""µs between 1970 and 2000, where PostgreSQL's timestamps begin."""
COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
COPY_TRAILER = b"\xff\xff"
_COLUMNS = ("datastream", "phenomenon_time", "result", "quality", "tests", "sensor", "result_time", "ingested_at")
COLUMNS = ", ".join((*_COLUMNS, "raw_flag"))


@dataclass(frozen=True)
class Rows:
    """n observations, columns of shape `(n,)`; NaN and the smallest integer stand for NULL, None for no raw flag.

    `raw_flag` is None where no row has one, which is the rule.
    """

    datastream: npt.NDArray[np.int64]
    phenomenon_time: npt.NDArray[np.int64]
    result: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]
    tests: npt.NDArray[np.uint32]
    sensor: npt.NDArray[np.int32]
    result_time: npt.NDArray[np.int64]
    ingested_at: npt.NDArray[np.int64]
    raw_flag: npt.NDArray[np.object_] | None

    def __len__(self) -> int:
        return len(self.datastream)

    @classmethod
    def joined(cls, rows: Sequence[Rows]) -> Rows:
        """Several as one."""
        if len(rows) == 1:
            return rows[0]
        columns: list[Any] = [np.concatenate([getattr(one, name) for one in rows]) for name in _COLUMNS]
        if all(one.raw_flag is None for one in rows):
            return cls(*[*columns, None])
        flags = [np.full(len(one), None, object) if one.raw_flag is None else one.raw_flag for one in rows]
        return cls(*[*columns, np.concatenate(flags)])

    def take(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Rows:
        """Some of them."""
        columns: list[Any] = [getattr(self, name)[chosen] for name in _COLUMNS]
        return Rows(*[*columns, None if self.raw_flag is None else self.raw_flag[chosen]])

    @classmethod
    def none(cls) -> Rows:
        """No rows."""
        columns: list[Any] = [np.empty(0, kind) for kind in ("i8", "i8", "f8", "u1", "u4", "i4", "i8", "i8")]
        return cls(*[*columns, None])

    def in_order(self) -> Rows:
        """In the order of the key; equal ones as they came."""
        return self.take(np.lexsort((self.phenomenon_time, self.datastream)))

    def newest(self) -> Rows:
        """Of rows in order: of each Datastream the newest one."""
        return self.take(np.flatnonzero(np.append(self.datastream[1:] != self.datastream[:-1], True)[: len(self)]))

    def repeats(self) -> bool:
        """Of rows in order: whether a key stands twice."""
        same = self.datastream[1:] == self.datastream[:-1]
        return bool((same & (self.phenomenon_time[1:] == self.phenomenon_time[:-1])).any())


def copy_blocks(rows: Rows, *, ordered: bool) -> Iterator[bytes]:
    """The bytes of one binary COPY; `ordered` keeps the order of the rows, else those alike may come together."""
    yield COPY_HEADER
    pattern = np.isnan(rows.result) * np.uint8(1) + (rows.result_time == NO_TIME) * np.uint8(2)
    if rows.raw_flag is not None:
        pattern += (rows.raw_flag != None) * np.uint8(4)  # noqa: E711 - element by element
    edges: npt.NDArray[np.intp] = np.flatnonzero(np.diff(pattern)) + 1 if len(rows) else np.array([], np.intp)
    if len(edges) > 64 and not ordered:  # few long blocks are quicker than many short ones
        parts = [np.flatnonzero(pattern == value) for value in np.unique(pattern)]
    elif len(edges):
        parts = np.split(np.arange(len(rows)), edges)
    else:
        parts = []
        if len(rows):
            yield _block(rows, int(pattern[0]))
    for part in parts:
        yield _block(rows.take(part), int(pattern[part[0]]))
    yield COPY_TRAILER


def _block(rows: Rows, pattern: int) -> bytes:
    if pattern & 4:
        return b"".join(_block_of_flag(rows, pattern))
    return _layout(rows, pattern, None).tobytes()


def _block_of_flag(rows: Rows, pattern: int) -> Iterator[bytes]:
    flags = rows.raw_flag
    assert flags is not None
    for i in range(len(rows)):
        yield _layout(rows.take(np.array([i])), pattern, str(flags[i]).encode()).tobytes()


def _layout(rows: Rows, pattern: int, flag: bytes | None) -> npt.NDArray[np.void]:
    values: list[tuple[str, str, npt.NDArray[np.generic] | None]] = [
        ("datastream", ">i8", rows.datastream),
        ("phenomenon_time", ">i8", rows.phenomenon_time - EPOCH_2000),
        ("result", ">f8", None if pattern & 1 else rows.result),
        ("quality", ">i2", rows.quality),
        ("tests", ">i4", rows.tests),
        ("sensor", ">i4", rows.sensor),
        ("result_time", ">i8", None if pattern & 2 else rows.result_time - EPOCH_2000),
        ("ingested_at", ">i8", rows.ingested_at - EPOCH_2000),
    ]
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind, value in values:
        fields.append((f"{name}_size", ">i4"))
        if value is not None:
            fields.append((name, kind))
    fields.append(("raw_flag_size", ">i4"))
    if flag:
        fields.append(("raw_flag", f"S{len(flag)}"))
    table = np.zeros(len(rows), np.dtype(fields))
    table["fields"] = len(values) + 1
    for name, kind, value in values:
        table[f"{name}_size"] = -1 if value is None else np.dtype(kind).itemsize
        if value is not None:
            table[name] = value
    table["raw_flag_size"] = -1 if flag is None else len(flag)
    if flag:
        table["raw_flag"] = flag
    return table

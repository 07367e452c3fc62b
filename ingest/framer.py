"""Packs what was read into frames: judged, sorted by partition, with what a reader has not yet seen."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from aedilis.frame import NONE, Frame
from aedilis.topics import PARTITIONS
from aedilis.vocabulary import FrameCounts, FrameHeader, Quality
from ingest.datastreams import Datastreams
from sensors.batch import Batch, Channels, Columns

ANNOUNCED_AT_ONCE = 1_000
"""Declarations in one frame; a record of Kafka is bounded, and so is what a worker does at once."""


class Framer:
    """One for each ingest process; holds its cumulative counts, and the batch that waits for the next frames."""

    def __init__(
        self, process: str, channels: Channels, datastreams: Datastreams, partitions: int = PARTITIONS
    ) -> None:
        self.batch = Batch()
        self._process = process
        self._channels = channels
        self._datastreams = datastreams
        self._sequences = [itertools.count(1) for _ in range(partitions)]
        self._framed = [0] * partitions
        self._missing = [0] * partitions
        self._in_force: dict[str, int | None] = {}
        self._untold: set[int] = set()
        self.messages = 0
        self.messages_rejected = 0
        self.observations_rejected = 0
        self.published = 0

    def pending(self) -> int:
        """Observations that wait."""
        return len(self.batch)

    def tell(self, in_force: dict[str, int | None]) -> None:
        """Say in the next frame to each partition which versions of sensor types read from it on."""
        self._in_force = in_force
        self._untold = set(range(len(self._sequences)))

    def frames(self, tick: int | None = None, *, closing: bool = False) -> list[tuple[int, Frame]]:
        """(partition, frame) of all that waits.

        With a tick, or when `closing`, one at least for every partition, if only to tell the time or the last counts.
        """
        everywhere = tick is not None or closing
        if not len(self.batch) and not everywhere:
            return []
        columns = self._channels.judged(self.batch)
        self.batch.clear()
        self.published += len(columns.channel)
        table = self._datastreams.table()
        partition = table.partition[columns.channel]
        order = np.argsort(partition, kind="stable")
        ends = np.cumsum(np.bincount(partition, minlength=len(self._sequences))).tolist()
        columns = _rows(columns, order)
        made = []
        start = 0
        for number, end in enumerate(ends):
            if end > start or everywhere:
                *before, last = self._pieces(columns.channel, start, end)
                made += [(number, self._pack(number, columns, *piece)) for piece in before]
                made.append((number, self._pack(number, columns, *last, tick, closing)))
            start = end
        return made

    def _pieces(
        self, channel: npt.NDArray[np.int32], start: int, end: int
    ) -> list[tuple[slice, npt.NDArray[np.int32]]]:
        """The rows of one partition, cut so that no frame announces too many: (rows, channels to announce)."""
        new = start + self._datastreams.unannounced(channel[start:end])
        cuts = [start, *new[ANNOUNCED_AT_ONCE::ANNOUNCED_AT_ONCE].tolist(), end]
        return [
            (slice(*piece), channel[new[i * ANNOUNCED_AT_ONCE : (i + 1) * ANNOUNCED_AT_ONCE]])
            for i, piece in enumerate(itertools.pairwise(cuts))
        ]

    def _pack(
        self,
        partition: int,
        columns: Columns,
        rows: slice,
        new: npt.NDArray[np.int32],
        tick: int | None = None,
        closing: bool = False,
    ) -> Frame:
        columns = _rows(columns, rows)
        self._framed[partition] += len(columns.channel)
        self._missing[partition] += int(np.count_nonzero(columns.quality == Quality.MISSING))
        header = FrameHeader(
            process=self._process,
            sequence=next(self._sequences[partition]),
            counts=FrameCounts(
                messages=self.messages,
                messages_rejected=self.messages_rejected,
                published=self.published + self.observations_rejected,
                observations_rejected=self.observations_rejected,
                framed=self._framed[partition],
                missing=self._missing[partition],
            ),
            datastreams=self._datastreams.announce(new),
            tick=tick,
            closing=closing,
            in_force=self._in_force if partition in self._untold else {},
        )
        self._untold.discard(partition)
        table = self._datastreams.table()
        flag_code, flags = _used(columns.flag, columns.flags)
        type_code, types = _used(table.type[columns.channel], self._datastreams.types)
        return Frame(
            header=header,
            datastream=table.id[columns.channel],
            phenomenon_time=columns.phenomenon_time,
            result=columns.result,
            quality=columns.quality,
            tests=columns.tests,
            raw_flag_code=flag_code,
            raw_flags=flags,
            sensor_type_code=type_code,
            sensor_types=types,
            result_time=columns.result_time,
            ingested_at=columns.received_at,
        )


def _rows(columns: Columns, rows: npt.NDArray[np.intp] | slice) -> Columns:
    chosen: list[Any] = [column if isinstance(column, tuple) else column[rows] for column in columns]
    return Columns(*chosen)


def _used(code: npt.NDArray[np.integer], words: tuple[str, ...]) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Codes and words without the words that are not used; -1 stays none."""
    used = np.flatnonzero(np.bincount(code + 1, minlength=len(words) + 1)[1:])
    renumbered = np.full(len(words) + 1, NONE, np.int32)
    renumbered[used] = np.arange(len(used))  # the last one is that of -1
    return renumbered[code], tuple(words[i] for i in used)

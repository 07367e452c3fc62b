"""Collects decoded observations by partition and packs them into frames."""

from __future__ import annotations

from itertools import count

import numpy as np
import numpy.typing as npt

from aedilis.frame import NO_TIME, Frame
from aedilis.topics import PARTITIONS
from aedilis.vocabulary import Datastream, FrameCounts, FrameHeader, Quality
from sensors.compile import DecodedObservation


class _Columns:
    """The observations of one partition that wait for their frame."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, float, int, int, int, int, int, int]] = []
        self.flags: dict[str, int] = {}
        self.types: dict[str, int] = {}
        self.announce: dict[int, Datastream] = {}


class Framer:
    """One for each ingest process; holds its cumulative counts."""

    def __init__(self, process: str, partitions: int = PARTITIONS) -> None:
        self._process = process
        self._sequences = [count(1) for _ in range(partitions)]
        self._framed = [0] * partitions
        self._missing = [0] * partitions
        self._announced: list[dict[int, Datastream]] = [{} for _ in range(partitions)]
        self._columns = [_Columns() for _ in range(partitions)]
        self.messages = 0
        self.messages_rejected = 0
        self.observations_rejected = 0
        self.published = 0

    def add(self, datastream: Datastream, observation: DecodedObservation, ingested_at: int) -> None:
        """Queue one observation for the next frame of its partition."""
        partition = datastream.thing.partition
        columns = self._columns[partition]
        if self._announced[partition].get(datastream.id) is not datastream:
            columns.announce[datastream.id] = datastream
            self._announced[partition][datastream.id] = datastream
        flag, time = observation.raw_flag, observation.result_time
        name = f"{datastream.sensor_type}@{datastream.sensor_version}"
        columns.rows.append(
            (
                datastream.id,
                observation.phenomenon_time,
                observation.result,
                int(observation.quality),
                int(observation.tests),
                -1 if flag is None else columns.flags.setdefault(flag, len(columns.flags)),
                columns.types.setdefault(name, len(columns.types)),
                NO_TIME if time is None else time,
                ingested_at,
            )
        )
        self.published += 1
        if observation.quality == Quality.MISSING:
            self._missing[partition] += 1

    def announce_again(self) -> None:
        """Declare every Datastream once more, in the frame of its next observation.

        A worker that lost its state, or a table that lost a row, need not wait for the next start of ingest.
        """
        for announced in self._announced:
            announced.clear()

    def pending(self) -> int:
        """Observations that wait."""
        return sum(len(columns.rows) for columns in self._columns)

    def frames(self, tick: int | None = None, *, closing: bool = False) -> list[tuple[int, Frame]]:
        """(partition, frame) of all that waits.

        With a tick, or when `closing`, one for every partition, if only to tell the time or the last counts.
        """
        made = []
        for partition, columns in enumerate(self._columns):
            if columns.rows or tick is not None or closing:
                made.append((partition, self._pack(partition, columns, tick, closing)))
                self._columns[partition] = _Columns()
        return made

    def _pack(self, partition: int, columns: _Columns, tick: int | None, closing: bool) -> Frame:
        self._framed[partition] += len(columns.rows)
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
            datastreams=tuple(columns.announce.values()),
            tick=tick,
            closing=closing,
        )
        column = list(zip(*columns.rows, strict=True)) or [()] * 9

        def packed(index: int, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
            return np.array(column[index], dtype)

        return Frame(
            header=header,
            datastream=packed(0, np.int64),  # type: ignore[arg-type]
            phenomenon_time=packed(1, np.int64),  # type: ignore[arg-type]
            result=packed(2, np.float64),  # type: ignore[arg-type]
            quality=packed(3, np.uint8),  # type: ignore[arg-type]
            tests=packed(4, np.uint32),  # type: ignore[arg-type]
            raw_flag_code=packed(5, np.int32),  # type: ignore[arg-type]
            raw_flags=tuple(columns.flags),
            sensor_type_code=packed(6, np.int32),  # type: ignore[arg-type]
            sensor_types=tuple(columns.types),
            result_time=packed(7, np.int64),  # type: ignore[arg-type]
            ingested_at=packed(8, np.int64),  # type: ignore[arg-type]
        )

"""Observations as they are read, in columns that grow, and the channels that they are of."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from aedilis.frame import NONE
from aedilis.quality import STANDS
from aedilis.vocabulary import Quality, Test
from sensors.judge import Judge
from sensors.values import ValueReader

if TYPE_CHECKING:
    from sensors.compile import CompiledType
    from sensors.device import Device


def marks(flag: int = NONE, quality: int = 0, tests: int = 0) -> int:
    """What a record says against its values, in one number: the code of the device's flag, the quality that it stands
    for, 0 where it stands for none, and the tests that spoke against all of the message.
    """
    return flag << 16 | tests << 4 | quality


UNMARKED = marks()
_STANDS = np.array(STANDS, np.uint8)


def ambiguous(marked: int) -> int:
    """The same marks on a time that may be wrong by what the clocks were changed."""
    return marked & ~15 | STANDS[marked & 15][Quality.SUSPECT] | Test.AMBIGUOUS_TIME << 4


class Channel(NamedTuple):
    """One property of one Thing, with its labels: what becomes a Datastream once the Thing is placed."""

    agency: str
    thing: str
    name: str  # of the Datastream
    reader: ValueReader
    kind: CompiledType


class Columns(NamedTuple):
    """Observations in the order in which they were read; each column `(n,)`. Times in µs since 1970 UTC."""

    channel: npt.NDArray[np.int32]
    phenomenon_time: npt.NDArray[np.int64]
    result: npt.NDArray[np.float64]  # in the Datastream's unit, NaN where missing
    quality: npt.NDArray[np.uint8]
    tests: npt.NDArray[np.uint32]
    flag: npt.NDArray[np.int64]  # indexes `flags`; NONE where there is none
    flags: tuple[str, ...]
    result_time: npt.NDArray[np.int64]  # NO_TIME where it was not told
    received_at: npt.NDArray[np.int64]


class Channels:
    """All channels that were seen, by number."""

    def __init__(self, kinds: Sequence[CompiledType] = ()) -> None:
        self._readers = [reader for kind in kinds for reader in kind.readers]
        self._rows = {id(reader): row for row, reader in enumerate(self._readers)}
        self._judge = Judge(self._readers)
        self._row = array("i")
        self._row_of = np.empty(0, np.int32)
        self.seen: list[Channel] = []
        self.devices: dict[tuple[CompiledType, str, str], Device] = {}
        """By type, Agency and Thing, those that gave an observation through a gateway: several topics may tell of one."""
        self.admits: Callable[[Device], bool] | None = None
        """Whether the Thing of a device may speak; None: each may."""

    def add(self, channel: Channel) -> int:
        """The number of a new one."""
        if id(channel.reader) not in self._rows:  # of a type that came later
            for reader in channel.kind.readers:
                self._rows[id(reader)] = len(self._readers)
                self._readers.append(reader)
            self._judge = Judge(self._readers)
        self.seen.append(channel)
        self._row.append(self._rows[id(channel.reader)])
        return len(self.seen) - 1

    def judged(self, batch: Batch) -> Columns:
        """What stands in a batch, judged."""
        channel = np.array(batch.channel, np.int32)
        records = np.array(batch.records, np.int64).reshape(-1, 5)
        of_record = np.repeat(records.T, records[:, 0], axis=1) if len(records) != len(channel) else records.T.copy()
        if len(self._row_of) < len(self._row):
            self._row_of = np.array(self._row, np.int32)
        result, quality, tests = self._judge(self._row_of[channel], np.array(batch.number, np.float64))
        _, time, result_time, said, received_at = of_record
        if (records[:, 3] & 0xFFFF).any():
            judged, quality = quality, _STANDS[said & 15, quality]
            # a sentinel is no value to calibrate with: it stays failed, or it would be drawn and averaged
            sentinel = (tests & Test.SENTINEL != 0) & (quality != Quality.MISSING)
            quality[sentinel] = judged[sentinel]
            tests |= (said >> 4 & 0xFFF).astype(np.uint32)
            result[quality == Quality.MISSING] = np.nan
        flags = tuple(batch.flags)
        return Columns(channel, time, result, quality, tests, said >> 16, flags, result_time, received_at)


@dataclass(slots=True)
class Batch:
    """What was read and not yet taken. A record is one or more observations that share their time."""

    channel: array[int]  # of each observation, its channel's number
    number: array[float]  # of each, in the payload's unit; NaN: missing
    records: array[int]  # of each record: observations, time, result time, `marks`, when it came in
    flags: dict[str, int]

    def __init__(self) -> None:
        self.channel, self.number, self.records, self.flags = array("i"), array("d"), array("q"), {}

    def __len__(self) -> int:
        return len(self.channel)

    def cut(self, observations: int, records: int) -> None:
        """Forget what was read after `len(channel)` and `len(records)` were so many."""
        del self.channel[observations:], self.number[observations:], self.records[records:]

    def clear(self) -> None:
        """Forget all."""
        self.cut(0, 0)
        self.flags = {}

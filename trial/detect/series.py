"""Makes Datastreams of the rows of a file, and frames of them in the order of time.

What the file does not say is learned from its beginning, so that a longer file tells no more about it: the interval of each
Datastream from its first Observations, the form of the file from its first rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aedilis.frame import NO_TIME, NONE, Frame
from aedilis.identity import datastream_id, thing_id
from aedilis.vocabulary import Clock, Datastream, FrameCounts, FrameHeader, Quality, Test, Thing
from trial.detect.rows import Rows

AGENCY = "file"
BEGINNING = 20_000
"""Rows, in the order of time, from which the form of a file is told."""
LEARNED_FROM = 100
"""Observations of a Datastream from which its interval is learned: the median of what lies between them."""
SIZE_FROM = 300
"""Results of a Datastream from which its usual size is learned; fewer than detectors that ask for it need to warm up."""
_FEWEST = 3
"""With less than so many intervals a Datastream takes that of the others."""
_FRAME_ROWS = 8_000
_SECOND, _HOUR, _DAY = 1_000_000, 3_600_000_000, 86_400_000_000
_NEAR = 0.05
_STEPS = np.array(
    [
        *(n * _SECOND for n in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)),
        *(n * 60 * _SECOND for n in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)),
        *(n * _HOUR for n in (1, 2, 3, 4, 6, 8, 12)),
        *(n * _DAY for n in (1, 2, 7, 14, 30)),
    ],
    np.int64,
)
"""An interval that is next to one of these is that one: a device's clock may shake."""

Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Learned:
    """What the beginning of a Datastream tells of it."""

    interval: int  # µs
    positive: bool = True  # no result lies below 0
    usual: float = 0.0  # median distance of its results from 0


@dataclass(frozen=True)
class Shape:
    """What kind of file it is, as its first rows have it."""

    long: bool  # several series, with Things and properties
    things: int
    sharing: int  # the most Things that have one property
    channels: int  # the most properties of one Thing
    interval: int  # µs: the median over its Datastreams


class Series:
    """The rows in the order of time, those of one time in the order of the file."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        time = rows.time
        in_order = bool((time[1:] >= time[:-1]).all())
        self.order = np.arange(len(time)) if in_order else np.argsort(time, kind="stable")
        """Place in the order of time → row."""
        self.time = time[self.order]
        self.series = rows.series[self.order]
        by_series = np.argsort(self.series, kind="stable")
        starts = np.searchsorted(self.series[by_series], np.arange(len(rows.names) + 1))
        self._first = by_series[starts[:-1]]
        intervals = _intervals([self.time[by_series[a : min(b, a + LEARNED_FROM)]] for a, b in _pairs(starts)])
        results = (rows.value[self.order[by_series[a : min(b, a + SIZE_FROM)]]] for a, b in _pairs(starts))
        self.learned = [
            _learned(interval, result) for interval, result in zip(intervals.tolist(), results, strict=True)
        ]
        """Of each name."""

    @property
    def last(self) -> int:
        """The newest time of all (µs)."""
        return int(self.time[-1])

    def shape(self) -> Shape:
        """What kind of file it is."""
        first = np.unique(self.series[:BEGINNING]).tolist()
        names = [self.rows.names[code] for code in first]
        things, properties = _counted(name.thing for name in names), _counted(name.property for name in names)
        interval = sorted(self.learned[code].interval for code in first)[(len(first) - 1) // 2]
        return Shape(self.rows.header.long, len(things), max(properties.values()), max(things.values()), interval)

    def frames(
        self,
        datastreams: list[Datastream],
        quality: npt.NDArray[np.uint8],
        tests: npt.NDArray[np.uint32],
    ) -> Iterator[Frame]:
        """All Observations; `datastreams` are of the names, the others of the rows in the file's order.

        A Datastream is declared when its first Observation comes, and a frame begins there, so that nobody knows of it
        before.
        """
        begins = np.searchsorted(self.time, self.time[self._first])
        by_begin: dict[int, list[Datastream]] = {}
        for code in np.argsort(self._first).tolist():
            by_begin.setdefault(int(begins[code]), []).append(datastreams[code])
        cuts = sorted(by_begin)
        ids = np.array([one.id for one in datastreams], np.int64)
        number = 0
        for start, end in zip(cuts, [*cuts[1:], len(self.time)], strict=True):
            for at in range(start, end, _FRAME_ROWS):
                number += 1
                part = slice(at, min(at + _FRAME_ROWS, end))
                new = tuple(by_begin[start]) if at == start else ()
                header = FrameHeader("file", number, FrameCounts(), datastreams=new)
                rows = self.order[part]
                yield _frame(
                    header, ids[self.series[part]], self.time[part], self.rows.value[rows], quality[rows], tests[rows]
                )


def datastreams(
    series: Series, sensor_type: str, version: int, observed: list[tuple[str, str, int]]
) -> list[Datastream]:
    """One for each name, all in one zone; `observed` has the property, unit and interval (µs) of each."""
    rows, zone = series.rows, series.rows.path.stem
    things = {
        name.thing: Thing(
            thing_id(AGENCY, name.thing), AGENCY, name.thing, zone, 0, Clock.DATA, rows.places.get(name.thing)
        )
        for name in rows.names
    }
    return [
        Datastream(
            datastream_id(AGENCY, *name), things[name.thing], name.property, prop, unit, sensor_type, version, interval
        )
        for name, (prop, unit, interval) in zip(rows.names, observed, strict=True)
    ]


def unjudged(rows: Rows) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Quality and tests of each row where nothing is known but whether a value is there."""
    quality = np.where(np.isnan(rows.value), Quality.MISSING, Quality.GOOD).astype(np.uint8)
    return quality, np.full(len(rows), Test.NONE, np.uint32)


def _frame(
    header: FrameHeader,
    ids: Times,
    time: Times,
    result: npt.NDArray[np.float64],
    quality: npt.NDArray[np.uint8],
    tests: npt.NDArray[np.uint32],
) -> Frame:
    n = len(ids)
    return Frame(
        header=header,
        datastream=ids,
        phenomenon_time=time,
        result=result,
        quality=quality,
        tests=tests,
        raw_flag_code=np.full(n, NONE, np.int32),
        raw_flags=(),
        sensor_type_code=np.zeros(n, np.int32),
        sensor_types=("file",),
        result_time=np.full(n, NO_TIME, np.int64),
        ingested_at=time,
    )


def _intervals(times: list[Times]) -> Times:
    """Of Datastreams from their first times, each in order."""
    learned = np.zeros(len(times), np.int64)
    for i, own in enumerate(times):
        steps = np.diff(own)
        steps = np.sort(steps[steps > 0])
        if len(steps) >= _FEWEST:
            learned[i] = _rounded(int(steps[(len(steps) - 1) // 2]))
    known = np.sort(learned[learned > 0])
    learned[learned == 0] = known[(len(known) - 1) // 2] if len(known) else _HOUR
    return learned


def _learned(interval: int, result: npt.NDArray[np.float64]) -> Learned:
    sizes = np.sort(np.abs(result[np.isfinite(result)]))
    usual = float(sizes[(len(sizes) - 1) // 2]) if len(sizes) else 0.0
    return Learned(interval, not (result < 0).any(), usual)


def _rounded(interval: int) -> int:
    nearest = int(_STEPS[np.argmin(np.abs(_STEPS - interval))])
    if abs(nearest - interval) <= _NEAR * nearest:
        return nearest
    return round(interval / _SECOND) * _SECOND if interval >= 10 * _SECOND else interval


def _counted(names: Iterator[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


def _pairs(starts: npt.NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    return zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)

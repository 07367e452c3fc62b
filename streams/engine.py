"""The detectors of one partition: arrays with a row a Datastream, updated by many frames at once.

No I/O and no clock here: `apply` takes frames and returns the changes of anomalies. What it finds does not depend on
how observations were cut into frames, nor on how many frames are handed over together:

    frames ──▶ join ──▶ rows, without those that came late ──▶ runs (`detectors.core.runs`)
                                                                 ├──▶ each detector ──▶ decision ──┐
                                              clocks ──▶ silence ┴─────────────────────────────────┴──▶ anomalies
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from aedilis.frame import Frame
from aedilis.identity import anomaly_id
from aedilis.vocabulary import Anomaly, Clock, Datastream, FrameHeader, Quality, Revision, Scope, Severity, Test, Thing
from detectors.core.explain import explain
from detectors.core.interface import NEVER, Detector
from detectors.core.panel import PanelDetector
from detectors.core.runs import Index, Runs, runs
from streams.clocks import WALL, Clocks
from streams.joined import Joined, join
from streams.rows import UNKNOWN, RowIndex
from streams.silence import Shown, Silence
from streams.watch import Change, Kept, Watch, packed, unpack

SCHEMA = 3
CHUNK_ROWS = 192
"""Rows of one checkpoint chunk of state: with all detectors it has some 60 kB, far from the 256 KiB that it may."""
DECLARED_ROWS = 48
"""Rows of one chunk of declarations, whose names may be long."""
CLOCKS_CHUNK = -1
WITHDRAWN = 0
"""The version of Datastreams whose sensor type reads no more; nothing watches it."""
MOST_OBSERVATIONS = 8_000
"""So many are taken at once, or one frame: what belongs to them stays in the cache of a processor."""

Times = npt.NDArray[np.int64]


class Use(msgspec.Struct, frozen=True):
    """That a Datastream is watched by a detector, and how a score becomes an anomaly."""

    detector: str
    severity: Severity
    open: float
    close: float
    n_open: int
    n_close: int
    parameters: dict[str, Any]


Pipeline = Callable[[Datastream], tuple[tuple[Use, ...], int]]
"""The uses of a Datastream by its type and version, and its allowed lateness in µs."""


class Engine:
    """The state of one partition and its update."""

    def __init__(self, detectors: Mapping[str, Detector | PanelDetector], pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._capacity = 64
        self._index = RowIndex()
        self._datastreams: list[Datastream] = []
        self._things: dict[int, Thing] = {}
        self._newest = np.full(self._capacity, NEVER, np.int64)
        self._thing = np.zeros(self._capacity, np.int64)
        self._zone = np.zeros(self._capacity, np.intp)
        self._clock = np.full(self._capacity + 1, -1, np.intp)  # the last one stands for unknown rows
        self._kind = np.zeros(self._capacity, np.intp)
        self._kinds: dict[tuple[object, ...], int] = {}
        self._lateness = np.zeros(0, np.int64)  # of each kind
        self._clocks = Clocks()
        self._watches = {
            name: Watch(one, self._capacity) for name, one in sorted(detectors.items()) if isinstance(one, Detector)
        }
        gap = self._watches.get("gap")  # it goes by clocks, the others by results
        self._silence = None if gap is None else Silence(gap, self._clocks, self._capacity)
        self._scoring = [watch for watch in self._watches.values() if watch is not gap]
        self._dirty = np.zeros(self._capacity // CHUNK_ROWS + 1, bool)
        self._declared_anew: set[int] = set()

    def __len__(self) -> int:
        return len(self._datastreams)

    # ------------------------------------------------------------ declarations

    def _news(self, header: FrameHeader) -> list[tuple[Datastream, int]]:
        """Those that are not known as they are declared here, each with its row.

        Of a type that is in force in another version from here on all Datastreams go to it, also those that it no longer
        gives, and so does not watch: no frame will name these.
        """
        if not header.datastreams and not header.in_force:
            return []
        versions = {name: WITHDRAWN if version is None else version for name, version in header.in_force.items()}
        known = self._datastreams if versions else ()
        by_id = {one.id: _gone_over(one, versions) for one in (*known, *header.datastreams)}
        rows = self._index.find(np.array(list(by_id), np.int64)).tolist()
        return [
            (one, row)
            for one, row in zip(by_id.values(), rows, strict=True)
            if row == UNKNOWN or self._datastreams[row] != one
        ]

    def _declare(self, datastream: Datastream, row: int) -> None:
        datastream = self._shared(datastream)
        if row == UNKNOWN:
            row = self._index.add(datastream.id)
            self._datastreams.append(datastream)
            if row >= self._capacity:
                self._grow()
        self._datastreams[row] = datastream
        self._configure(row)
        self._dirty[row // CHUNK_ROWS] = True
        self._declared_anew.add(row // DECLARED_ROWS)

    def _let_go(self, datastream: Datastream, row: int, ingested_at: int, out: list[Anomaly]) -> None:
        """End what is open on a row whose new declaration is no longer watched for it: no observation ever would."""
        watched = {use.detector for use in self._pipeline(datastream)[0]}
        for name, watch in self._watches.items():
            if watch.decision["open"][row] and name not in watched:
                self._say(watch, [watch.end(row, int(self._newest[row]), ingested_at)], out)
        if self._silence is not None and self._silence.watch.detector.name not in watched:
            self._silence.forget(row)

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
        more = self._capacity
        self._capacity *= 2
        self._newest = np.concatenate([self._newest, np.full(more, NEVER, np.int64)])
        self._thing = np.concatenate([self._thing, np.zeros(more, np.int64)])
        self._zone = np.concatenate([self._zone, np.zeros(more, np.intp)])
        self._clock = np.concatenate([self._clock, np.full(more, -1, np.intp)])
        self._kind = np.concatenate([self._kind, np.zeros(more, np.intp)])
        self._dirty = np.concatenate([self._dirty, np.zeros(more // CHUNK_ROWS + 1, bool)])
        for watch in self._watches.values():
            watch.grow(self._capacity)
        if self._silence is not None:
            self._silence.grow(self._capacity)

    def _configure(self, row: int) -> None:
        datastream = self._datastreams[row]
        thing = datastream.thing
        # a zone's price boards say nothing of how far its air stations are: each sensor type has a clock of its own
        before, after = int(self._zone[row]), self._clocks.number(f"{thing.zone}|{datastream.sensor_type}")
        self._thing[row], self._zone[row] = thing.id, after
        if before != after and self._newest[row] != NEVER:  # it has moved
            self._rebuild_clocks([before, after])
        self._clock[row] = after if thing.clock is Clock.DATA else WALL
        self._kind[row] = self._kind_of(datastream)

    def _kind_of(self, datastream: Datastream) -> int:
        """The number of what watches it, and how: the same for all of a type, a property and an interval."""
        uses, lateness = self._pipeline(datastream)
        key = (
            _encoder.encode(uses),
            lateness,
            datastream.sensor_type,
            datastream.sensor_version,
            datastream.observed_property,
            datastream.unit,
            datastream.interval,
        )
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = len(self._kinds)
            self._lateness = np.append(self._lateness, lateness)
            by_name = {use.detector: use for use in uses}
            for name, watch in self._watches.items():
                use = by_name.get(name)
                if use is None:
                    watch.add_kind(None, None, None)
                else:
                    parameters = watch.detector.parameters_of(use.parameters, datastream)
                    watch.add_kind(use.severity, parameters, (use.open, use.close, use.n_open, use.n_close))
        return kind

    def _rebuild_clocks(self, zones: Iterable[int]) -> None:
        n = len(self._datastreams)
        for zone in zones:
            rows = np.flatnonzero((self._zone[:n] == zone) & (self._newest[:n] != NEVER))
            self._clocks.rebuild(zone, self._thing[rows], self._newest[rows])

    # ------------------------------------------------------------ frames

    def apply(self, frames: Sequence[Frame]) -> list[Anomaly]:
        """Take frames in their order; returns the anomalies that opened or ended by them."""
        out: list[Anomaly] = []
        for part in self._parts(frames, out):
            self._observe(join(part, int(self._clocks.now[WALL])), out)
        return out

    def _parts(self, frames: Sequence[Frame], out: list[Anomaly]) -> Iterator[list[Frame]]:
        """Frames that can be taken together: what a frame declares holds from that frame on."""
        part: list[Frame] = []
        size = 0
        for frame in frames:
            declared = self._news(frame.header)
            if part and (declared or size + len(frame) > MOST_OBSERVATIONS):
                yield part
                part, size = [], 0
            for datastream, row in declared:
                if row != UNKNOWN:
                    self._let_go(datastream, row, int(frame.ingested_at.max(initial=frame.header.tick or 0)), out)
                self._declare(datastream, row)
            if declared and self._silence is not None:
                self._silence.look_again()
            part.append(frame)
            size += len(frame)
        if part:
            yield part

    def _observe(self, frames: Joined, out: list[Anomaly]) -> None:
        rows = self._index.find(frames.datastream)
        shown = Shown(self._clocks, frames, self._clock[rows], self._thing[rows])
        order = self._in_order(rows, frames.time)
        at = rows.take(order)
        self._dirty[at // CHUNK_ROWS] = True
        result = frames.result.take(order)
        # a sentinel is the device's word for having no result
        quality = frames.quality.take(order)
        finite = np.isfinite(result) & (frames.tests.take(order) & Test.SENTINEL == 0)
        measured = finite & (quality != Quality.NOT_EVALUATED)  # serviced or calibrated: it did not measure its place
        passed = measured & (quality != Quality.FAIL)
        kinds = self._kind.take(at)
        laid: dict[bytes, tuple[Runs, Index, Times]] = {}

        def lay(mask: npt.NDArray[np.bool_]) -> tuple[Runs, Index, Times]:
            key = mask.tobytes()
            if key not in laid:
                chosen = runs(rows, frames.time, frames.result, order if mask.all() else order[mask])
                laid[key] = chosen, self._kind.take(chosen.at), frames.ingested_at.take(chosen.order)
            return laid[key]

        if self._silence is not None:
            if shown.first_tick is not None:
                self._begin(self._silence, shown.first_tick)
            chosen, its_kinds, _ = lay(finite & self._silence.watch.enabled.take(kinds))
            self._say(
                self._silence.watch,
                self._silence.spoke(
                    chosen, its_kinds, self._clock.take(chosen.at), self._lateness.take(its_kinds), shown, frames
                ),
                out,
            )
            self._look(shown, frames, out)
        for watch in self._scoring:
            chosen, its_kinds, came_in = lay(
                (measured if watch.detector.sees_failed else passed) & watch.enabled.take(kinds)
            )
            if len(chosen):
                self._say(watch, watch.update(chosen, its_kinds, came_in), out)

    def _in_order(self, rows: npt.NDArray[np.int32], time: Times) -> Index:
        """The known ones sorted by row, each row's as they came, without those that came late: they teach nothing."""
        known = rows if len(self) > 65_535 else rows.astype(np.uint16)  # numpy sorts short numbers by radix
        order = np.argsort(known, kind="stable")
        if (rows == UNKNOWN).any():
            order = order[rows.take(order) != UNKNOWN]
        if not len(order):
            return order
        at, times = rows.take(order), time.take(order)
        first = np.concatenate([[True], at[1:] != at[:-1]])
        newest = np.where(first, self._newest.take(at), np.concatenate([[NEVER], times[:-1]]))
        if not (times > newest).all():
            newest = _running_newest(first, newest)
            in_time = times > newest
            order, at, times = order[in_time], at[in_time], times[in_time]
        self._newest[at] = times  # of several, the last one stays, and it is the newest
        return order

    def _begin(self, silence: Silence, first_tick: int) -> None:
        n = len(self._datastreams)
        kinds = self._kind[:n]
        silence.begin(kinds, self._clock[:n], self._lateness.take(kinds), first_tick)
        self._dirty[: -(-n // CHUNK_ROWS)] = True

    def _look(self, shown: Shown, frames: Joined, out: list[Anomaly]) -> None:
        silence, n = self._silence, len(self._datastreams)
        if silence is None or not silence.is_due():
            return
        kinds = self._kind[:n]
        changes = silence.look(kinds, self._clock[:n], self._lateness.take(kinds), shown, frames)
        for change in changes:
            self._dirty[change.row // CHUNK_ROWS] = True
        self._say(silence.watch, changes, out)

    # ------------------------------------------------------------ anomalies

    def _say(self, watch: Watch, changes: Iterable[Change], out: list[Anomaly]) -> None:
        out.extend(self._anomaly(watch, change) for change in changes)

    def _anomaly(self, watch: Watch, change: Change) -> Anomaly:
        datastream = self._datastreams[change.row]
        detector = watch.detector
        detected_at, ends_at = change.detected_at, change.ends_at
        result, low, high = _known(change.result), _known(change.low), _known(change.high)
        return Anomaly(
            id=anomaly_id(datastream.id, detector.kinds[0], detector.name, detected_at),
            revision=Revision(detected_at, 1) if ends_at is None else Revision(max(ends_at, detected_at), 2),
            scope=Scope.DATASTREAM,
            subject=datastream.id,
            datastream=datastream.id,
            agency=datastream.thing.agency,
            thing=datastream.thing.name,
            datastream_name=datastream.name,
            zone=datastream.thing.zone,
            kind=detector.kinds[0],
            detector=detector.name,
            severity=watch.severity[self._kind[change.row]],
            starts_at=change.starts_at,
            detected_at=detected_at,
            ends_at=ends_at,
            score=change.score,
            result=result,
            expected_low=low,
            expected_high=high,
            unit=datastream.unit,
            explanation=explain(
                kind=detector.kinds[0],
                datastream=datastream,
                result=result,
                expected_low=low,
                expected_high=high,
                starts_at=change.starts_at,
                ends_at=ends_at,
            ),
            ingested_at=change.ingested_at,
        )

    # ------------------------------------------------------------ checkpoints

    def changed_chunks(self, *, whole: bool) -> dict[int, bytes]:
        """Chunk number → bytes of those that changed since `mark_clean`.

        From 0 on they hold the state of rows, from -2 down the declarations of rows, which seldom change; -1 holds
        the clocks.
        """
        numbers = range(-(-len(self) // CHUNK_ROWS)) if whole else np.flatnonzero(self._dirty).tolist()
        declared = range(-(-len(self) // DECLARED_ROWS)) if whole else sorted(self._declared_anew)
        chunks = {number: self._chunk(number) for number in numbers}
        for number in declared:
            chunks[-2 - number] = _encoder.encode(self._datastreams[self._part(number, DECLARED_ROWS)])
        chunks[CLOCKS_CHUNK] = _encoder.encode({"tick": int(self._clocks.now[WALL]), "zones": self._clocks.kept()})
        return chunks

    def mark_clean(self) -> None:
        """All that changed so far is kept."""
        self._dirty[:] = False
        self._declared_anew.clear()

    def _part(self, number: int, rows: int = CHUNK_ROWS) -> slice:
        return slice(number * rows, min((number + 1) * rows, len(self)))

    def _chunk(self, number: int) -> bytes:
        part = self._part(number)
        return _encoder.encode(
            {
                "newest": packed(self._newest, part),
                "behind": b"" if self._silence is None else packed(self._silence.behind, part),
                "detectors": {name: watch.kept(part) for name, watch in self._watches.items()},
            }
        )

    def restore(self, chunks: Mapping[int, bytes]) -> None:
        """Take over a checkpoint. A detector whose state has another schema warms up again."""
        for number in sorted((number for number in chunks if number < CLOCKS_CHUNK), reverse=True):
            for datastream in _declarations.decode(chunks[number]):
                self._declare(datastream, UNKNOWN)
        for number in sorted(number for number in chunks if number >= 0):
            chunk, part = _chunks.decode(chunks[number]), self._part(number)
            unpack(chunk.newest, self._newest, part)
            if self._silence is not None:
                unpack(chunk.behind, self._silence.behind, part)
            for name, kept in chunk.detectors.items():
                if name in self._watches:
                    self._watches[name].restore(part, kept)
        if CLOCKS_CHUNK in chunks:
            clocks = msgspec.msgpack.decode(chunks[CLOCKS_CHUNK], type=_Clocks)
            self._clocks.tick(clocks.tick)
            self._clocks.restore(clocks.zones)
        self._rebuild_clocks(set(self._zone[: len(self)].tolist()))
        if self._silence is not None:
            self._silence.look_again()
        self.mark_clean()


class _Chunk(msgspec.Struct):
    newest: bytes
    behind: bytes
    detectors: dict[str, Kept]


class _Clocks(msgspec.Struct):
    tick: int
    zones: dict[str, int]


_encoder = msgspec.msgpack.Encoder()
_chunks = msgspec.msgpack.Decoder(_Chunk)
_declarations = msgspec.msgpack.Decoder(list[Datastream])


def _gone_over(datastream: Datastream, versions: Mapping[str, int]) -> Datastream:
    version = versions.get(datastream.sensor_type, datastream.sensor_version)
    return (
        datastream
        if version == datastream.sensor_version
        else msgspec.structs.replace(datastream, sensor_version=version)
    )


def _running_newest(first: npt.NDArray[np.bool_], newest: Times) -> Times:
    """The newest of all before it, of each row's observations; `newest` has only the one before, `first` begins a row."""
    start = np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))
    newest = newest.copy()
    step, index = 1, np.arange(len(first))
    while (reaches := index - step >= start).any():
        newest[reaches] = np.maximum(newest[reaches], newest[index[reaches] - step])
        step *= 2
    return newest


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None

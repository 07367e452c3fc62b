"""The detectors of one partition: arrays with a row a Datastream, updated by whole frames.

No I/O and no clock here: `apply` takes a frame and returns the changes of anomalies. A frame that holds several
observations of one Datastream is taken in rounds, the k-th observation of each in round k, so that the result does
not depend on how observations were cut into frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from aedilis.frame import Frame
from aedilis.identity import anomaly_id
from aedilis.vocabulary import Anomaly, Clock, Datastream, Quality, Revision, Severity, Test
from detectors.decision import DECISION_PARAMETERS, DECISION_STATE, decide
from detectors.explain import explain
from detectors.interface import FAR, NEVER, Detector
from streams.clocks import ZoneClocks

ROWS_OF_CHUNK = 48
"""Rows of one checkpoint chunk: with all detectors on it stays well under 256 KiB."""
SCHEMA = 2

Times = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]


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


class _Watch:
    """One detector over all rows of the partition."""

    def __init__(self, detector: Detector, capacity: int) -> None:
        self.detector = detector
        self.enabled = np.zeros(capacity, bool)
        self.severity = np.full(capacity, "", "U8")
        self.parameters = np.zeros(capacity, detector.parameters)
        self.state = detector.fresh(capacity)
        self.decision_parameters = np.zeros(capacity, DECISION_PARAMETERS)
        self.decision = np.zeros(capacity, DECISION_STATE)

    def grow(self, capacity: int) -> None:
        """Room for more rows."""
        more = capacity - len(self.enabled)
        self.enabled = np.concatenate([self.enabled, np.zeros(more, bool)])
        self.severity = np.concatenate([self.severity, np.full(more, "", "U8")])
        self.parameters = np.concatenate([self.parameters, np.zeros(more, self.parameters.dtype)])
        self.state = np.concatenate([self.state, self.detector.fresh(more)])
        self.decision_parameters = np.concatenate([self.decision_parameters, np.zeros(more, DECISION_PARAMETERS)])
        self.decision = np.concatenate([self.decision, np.zeros(more, DECISION_STATE)])


@dataclass(frozen=True, slots=True)
class _Spoke:
    """Results of n different rows; shapes `(n,)`."""

    rows: Rows
    time: Times
    result: npt.NDArray[np.float64]
    ingested_at: Times

    def take(self, chosen: npt.NDArray[np.bool_]) -> _Spoke:
        return _Spoke(self.rows[chosen], self.time[chosen], self.result[chosen], self.ingested_at[chosen])


_NOTHING = (float("nan"), float("nan"), float("nan"))
"""Result and expected band of what was not said."""


class Engine:
    """The state of one partition and its update."""

    def __init__(self, detectors: Mapping[str, Detector], pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._capacity = 64
        self._row: dict[int, int] = {}
        self._datastreams: list[Datastream] = []
        self._newest = np.full(self._capacity, NEVER, np.int64)
        self._lateness = np.zeros(self._capacity, np.int64)
        self._thing = np.zeros(self._capacity, np.int64)
        self._zone = np.zeros(self._capacity, np.intp)
        self._clocks = ZoneClocks()
        self._behind = np.zeros(self._capacity, np.int64)  # µs that a Datastream's newest result came in late
        self._data_clock = np.zeros(self._capacity, bool)
        self._tick = NEVER
        self._watches = {name: _Watch(detector, self._capacity) for name, detector in sorted(detectors.items())}
        self._gap = self._watches.get("gap")  # it goes by clocks, the others by results
        self._scoring = [watch for watch in self._watches.values() if watch is not self._gap]
        self._dirty: set[int] = set()

    def __len__(self) -> int:
        return len(self._datastreams)

    # ------------------------------------------------------------ declarations

    def _declare(self, datastream: Datastream) -> None:
        row = self._row.get(datastream.id)
        if row is None:
            row = len(self._datastreams)
            self._row[datastream.id] = row
            self._datastreams.append(datastream)
            if row >= self._capacity:
                self._grow()
        elif self._datastreams[row] == datastream:
            return
        self._datastreams[row] = datastream
        self._configure(row)
        self._dirty.add(row // ROWS_OF_CHUNK)

    def _grow(self) -> None:
        more = self._capacity
        self._capacity *= 2
        self._newest = np.concatenate([self._newest, np.full(more, NEVER, np.int64)])
        self._lateness = np.concatenate([self._lateness, np.zeros(more, np.int64)])
        self._thing = np.concatenate([self._thing, np.zeros(more, np.int64)])
        self._zone = np.concatenate([self._zone, np.zeros(more, np.intp)])
        self._behind = np.concatenate([self._behind, np.zeros(more, np.int64)])
        self._data_clock = np.concatenate([self._data_clock, np.zeros(more, bool)])
        for watch in self._watches.values():
            watch.grow(self._capacity)

    def _configure(self, row: int) -> None:
        datastream = self._datastreams[row]
        thing = datastream.thing
        # a zone's price boards say nothing of how far its air stations are: each sensor type has a clock of its own
        before, after = int(self._zone[row]), self._clocks.number(f"{thing.zone}|{datastream.sensor_type}")
        self._thing[row], self._zone[row] = thing.id, after
        if before != after and self._newest[row] != NEVER:  # it has moved
            self._rebuild_clocks([before, after])
        self._data_clock[row] = thing.clock is Clock.DATA
        uses, self._lateness[row] = self._pipeline(datastream)
        for watch in self._watches.values():
            watch.enabled[row] = False
        for use in uses:
            watch = self._watches[use.detector]
            watch.enabled[row] = True
            watch.severity[row] = use.severity
            watch.parameters[row] = watch.detector.parameters_of(use.parameters, datastream)
            watch.decision_parameters[row] = (use.open, use.close, use.n_open, use.n_close)

    def _rebuild_clocks(self, zones: Iterable[int]) -> None:
        n = len(self._datastreams)
        for zone in zones:
            rows = np.flatnonzero(self._zone[:n] == zone)
            self._clocks.rebuild(zone, self._thing[rows], self._newest[rows])

    # ------------------------------------------------------------ frames

    def apply(self, frame: Frame) -> list[Anomaly]:
        """Take one frame; returns the anomalies that opened or ended by it."""
        for datastream in frame.header.datastreams:
            self._declare(datastream)
        out: list[Anomaly] = []
        if len(frame):
            self._observe(frame, out)
        if frame.header.tick is not None and frame.header.tick > self._tick:
            self._tick = frame.header.tick
        ingested_at = int(frame.ingested_at[-1]) if len(frame) else (frame.header.tick or 0)
        self._silence(ingested_at, out)
        return out

    def _observe(self, frame: Frame, out: list[Anomaly]) -> None:
        rows = np.array([self._row.get(i, -1) for i in frame.datastream.tolist()], np.intp)
        clock = self._clock_before(rows, frame.phenomenon_time)
        for chosen in _rounds(rows):
            chosen = chosen[frame.phenomenon_time[chosen] > self._newest[rows[chosen]]]  # late ones teach nothing
            if not len(chosen):
                continue
            at, time = rows[chosen], frame.phenomenon_time[chosen]
            self._newest[at] = time
            self._dirty.update((at // ROWS_OF_CHUNK).tolist())
            # a sentinel is the device's word for having no result
            finite = np.isfinite(frame.result[chosen]) & (frame.tests[chosen] & Test.SENTINEL == 0)
            passed = finite & (frame.quality[chosen] != Quality.FAIL)
            spoke = _Spoke(at, time, frame.result[chosen], frame.ingested_at[chosen])
            self._spoke(spoke.take(finite), clock[chosen][finite], out)
            for watch in self._scoring:
                seen = (finite if watch.detector.sees_failed else passed) & watch.enabled[at]
                if seen.any():
                    self._update(watch, spoke.take(seen), out)

    def _clock_before(self, rows: Rows, times: Times) -> Times:
        """What the clock of each observation's Datastream showed before it came; unknown rows are -1."""
        before = np.full(len(rows), self._tick, np.int64)
        by_data = np.flatnonzero((rows >= 0) & self._data_clock[rows])
        at = rows[by_data]
        before[by_data] = self._clocks.advance(self._zone[at], self._thing[at], times[by_data])
        return before

    def _update(self, watch: _Watch, spoke: _Spoke, out: list[Anomaly]) -> None:
        rows, time = spoke.rows, spoke.time
        state = watch.state[rows]
        verdict = watch.detector.update(state, watch.parameters[rows], time, spoke.result)
        watch.state[rows] = state
        decision = watch.decision[rows]
        opened, closed = decide(decision, watch.decision_parameters[rows], time, verdict.score, verdict.starts_at)
        watch.decision[rows] = decision
        for i in np.flatnonzero(opened | closed).tolist():
            out.append(  # noqa: PERF401 - plainer so
                self._anomaly(
                    watch,
                    int(rows[i]),
                    decision[i],
                    ends_at=int(time[i]) if closed[i] else None,
                    result=float(spoke.result[i]),
                    low=float(verdict.expected_low[i]),
                    high=float(verdict.expected_high[i]),
                    ingested_at=int(spoke.ingested_at[i]),
                )
            )

    # ------------------------------------------------------------ silence

    def _spoke(self, spoke: _Spoke, clock: Times, out: list[Anomaly]) -> None:
        """A gap ends with the next result. One that no frame's end had shown yet opens and ends at once.

        `clock` is what the clock showed before each result. A result that comes later than its own deadline (a replay
        of old files, a device that sends what it had kept) is no silence: its next deadline counts from the clock.
        """
        watch = self._gap
        if watch is None:
            return
        watched = watch.enabled[spoke.rows]
        spoke, clock = spoke.take(watched), clock[watched]
        rows, time = spoke.rows, spoke.time
        deadline = watch.detector.deadline(watch.state[rows], watch.parameters[rows])
        shown = self._passed(deadline, self._behind[rows], clock, self._lateness[rows])
        is_open = watch.decision["open"][rows]
        for i in np.flatnonzero(is_open | shown | (time > deadline)).tolist():
            row, ingested_at = int(rows[i]), int(spoke.ingested_at[i])
            if not is_open[i]:
                # what the clock had shown was found at the clock's deadline, a mere hole in the data at its own
                late = int(self._behind[row]) if shown[i] else 0
                self._open_gap(watch, row, int(deadline[i]) + late, ingested_at, out)
            out.append(self._end_gap(watch, row, int(time[i]), ingested_at))
        state = watch.state[rows]
        watch.detector.update(state, watch.parameters[rows], time, spoke.result)
        watch.state[rows] = state
        after = watch.detector.deadline(state, watch.parameters[rows])
        self._behind[rows] = np.where(
            (clock != NEVER) & (clock > after + self._lateness[rows]), np.maximum(clock, time) - time, 0
        )

    @staticmethod
    def _passed(deadline: Times, behind: Times, clock: Times, lateness: Times) -> npt.NDArray[np.bool_]:
        """Where the clock is beyond a deadline by more than the allowed lateness."""
        due = (deadline < FAR) & (clock != NEVER)
        passed: npt.NDArray[np.bool_] = due & (clock > np.where(due, deadline, 0) + behind + lateness)
        return passed

    def _silence(self, ingested_at: int, out: list[Anomaly]) -> None:
        """Open a gap where the clock has passed a deadline."""
        watch = self._gap
        n = len(self._datastreams)
        if watch is None or not n:
            return
        clock = np.where(self._data_clock[:n], self._clocks.now(self._zone[:n]), self._tick)
        deadline = watch.detector.deadline(watch.state[:n], watch.parameters[:n])
        silent = self._passed(deadline, self._behind[:n], clock, self._lateness[:n])
        silent &= watch.enabled[:n] & ~watch.decision["open"][:n]
        for row in np.flatnonzero(silent).tolist():
            self._open_gap(watch, row, int(deadline[row] + self._behind[row]), ingested_at, out)

    def _open_gap(self, watch: _Watch, row: int, deadline: int, ingested_at: int, out: list[Anomaly]) -> None:
        watch.decision[row] = (True, 1, 0, int(watch.state["newest"][row]), deadline, 1.0)
        self._dirty.add(row // ROWS_OF_CHUNK)
        out.append(self._anomaly(watch, row, watch.decision[row], None, *_NOTHING, ingested_at))

    def _end_gap(self, watch: _Watch, row: int, ends_at: int, ingested_at: int) -> Anomaly:
        watch.decision["open"][row] = False
        return self._anomaly(watch, row, watch.decision[row], ends_at, *_NOTHING, ingested_at)

    # ------------------------------------------------------------ anomalies

    def _anomaly(
        self,
        watch: _Watch,
        row: int,
        decision: np.void,
        ends_at: int | None,
        result: float,
        low: float,
        high: float,
        ingested_at: int,
    ) -> Anomaly:
        datastream = self._datastreams[row]
        detector = watch.detector
        detected_at = int(decision["opened_at"])
        return Anomaly(
            id=anomaly_id(datastream.id, detector.kind, detector.name, detected_at),
            revision=Revision(detected_at, 1) if ends_at is None else Revision(max(ends_at, detected_at), 2),
            datastream=datastream.id,
            agency=datastream.thing.agency,
            thing=datastream.thing.name,
            datastream_name=datastream.name,
            zone=datastream.thing.zone,
            kind=detector.kind,
            detector=detector.name,
            severity=Severity(str(watch.severity[row])),
            starts_at=int(decision["starts_at"]),
            detected_at=detected_at,
            ends_at=ends_at,
            score=float(decision["peak"]),
            result=_known(result),
            expected_low=_known(low),
            expected_high=_known(high),
            unit=datastream.unit,
            explanation=explain(
                kind=detector.kind,
                datastream=datastream,
                result=_known(result),
                expected_low=_known(low),
                expected_high=_known(high),
                starts_at=int(decision["starts_at"]),
                ends_at=ends_at,
            ),
            ingested_at=ingested_at,
        )

    # ------------------------------------------------------------ checkpoints

    def changed_chunks(self, *, whole: bool) -> dict[int, bytes]:
        """Chunk number → bytes of those that changed since `mark_clean`; number -1 holds the clocks."""
        n = len(self._datastreams)
        numbers = range((n + ROWS_OF_CHUNK - 1) // ROWS_OF_CHUNK) if whole else sorted(self._dirty)
        chunks = {number: self._chunk(number) for number in numbers}
        chunks[-1] = msgspec.msgpack.encode({"tick": self._tick, "zones": self._clocks.kept()})
        return chunks

    def mark_clean(self) -> None:
        """All that changed so far is kept."""
        self._dirty.clear()

    def _chunk(self, number: int) -> bytes:
        part = slice(number * ROWS_OF_CHUNK, min((number + 1) * ROWS_OF_CHUNK, len(self._datastreams)))
        return msgspec.msgpack.encode(
            {
                "datastreams": self._datastreams[part],
                "newest": self._newest[part].tobytes(),
                "behind": self._behind[part].tobytes(),
                "detectors": {
                    name: (watch.detector.schema, watch.state[part].tobytes(), watch.decision[part].tobytes())
                    for name, watch in self._watches.items()
                },
            }
        )

    def restore(self, chunks: Mapping[int, bytes]) -> None:
        """Take over a checkpoint. A detector whose state has another schema warms up again."""
        for number in sorted(number for number in chunks if number >= 0):
            chunk = msgspec.msgpack.decode(chunks[number], type=_Chunk)
            first = len(self._datastreams)
            for datastream in chunk.datastreams:
                self._declare(datastream)
            part = slice(first, len(self._datastreams))
            self._newest[part] = np.frombuffer(chunk.newest, np.int64)
            self._behind[part] = np.frombuffer(chunk.behind, np.int64)
            for name, (schema, state, decision) in chunk.detectors.items():
                watch = self._watches.get(name)
                if watch is not None and watch.detector.schema == schema:
                    watch.state[part] = np.frombuffer(state, watch.detector.state)
                    watch.decision[part] = np.frombuffer(decision, DECISION_STATE)
        if -1 in chunks:
            clocks = msgspec.msgpack.decode(chunks[-1], type=_Clocks)
            self._tick = clocks.tick
            self._clocks.restore(clocks.zones)
        self._rebuild_clocks(set(self._zone[: len(self._datastreams)].tolist()))
        self._dirty.clear()


class _Chunk(msgspec.Struct):
    datastreams: list[Datastream]
    newest: bytes
    behind: bytes
    detectors: dict[str, tuple[int, bytes, bytes]]


class _Clocks(msgspec.Struct):
    tick: int
    zones: dict[str, int]


def _rounds(rows: Rows) -> list[Rows]:
    """Indices into the frame, the k-th observation of each row in round k; unknown rows (-1) are left out."""
    known = np.flatnonzero(rows >= 0)
    order = known[np.argsort(rows[known], kind="stable")]
    if not len(order):
        return []
    grouped = rows[order]
    starts = np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]])
    position = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    by_round = np.argsort(position, kind="stable")
    cuts = np.flatnonzero(np.diff(position[by_round])) + 1
    return [np.sort(part) for part in np.split(order[by_round], cuts)]


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None

"""The detectors of one partition: arrays with a row a Datastream, updated by whole frames.

No I/O and no clock here: `apply` takes a frame and returns the changes of anomalies. A frame that holds several
observations of one Datastream is taken in rounds, the k-th observation of each in round k, so that the result does
not depend on how observations were cut into frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from aedilis.frame import Frame
from aedilis.identity import anomaly_id
from aedilis.vocabulary import Anomaly, Clock, Datastream, Quality, Revision, Severity
from detectors.decision import DECISION_PARAMETERS, DECISION_STATE, decide
from detectors.explain import explain
from detectors.interface import Detector

ROWS_OF_CHUNK = 48
"""Rows of one checkpoint chunk: with all detectors on it stays well under 256 KiB."""
SCHEMA = 1
NEVER = np.iinfo(np.int64).min
FAR = np.iinfo(np.int64).max

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


class Engine:
    """The state of one partition and its update."""

    def __init__(self, detectors: Mapping[str, Detector], pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._capacity = 64
        self._row: dict[int, int] = {}
        self._datastreams: list[Datastream] = []
        self._newest = np.full(self._capacity, NEVER, np.int64)
        self._lateness = np.zeros(self._capacity, np.int64)
        self._zone_of_row = np.zeros(self._capacity, np.intp)
        self._zones: dict[str, int] = {}
        self._zone_clock: dict[int, dict[int, int]] = {}  # zone → Thing → its newest time
        self._data_clock = np.zeros(self._capacity, bool)
        self._tick = NEVER
        self._watches = {name: _Watch(detector, self._capacity) for name, detector in sorted(detectors.items())}
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
        self._zone_of_row = np.concatenate([self._zone_of_row, np.zeros(more, np.intp)])
        self._data_clock = np.concatenate([self._data_clock, np.zeros(more, bool)])
        for watch in self._watches.values():
            watch.grow(self._capacity)

    def _configure(self, row: int) -> None:
        datastream = self._datastreams[row]
        thing = datastream.thing
        # a zone's price boards say nothing of how far its air stations are: each sensor type has a clock of its own
        zone = f"{thing.zone}|{datastream.sensor_type}"
        self._zone_of_row[row] = self._zones.setdefault(zone, len(self._zones))
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
        for chosen in _rounds(rows):
            chosen = chosen[frame.phenomenon_time[chosen] > self._newest[rows[chosen]]]  # late ones teach nothing
            if not len(chosen):
                continue
            at, time = rows[chosen], frame.phenomenon_time[chosen]
            self._newest[at] = time
            self._dirty.update((at // ROWS_OF_CHUNK).tolist())
            self._advance(at, time)
            result, ingested = frame.result[chosen], frame.ingested_at[chosen]
            quality = frame.quality[chosen]
            finite = np.isfinite(result)
            passed = finite & (quality != Quality.FAIL)
            for watch in self._watches.values():
                seen = (finite if watch.detector.sees_failed else passed) & watch.enabled[at]
                if seen.any():
                    self._update(watch, at[seen], time[seen], result[seen], ingested[seen], out)

    def _advance(self, rows: Rows, time: Times) -> None:
        for row, moment in zip(rows.tolist(), time.tolist(), strict=True):
            things = self._zone_clock.setdefault(int(self._zone_of_row[row]), {})
            thing = self._datastreams[row].thing.id
            if moment > things.get(thing, NEVER):
                things[thing] = moment

    def _update(
        self,
        watch: _Watch,
        rows: Rows,
        time: Times,
        result: npt.NDArray[np.float64],
        ingested: Times,
        out: list[Anomaly],
    ) -> None:
        state, parameters = watch.state[rows], watch.parameters[rows]
        if watch.detector.name == "gap":
            self._came_back(watch, rows, time, result, ingested, out)
        verdict = watch.detector.update(state, parameters, time, result)
        watch.state[rows] = state
        if watch.detector.name == "gap":
            return
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
                    result=float(result[i]),
                    low=float(verdict.expected_low[i]),
                    high=float(verdict.expected_high[i]),
                    ingested_at=int(ingested[i]),
                )
            )

    # ------------------------------------------------------------ silence

    def _came_back(
        self,
        watch: _Watch,
        rows: Rows,
        time: Times,
        result: npt.NDArray[np.float64],
        ingested: Times,
        out: list[Anomaly],
    ) -> None:
        """A gap ends with the next result. One that no clock had shown yet opens and ends at once."""
        deadline = watch.detector.deadline(watch.state[rows], watch.parameters[rows])
        is_open = watch.decision["open"][rows]
        for i in np.flatnonzero(is_open | (time > deadline)).tolist():
            row = int(rows[i])
            if not is_open[i]:
                out.append(self._gap(watch, row, int(deadline[i]), None, int(ingested[i])))
            out.append(self._gap(watch, row, int(deadline[i]), int(time[i]), int(ingested[i])))
            watch.decision["open"][row] = False

    def _silence(self, ingested_at: int, out: list[Anomaly]) -> None:
        """Open a gap where the clock has passed a deadline by more than the allowed lateness."""
        watch = self._watches.get("gap")
        n = len(self._datastreams)
        if watch is None or not n:
            return
        clocks = np.full(max(len(self._zones), 1), NEVER, np.int64)
        for zone, things in self._zone_clock.items():
            newest = sorted(things.values())
            clocks[zone] = newest[-2] if len(newest) > 1 else newest[-1]
        clock = np.where(self._data_clock[:n], clocks[self._zone_of_row[:n]], self._tick)
        deadline = watch.detector.deadline(watch.state[:n], watch.parameters[:n])
        silent = watch.enabled[:n] & ~watch.decision["open"][:n].astype(bool) & (deadline < FAR)
        silent &= clock > np.where(silent, deadline, 0) + self._lateness[:n]
        for row in np.flatnonzero(silent).tolist():
            out.append(self._gap(watch, row, int(deadline[row]), None, ingested_at))
            watch.decision["open"][row] = True
            self._dirty.add(row // ROWS_OF_CHUNK)

    def _gap(self, watch: _Watch, row: int, deadline: int, ends_at: int | None, ingested_at: int) -> Anomaly:
        decision = np.zeros(1, DECISION_STATE)[0]
        decision["starts_at"], decision["opened_at"], decision["peak"] = int(self._spoke(watch, row)), deadline, 1.0
        return self._anomaly(watch, row, decision, ends_at, float("nan"), float("nan"), float("nan"), ingested_at)

    @staticmethod
    def _spoke(watch: _Watch, row: int) -> int:
        return int(watch.state["newest"][row])

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
            revision=Revision(detected_at, 1) if ends_at is None else Revision(ends_at, 2),
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
        clocks = [
            (zone, things) for zone, index in self._zones.items() if (things := self._zone_clock.get(index)) is not None
        ]
        chunks[-1] = msgspec.msgpack.encode({"tick": self._tick, "zones": clocks})
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
            for name, (schema, state, decision) in chunk.detectors.items():
                watch = self._watches.get(name)
                if watch is not None and watch.detector.schema == schema:
                    watch.state[part] = np.frombuffer(state, watch.detector.state)
                    watch.decision[part] = np.frombuffer(decision, DECISION_STATE)
        if -1 in chunks:
            clocks = msgspec.msgpack.decode(chunks[-1], type=_Clocks)
            self._tick = clocks.tick
            for zone, things in clocks.zones:
                self._zone_clock[self._zones.setdefault(zone, len(self._zones))] = things
        self._dirty.clear()


class _Chunk(msgspec.Struct):
    datastreams: list[Datastream]
    newest: bytes
    detectors: dict[str, tuple[int, bytes, bytes]]


class _Clocks(msgspec.Struct):
    tick: int
    zones: list[tuple[str, dict[int, int]]]


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

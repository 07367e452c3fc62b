"""The detectors of one partition: arrays with a row a Datastream, updated by many frames at once.

No I/O and no clock here: `apply` takes frames and returns the changes of anomalies. What it finds does not depend on
how observations were cut into frames, nor on how many frames are handed over together:

    frames ──▶ join ──▶ rows, without those that came late ──▶ runs (`detectors.core.runs`)
                         │                                       ├──▶ each detector ──▶ decision ──┐
                         │                    clocks ──▶ silence ┴─────────────────────────────────┤
                         └──▶ bins, until they close ──▶ each detector of neighbours ──▶ decision ─┴──▶ anomalies
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from aedilis.frame import Frame
from aedilis.identity import anomaly_id
from aedilis.vocabulary import Anomaly, Clock, Datastream, Quality, Revision, Scope, Severity, Test
from detectors.core.calibration import Calibrate, calibrated
from detectors.core.explain import Finding, explain
from detectors.core.interface import NEVER, Detector
from detectors.core.panel import PanelDetector
from detectors.core.runs import Index, Runs, runs
from streams.detecting.bins import ALONE, Bins, Closed, KeptBins
from streams.detecting.clocks import WALL, Clocks
from streams.detecting.joined import Joined, join
from streams.detecting.neighbours import Layout, PanelWatch, Subject
from streams.detecting.roster import Roster, declarations
from streams.detecting.rows import UNKNOWN
from streams.detecting.silence import Shown, Silence
from streams.detecting.table import Change, KeptRows, Table
from streams.detecting.things import MANY, highest_so_far
from streams.detecting.uses import Use
from streams.detecting.watch import Scored, Watch

SCHEMA = 5
CLOCKS_CHUNK = -1
TABLE_CHUNKS = 1_000_000
"""Chunk numbers of each detector's tables begin at a multiple of it; those of bins at the next multiple after all."""
MOST_OBSERVATIONS = 8_000
"""So many are taken at once, or one frame: what belongs to them stays in the cache of a processor."""

Times = npt.NDArray[np.int64]
Pipeline = Callable[[Datastream], tuple[tuple[Use, ...], int]]
"""The uses of a Datastream by its type and version, and its allowed lateness in µs."""
Told = Callable[[str, Times, Times, npt.NDArray[np.float64]], None]
"""Is told what each detector made of Observations: its name, their Datastreams, times (µs) and scores, each `(n,)`."""


class Engine:
    """The state of one partition and its update."""

    def __init__(
        self,
        detectors: Mapping[str, Detector | PanelDetector],
        pipeline: Pipeline,
        scored: Told | None = None,
        calibrate: Calibrate = calibrated,
    ) -> None:
        self._pipeline = pipeline
        self._calibrate = calibrate
        self._roster = Roster()
        self._kinds: dict[tuple[object, ...], int] = {}
        self._lateness = np.zeros(0, np.int64)  # of each kind
        self._clocks = Clocks()
        tell = None if scored is None else self._teller(scored)
        self._watches = {name: Watch(one, tell) for name, one in sorted(detectors.items()) if isinstance(one, Detector)}
        self._panels = {
            name: PanelWatch(one, tell) for name, one in sorted(detectors.items()) if isinstance(one, PanelDetector)
        }
        self._bins = Bins()
        gap = self._watches.get("gap")  # it goes by clocks, the others by results
        self._silence = None if gap is None else Silence(gap, self._clocks, self._roster)
        self._scoring = [watch for watch in self._watches.values() if watch is not gap]

    def _teller(self, scored: Told) -> Scored:
        def tell(detector: str, rows: Index, times: Times, scores: npt.NDArray[np.float64]) -> None:
            scored(
                detector, np.array([self._roster.datastreams[row].id for row in rows.tolist()], np.int64), times, scores
            )

        return tell

    def __len__(self) -> int:
        return len(self._roster)

    # ------------------------------------------------------------ declarations

    def _declare(self, declared: Sequence[tuple[Datastream, int]], ingested_at: int, out: list[Anomaly]) -> None:
        """Take what a frame declares, and end what is open on those that are no longer watched for it: no observation
        ever would."""
        roster = self._roster
        known = [(one, row) for one, row in declared if row != UNKNOWN]
        for datastream, row in known:
            self._let_go(datastream, row, ingested_at, out)
        groups = sorted({self._bins.group_of(row) for _, row in known} - {ALONE})
        before = {(name, group): self._layout(name, group) for name in self._panels for group in groups}
        for datastream, row in declared:
            self._configure(roster.put(datastream, row))
        for (name, group), layout in before.items():
            self._let_go_of(self._panels[name], layout, self._layout(name, group), ingested_at, out)
        if self._silence is not None:
            self._silence.look_again()
            if known:
                ended = self._silence.declared([row for _, row in known], roster.kind[: len(self)], ingested_at)
                self._say_of_things(self._silence, ended, out)

    def _let_go(self, datastream: Datastream, row: int, ingested_at: int, out: list[Anomaly]) -> None:
        watched = {use.detector for use in self._pipeline(datastream)[0]}
        for name, watch in self._watches.items():
            if name not in watched and watch.is_open(row):
                self._say(watch, [watch.end(row, int(self._roster.newest[row]), ingested_at)], out)
        if self._silence is not None and self._silence.watch.detector.name not in watched:
            self._silence.forget(row)

    def _let_go_of(
        self, panel: PanelWatch, before: Layout, after: Layout, ingested_at: int, out: list[Anomaly]
    ) -> None:
        """End what is open of subjects that have left, but for Datastreams that went over to other neighbours."""
        for own in panel.vanished(before, after):
            members = panel.subjects[own].members
            stays = panel.by_datastream and panel.uses.enabled[self._roster.kind[members[0]]]
            if panel.own.decisions["open"][own] and not stays:
                newest = max(int(self._roster.newest[row]) for row in members)
                self._say_of(panel, [panel.own.end(own, newest, ingested_at)], out)

    def _layout(self, name: str, group: int) -> Layout:
        roster = self._roster
        return self._panels[name].layout(group, self._bins.groups[group].members, roster.datastreams, roster.kind)

    def _configure(self, row: int) -> None:
        roster = self._roster
        datastream = roster.datastreams[row]
        thing = datastream.thing
        # a zone's price boards say nothing of how far its air stations are: each sensor type has a clock of its own
        before, after = int(roster.zone[row]), self._clocks.number(f"{thing.zone}|{datastream.sensor_type}")
        roster.zone[row] = after
        roster.clock[row] = after if thing.clock is Clock.DATA else WALL
        kind = roster.kind[row] = self._kind_of(datastream)
        for watch in self._watches.values():
            if watch.uses.enabled[kind] or (self._silence is not None and watch is self._silence.watch):
                watch.place(row)
        if self._silence is not None:
            self._silence.place(row, int(self._lateness[kind]))
        moved = self._neighbour(row) or before != after
        grouped = self._bins.group_of(row) != ALONE
        roster.its_zone[row] = after if grouped or thing.clock is Clock.DATA else -1
        if moved and roster.newest[row] != NEVER:
            self._rebuild_clocks([before, after])

    def _neighbour(self, row: int) -> bool:
        """Put a row among its neighbours, if any detector looks at these; whether it was elsewhere before."""
        datastream, kind = self._roster.datastreams[row], self._roster.kind[row]
        watching = [panel for panel in self._panels.values() if panel.uses.enabled[kind]]
        for panel in watching:
            panel.place(row, datastream)
        left = self._bins.group_of(row)
        if watching:
            thing, zone = datastream.thing, int(self._roster.zone[row])
            name, interval = f"{thing.zone}|{datastream.sensor_type}", max(datastream.interval, 1)
            wall = thing.clock is Clock.WALL
            moved = self._bins.join(row, name, zone, interval, int(self._lateness[kind]), wall)
        else:
            moved = self._bins.leave(row)
        for group in {left, self._bins.group_of(row)} - {ALONE}:
            for panel in self._panels.values():
                panel.forget_layout(group)
        return moved

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
            watches: dict[str, Watch | PanelWatch] = {**self._watches, **self._panels}
            for name, watch in watches.items():
                use = by_name.get(name)
                watch.uses.add(use, None if use is None else watch.detector.parameters_of(use.parameters, datastream))
        return kind

    def _rebuild_clocks(self, zones: Iterable[int]) -> None:
        for zone in zones:
            rows = self._roster.of_zone(zone)
            self._clocks.rebuild(zone, self._roster.thing[rows], self._roster.newest[rows])

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
            declared = self._roster.news(frame.header)
            if part and (declared or size + len(frame) > MOST_OBSERVATIONS):
                yield part
                part, size = [], 0
            if declared:
                self._declare(declared, int(frame.ingested_at.max(initial=frame.header.tick or 0)), out)
            part.append(frame)
            size += len(frame)
        if part:
            yield part

    def _observe(self, frames: Joined, out: list[Anomaly]) -> None:
        roster = self._roster
        rows = roster.find(frames.datastream)
        tick = int(self._clocks.now[WALL])
        shown = Shown(self._clocks, frames, roster.clock[rows], roster.its_zone[rows], roster.thing[rows])
        if len(self._bins):
            self._gather(rows, frames, shown, frames.wall(tick))
        order = self._in_order(rows, frames.time)
        at = rows.take(order)
        roster.touch(at)
        result = frames.result.take(order)
        # a sentinel is the device's word for having no result
        quality = frames.quality.take(order)
        finite = np.isfinite(result) & (frames.tests.take(order) & Test.SENTINEL == 0)
        measured = finite & (quality != Quality.NOT_EVALUATED)  # serviced or calibrated: it did not measure its place
        passed = measured & (quality != Quality.FAIL)
        kinds = roster.kind.take(at)
        laid: dict[bytes, tuple[Runs, Index, Times]] = {}

        def lay(mask: npt.NDArray[np.bool_]) -> tuple[Runs, Index, Times]:
            key = mask.tobytes()
            if key not in laid:
                chosen = runs(rows, frames.time, frames.result, order if mask.all() else order[mask])
                laid[key] = chosen, roster.kind.take(chosen.at), frames.ingested_at.take(chosen.order)
            return laid[key]

        if self._silence is not None:
            if shown.first_tick is not None:
                self._silence.begin(shown.first_tick)
            chosen, _, _ = lay(finite & self._silence.watch.uses.enabled.take(kinds))
            all_kinds = roster.kind[: len(self)]
            of_things, of_rows = self._silence.spoke(
                chosen, rows, all_kinds, self._lateness.take(all_kinds), shown, frames
            )
            self._say_of_things(self._silence, of_things, out)
            self._say(self._silence.watch, of_rows, out)
        for watch in self._scoring:
            chosen, its_kinds, came_in = lay(
                (measured if watch.detector.sees_failed else passed) & watch.uses.enabled.take(kinds)
            )
            if len(chosen):
                self._say(watch, watch.update(chosen, its_kinds, came_in), out)
        for group, closed in self._bins.close(self._clocks, shown, frames.came_in) if len(self._bins) else ():
            self._take_bins(group, closed, out)

    def _gather(self, rows: npt.NDArray[np.int32], frames: Joined, shown: Shown, walls: Times) -> None:
        """Put what has neighbours and passed the quality tests into bins."""
        groups = np.where(rows == UNKNOWN, ALONE, self._bins.groups_of(np.where(rows == UNKNOWN, 0, rows)))
        passed = (groups != ALONE) & np.isfinite(frames.result) & (frames.tests & Test.SENTINEL == 0)
        passed &= (frames.quality != Quality.NOT_EVALUATED) & (frames.quality != Quality.FAIL)
        at = np.flatnonzero(passed)
        self._bins.take(
            rows[at].astype(np.intp), frames.time[at], frames.result[at], groups[at], shown.zone_before[at], walls[at]
        )

    def _take_bins(self, group: int, closed: Closed, out: list[Anomaly]) -> None:
        interval = self._bins.groups[group].interval
        for name, panel in self._panels.items():
            self._say_of(panel, panel.update(self._layout(name, group), closed, interval), out)

    def close(self, came_in: int) -> list[Anomaly]:
        """At the end of a recording: what opens or ends by the bins that still wait. Nothing may be applied afterwards."""
        out: list[Anomaly] = []
        for group, closed in self._bins.close_all(came_in):
            self._take_bins(group, closed, out)
        return out

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
        newest = np.where(first, self._roster.newest.take(at), np.concatenate([[NEVER], times[:-1]]))
        if not (times > newest).all():
            newest = highest_so_far(first, newest)
            in_time = times > newest
            order, at, times = order[in_time], at[in_time], times[in_time]
        self._roster.newest[at] = times  # of several, the last one stays, and it is the newest
        return order

    # ------------------------------------------------------------ anomalies

    def _say(self, watch: Watch, changes: Iterable[Change], out: list[Anomaly]) -> None:
        for change in changes:
            datastream = self._roster.datastreams[change.row]
            subject = Subject(datastream.id, Scope.DATASTREAM, datastream, (change.row,))
            severity = watch.uses.severity[self._roster.kind[change.row]]
            out.append(_anomaly(subject, watch.detector, severity, change, self._calibrate))

    def _say_of_things(self, silence: Silence, changes: Iterable[Change], out: list[Anomaly]) -> None:
        """Of a Thing of which one Datastream only has ever spoken, what is silent is this Datastream."""
        for change in changes:
            several, row = divmod(change.opening.about, MANY)
            datastream = self._roster.datastreams[row]
            scope = Scope.THING if several else Scope.DATASTREAM
            subject = Subject(datastream.thing.id if several else datastream.id, scope, datastream, (row,))
            severity = silence.watch.uses.severity[self._roster.kind[row]]
            out.append(_anomaly(subject, silence.watch.detector, severity, change, self._calibrate))

    def _say_of(self, panel: PanelWatch, changes: Iterable[Change], out: list[Anomaly]) -> None:
        for change in changes:
            subject = panel.subjects[change.row]
            severity = panel.uses.severity[self._roster.kind[subject.members[0]]]
            out.append(_anomaly(subject, panel.detector, severity, change, self._calibrate))

    # ------------------------------------------------------------ checkpoints

    def changed_chunks(self, *, whole: bool) -> dict[int, bytes]:
        """Chunk number → bytes of those that changed since `mark_clean`.

        From 0 on they hold the state of rows, from -2 down the declarations of rows, which seldom change; -1 holds
        the clocks.
        """
        chunks = self._roster.changed(whole=whole)
        chunks |= {-2 - number: raw for number, raw in self._roster.declared(whole=whole).items()}
        chunks[CLOCKS_CHUNK] = _encoder.encode({"tick": int(self._clocks.now[WALL]), "zones": self._clocks.kept()})
        tables = self._tables()
        for place, (name, own, rows) in enumerate(tables, 1):
            for number, kept in rows.changed(whole=whole):
                chunks[place * TABLE_CHUNKS + number] = _encoder.encode(_KeptTable(name, own, kept))
        for (group, number), waiting in self._bins.changed(whole=whole):
            place = len(tables) + 1 + group
            chunks[place * TABLE_CHUNKS + number] = _encoder.encode(waiting)
        return chunks

    def _tables(self) -> list[tuple[str, bool, Table]]:
        """Detector, whether it is the one of its subjects beside its Datastreams, and the table, in their order."""
        out = [(name, False, watch.table) for name, watch in self._watches.items()]
        if self._silence is not None:
            out.append((self._silence.watch.detector.name, True, self._silence.things.table))
        for name, panel in self._panels.items():
            out.append((name, False, panel.state))
            if not panel.by_datastream:
                out.append((name, True, panel.own))
        return out

    def mark_clean(self) -> None:
        """All that changed so far is kept."""
        self._roster.mark_clean()
        self._bins.mark_clean()
        for _, _, rows in self._tables():
            rows.mark_clean()

    def restore(self, chunks: Mapping[int, bytes]) -> None:
        """Take over a checkpoint. A detector whose state has another schema migrates it, or warms up again."""
        for number in sorted((number for number in chunks if number < CLOCKS_CHUNK), reverse=True):
            for datastream in declarations(chunks[number]):
                self._configure(self._roster.put(datastream, UNKNOWN))
        tables = {(name, own): rows for name, own, rows in self._tables()}
        for number in sorted(number for number in chunks if number >= 0):
            if number < TABLE_CHUNKS:
                self._roster.restore(number, chunks[number])
                continue
            kept = _kept.decode(chunks[number])
            if isinstance(kept, KeptBins):
                self._bins.restore(kept)
            elif (kept.detector, kept.own) in tables:
                watch = self._watches.get(kept.detector) or self._panels[kept.detector]
                migrate = getattr(watch.detector, "migrate_own" if kept.own else "migrate", None)
                tables[kept.detector, kept.own].restore(kept.rows, migrate)
        for group in range(len(self._bins)):
            for name in self._panels:
                self._layout(name, group)  # whom open anomalies are about
        if CLOCKS_CHUNK in chunks:
            clocks = msgspec.msgpack.decode(chunks[CLOCKS_CHUNK], type=_Clocks)
            self._clocks.tick(clocks.tick)
            self._clocks.restore(clocks.zones)
        self._rebuild_clocks(set(self._roster.zone[: len(self)].tolist()))
        if self._silence is not None:
            self._silence.look_again()
        self.mark_clean()


class _KeptTable(msgspec.Struct, tag="table"):
    detector: str
    own: bool
    rows: KeptRows


class _Clocks(msgspec.Struct):
    tick: int
    zones: dict[str, int]


_encoder = msgspec.msgpack.Encoder()
_kept = msgspec.msgpack.Decoder(_KeptTable | KeptBins)


def _anomaly(
    subject: Subject,
    detector: Detector | PanelDetector,
    severity: Severity,
    change: Change,
    calibrate: Calibrate,
) -> Anomaly:
    datastream, opening = subject.datastream, change.opening
    kind, detected_at, ends_at = detector.kinds[opening.kind], change.detected_at, change.ends_at
    result, low, high = _known(change.result), _known(change.low), _known(change.high)
    anomaly = Anomaly(
        id=anomaly_id(subject.identity, kind, detector.name, detected_at),
        revision=Revision(detected_at, 1) if ends_at is None else Revision(max(ends_at, detected_at), 2),
        scope=subject.scope,
        subject=subject.identity,
        datastream=datastream.id if subject.scope is Scope.DATASTREAM else None,
        agency=datastream.thing.agency,
        thing=subject.thing,
        datastream_name=subject.name,
        zone=datastream.thing.zone,
        kind=kind,
        detector=detector.name,
        severity=severity,
        starts_at=change.starts_at,
        detected_at=detected_at,
        ends_at=ends_at,
        score=calibrate(detector.name, kind, change.score, ended=ends_at is not None),
        result=result,
        expected_low=low,
        expected_high=high,
        unit=subject.unit,
        explanation="",
        ingested_at=change.ingested_at,
        evidence=opening.evidence,
        facts=opening.facts,
    )
    finding = Finding.of(anomaly, datastream.interval)
    sentences = {"explanation": explain(finding, "en"), "explanation_zh": explain(finding, "zh")}
    return msgspec.structs.replace(anomaly, **sentences)


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None

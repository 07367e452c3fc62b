"""One detector that looks at neighbours, over all neighbourhoods of a partition: closed bins in, changes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aedilis.identity import stable_id
from aedilis.vocabulary import Datastream, Scope, Thing
from detectors.core.columns import Columns
from detectors.core.interface import Floats, Times, Verdict
from detectors.core.panel import Panel, PanelDetector
from detectors.core.runs import Index
from streams.detecting.bins import Closed
from streams.detecting.table import Change, Table
from streams.detecting.uses import Uses
from streams.detecting.watch import Scored, opening_of

ABSENT = -1
KM_A_DEGREE = 111.2
"""Of a great circle, on a sphere of 6,371 km."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom an anomaly is about."""

    identity: int
    scope: Scope
    datastream: Datastream  # itself, or the first one of the Thing or of the zone's column
    members: tuple[int, ...]  # rows of the engine

    @property
    def thing(self) -> str:
        """Its name, `*` for a zone."""
        return "*" if self.scope is Scope.ZONE else self.datastream.thing.name

    @property
    def name(self) -> str:
        """The Datastream's name, `*` for a Thing."""
        return "*" if self.scope is Scope.THING else self.datastream.name

    @property
    def unit(self) -> str:
        """Of results and band; a Thing as a whole has none."""
        return "" if self.scope is Scope.THING else self.datastream.unit


@dataclass(frozen=True, slots=True)
class Layout:
    """A neighbourhood as one detector sees it: t Things, c columns, s subjects."""

    rows: Index  # of the engine, (t, c), ABSENT where there is none
    columns: tuple[str, ...]
    properties: tuple[str, ...]
    east: Floats
    north: Floats
    states: Index  # rows of the state, (t, c); 0 where there is none
    subjects: tuple[Subject, ...]
    own: Index  # rows of the subjects, (s,)
    of_cell: Index  # the place of each cell's subject, (t, c); ABSENT
    subject_kinds: Index  # (s,)
    there: npt.NDArray[np.bool_]  # whether there is a Datastream, (t, c)
    known: Index  # the rows of the engine that are here, rising,
    cells: Index  # and the cell of each, counted row by row
    parameters: Columns  # (t, c, …)

    def cells_of(self, rows: Index) -> Index:
        """The cell of each of some rows of the engine, ABSENT of those that are not here."""
        place = np.minimum(np.searchsorted(self.known, rows), len(self.known) - 1)
        return np.where(self.known.take(place) == rows, self.cells.take(place), ABSENT)


class PanelWatch:
    """The subjects of one detector."""

    def __init__(self, detector: PanelDetector, scored: Scored | None = None) -> None:
        self.detector = detector
        self.uses = Uses(detector.parameters)
        self.by_datastream = detector.scope is Scope.DATASTREAM
        self.state = Table(detector.state, detector.schema, detector.fresh)
        self.own = self.state if self.by_datastream else Table(detector.own, detector.schema, detector.fresh_own)
        """Of the subjects: it has the decisions."""
        self._scored = scored
        self._layouts: dict[int, Layout] = {}
        self.subjects: dict[int, Subject] = {}
        """By their row in `own`."""

    def place(self, row: int, datastream: Datastream) -> None:
        """From now on it watches a row of the engine."""
        self.state.row(row)
        if not self.by_datastream:
            self.own.row(_identity(self.detector.scope, datastream))

    def forget_layout(self, group: int) -> None:
        """Who belongs to a neighbourhood has changed."""
        self._layouts.pop(group, None)

    # ------------------------------------------------------------ layout

    def layout(self, group: int, members: Iterable[int], datastreams: Sequence[Datastream], kinds: Index) -> Layout:
        """How the members of a neighbourhood lie; `kinds` is of all rows of the engine."""
        known = self._layouts.get(group)
        if known is None:
            mine = [row for row in sorted(members) if self.uses.enabled[kinds[row]]]
            known = self._layouts[group] = self._lay(mine, datastreams, kinds)
        return known

    def _lay(self, members: list[int], datastreams: Sequence[Datastream], kinds: Index) -> Layout:
        things = {one.id: one for one in (datastreams[row].thing for row in members)}
        names = {datastreams[row].name: datastreams[row].observed_property for row in members}
        down = {identity: i for i, identity in enumerate(sorted(things))}
        across = {name: i for i, name in enumerate(sorted(names))}
        shape = (len(down), len(across))
        rows, states = np.full(shape, ABSENT, np.intp), np.zeros(shape, np.intp)
        for row in members:
            at = down[datastreams[row].thing.id], across[datastreams[row].name]
            rows[at], states[at] = row, self.state.row(row)
        subjects, of_cell = self._subjects(rows, datastreams)
        for one in subjects:
            self.subjects[self.own.row(self._owner(one))] = one
        east, north = _places([things[identity] for identity in sorted(things)])
        any_kind = int(kinds[members[0]]) if members else 0
        there = rows != ABSENT
        kind_of = np.where(there, kinds[np.where(there, rows, 0)], any_kind)
        cells = np.flatnonzero(there)
        known = rows.ravel()[cells]
        order = np.argsort(known)
        return Layout(
            rows=rows,
            columns=tuple(sorted(names)),
            properties=tuple(names[name] for name in sorted(names)),
            east=east,
            north=north,
            states=states,
            subjects=subjects,
            own=np.array([self.own.row(self._owner(one)) for one in subjects], np.intp),
            of_cell=of_cell,
            subject_kinds=np.array([kinds[one.members[0]] for one in subjects], np.intp),
            there=there,
            known=known[order],
            cells=cells[order],
            parameters=self.uses.parameters_of(kind_of) if members else {},
        )

    def _owner(self, subject: Subject) -> int:
        return subject.members[0] if self.by_datastream else subject.identity

    def _subjects(self, rows: Index, datastreams: Sequence[Datastream]) -> tuple[tuple[Subject, ...], Index]:
        scope = self.detector.scope
        of_cell = np.full(rows.shape, ABSENT, np.intp)
        found: list[Subject] = []
        for down, across in _cells(scope, rows.shape):
            members = tuple(int(row) for row in rows[down, across].ravel() if row != ABSENT)
            if scope is Scope.DATASTREAM and not members:
                continue
            first = datastreams[members[0]]
            cells = of_cell[down, across]
            cells[rows[down, across] != ABSENT] = len(found)
            of_cell[down, across] = cells
            found.append(Subject(_identity(scope, first), scope, first, members))
        return tuple(found), of_cell

    def vanished(self, before: Layout, after: Layout) -> list[int]:
        """Rows of subjects that were in a neighbourhood and are in it no more."""
        left = set(before.own.tolist()) - set(after.own.tolist())
        return sorted(left)

    # ------------------------------------------------------------ bins

    def update(self, layout: Layout, closed: Closed, interval: int) -> list[Change]:
        """Take closed bins of a neighbourhood; the rows of the changes are those of `own`."""
        if not layout.subjects:
            return []
        result, at = _grid(layout, closed)
        panel = Panel(
            closed.starts,
            result,
            layout.there,
            layout.columns,
            layout.properties,
            layout.east,
            layout.north,
            interval,
        )
        there, states = layout.there, layout.states
        state = {name: _rows_of(column, states) for name, column in self.state.state.items()}
        own: Columns = {}
        if not self.by_datastream:
            own = {name: _rows_of(column, layout.own) for name, column in self.own.state.items()}
        verdict = self.detector.update(state, own, layout.parameters, panel)
        places = states[there]
        for name, column in self.state.state.items():
            column[places] = state[name][there]
        self.state.touch(places)
        if not self.by_datastream:
            for name, column in self.own.state.items():
                column[layout.own] = own[name]
            self.own.touch(layout.own)
        verdict = self._flat(verdict, there)
        if self._scored is not None:
            self._tell_scores(layout, closed, verdict)
        return self._decide(layout, closed, verdict, *self._of_subjects(layout, result, at))

    def _flat(self, verdict: Verdict, there: npt.NDArray[np.bool_]) -> Verdict:
        """With one axis of subjects: `(b, s)`, evidence and facts `(k, b, s)`."""
        if not self.by_datastream:
            return verdict
        pick = (slice(None), there)
        more = (slice(None), slice(None), there)
        return Verdict(
            verdict.score[pick],
            verdict.expected_low[pick],
            verdict.expected_high[pick],
            verdict.starts_at[pick],
            None if verdict.kind is None else verdict.kind[pick],
            None if verdict.evidence is None else verdict.evidence[more],
            None if verdict.facts is None else verdict.facts[more],
        )

    def _of_subjects(self, layout: Layout, result: Floats, at: Times) -> tuple[Floats, Times, npt.NDArray[np.bool_]]:
        """Result, time of the newest Observation, and whether there was one, of each subject in each bin; `(b, s)`."""
        there = layout.there
        measured = ~np.isnan(result)
        if self.by_datastream:
            return result[:, there], at[:, there], measured[:, there]
        axis = 2 if self.detector.scope is Scope.THING else 1
        some: npt.NDArray[np.bool_] = np.logical_or.reduce(measured, axis=axis)
        value = np.full(some.shape, np.nan)
        if self.detector.scope is Scope.ZONE and some.any():
            value[some] = _medians(result, some)
        return value, at.max(axis=axis), some

    def _decide(
        self,
        layout: Layout,
        closed: Closed,
        verdict: Verdict,
        result: Floats,
        at: Times,
        measured: npt.NDArray[np.bool_],
    ) -> list[Change]:
        table, uses = self.own, self.uses
        limits = uses.limits[layout.subject_kinds]
        high = (verdict.score >= uses.open.take(layout.subject_kinds)) & measured
        concerned = table.busy.take(layout.own) | high.any(axis=0)
        changes: list[Change] = []
        if not concerned.any():
            return changes
        names = layout.columns if self.detector.evidence == ("*",) else self.detector.evidence
        for b in np.flatnonzero((measured & concerned).any(axis=1)).tolist():
            part = np.flatnonzero(measured[b] & concerned & (high[b] | table.busy.take(layout.own)))
            if not len(part):
                continue
            rows = layout.own[part]
            opened, ended = table.decide(
                rows, limits[part], at[b, part], verdict.score[b, part], verdict.starts_at[b, part]
            )
            table.touch(rows)
            for i in np.flatnonzero(opened | ended).tolist():
                row, place = int(rows[i]), int(part[i])
                if opened[i]:
                    table.openings[row] = opening_of(names, self.detector.facts, verdict, (b, place))
                changes.append(
                    table.change(
                        row,
                        ends_at=int(at[b, place]) if ended[i] else None,
                        result=float(result[b, place]),
                        low=float(verdict.expected_low[b, place]),
                        high=float(verdict.expected_high[b, place]),
                        ingested_at=int(closed.came_in[b]),
                    )
                )
        return changes

    def _tell_scores(self, layout: Layout, closed: Closed, verdict: Verdict) -> None:
        assert self._scored is not None
        cell = layout.cells_of(closed.rows)
        seen = cell != ABSENT
        subject = layout.of_cell.ravel()[cell[seen]]
        score = verdict.score[closed.bins[seen], subject]
        self._scored(self.detector.name, closed.rows[seen], closed.times[seen], score)


def _identity(scope: Scope, datastream: Datastream) -> int:
    """Of the subject that a Datastream belongs to."""
    if scope is Scope.ZONE:
        return stable_id("zone", datastream.thing.zone, datastream.sensor_type, datastream.name)
    return datastream.thing.id if scope is Scope.THING else datastream.id


def _cells(scope: Scope, shape: tuple[int, ...]) -> Iterable[tuple[slice, slice]]:
    """The part of the grid that each subject has, in the order of the verdict's subjects."""
    down, across = shape
    every = slice(None)
    if scope is Scope.THING:
        return [(slice(i, i + 1), every) for i in range(down)]
    if scope is Scope.ZONE:
        return [(every, slice(i, i + 1)) for i in range(across)]
    return [(slice(i, i + 1), slice(j, j + 1)) for i in range(down) for j in range(across)]


def _rows_of(column: npt.NDArray[Any], rows: Index) -> npt.NDArray[Any]:
    """Some rows of a column of a table. `np.take` would first copy a whole column that lies number by number."""
    return column.take(rows) if column.ndim == 1 else np.ascontiguousarray(column[rows])


def _grid(layout: Layout, closed: Closed) -> tuple[Floats, Times]:
    """Results, NaN where there is none, and times, the bin's beginning where there is none; `(b, t, c)`."""
    shape = (len(closed.starts), *layout.rows.shape)
    result = np.full(shape, np.nan)
    at = np.broadcast_to(closed.starts[:, None, None], shape).copy()
    cell = layout.cells_of(closed.rows)
    seen = cell != ABSENT
    places = closed.bins[seen] * layout.rows.size + cell[seen]
    result.ravel()[places] = closed.results[seen]
    at.ravel()[places] = closed.times[seen]
    return result, at


def _medians(result: Floats, some: npt.NDArray[np.bool_]) -> Floats:
    """Of the Things that have a result, where there are some; `result` `(b, t, c)`, `some` `(b, c)`."""
    columns = result.transpose(0, 2, 1)[some]
    columns.sort(axis=1)  # NaN goes to the end
    many = (~np.isnan(columns)).sum(axis=1)
    at = np.arange(len(columns))
    medians: Floats = 0.5 * (columns[at, (many - 1) // 2] + columns[at, many // 2])
    return medians


def _places(things: Sequence[Thing]) -> tuple[Floats, Floats]:
    """km east and north of their middle, NaN where no Location is known."""
    nowhere = float("nan")
    places = [(one.location.longitude, one.location.latitude) if one.location else (nowhere, nowhere) for one in things]
    longitude, latitude = np.array(places, np.float64).reshape(-1, 2).T
    known = np.isfinite(longitude)
    if not known.any():
        return longitude.copy(), latitude.copy()
    middle = [0.5 * (axis[known].min() + axis[known].max()) for axis in (longitude, latitude)]
    shrink = np.cos(np.radians(middle[1]))
    return (longitude - middle[0]) * KM_A_DEGREE * shrink, (latitude - middle[1]) * KM_A_DEGREE

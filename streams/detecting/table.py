"""What one detector remembers of its subjects: state, decisions, and of those that are open what spoke for them.

A subject has a row from when it is first watched, in the order in which they came; it keeps it for good. Rows are cut
into chunks for the checkpoints, so many that none is too large.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Evidence
from detectors.core.columns import Columns, grown, table
from detectors.core.decision import DECISION_STATE, decide
from detectors.core.interface import Floats, Times
from detectors.core.runs import Index

CHUNK_BYTES = 160_000
"""About as much a chunk holds, far from the 256 KiB that it may."""
Mask = npt.NDArray[np.bool_]


class Opening(msgspec.Struct, frozen=True):
    """What was said when an anomaly opened, and holds until it ends."""

    kind: int = 0  # its place among the detector's kinds
    evidence: tuple[Evidence, ...] = ()
    facts: dict[str, float] = {}
    about: int = 0  # whom it was told of, where the row alone does not say that


class KeptRows(msgspec.Struct):
    """Some rows in a checkpoint. Columns lie number by number, without the zeros at the end."""

    first: int
    owners: bytes
    schema: int
    layout: list[tuple[str, str, tuple[int, ...]]]  # of the state: field, type, shape
    state: dict[str, bytes]
    busy: bytes  # the rows of decisions that are not at rest, counted from `first`
    decisions: dict[str, bytes]
    openings: dict[int, Opening]  # by row, counted from `first`


@dataclass(frozen=True, slots=True)
class Change:
    """An anomaly of a row opened, or ended if `ends_at` is set. NaN is not known."""

    row: int
    starts_at: int
    detected_at: int
    ends_at: int | None
    score: float
    result: float
    low: float
    high: float
    ingested_at: int
    opening: Opening


Migrate = Callable[[int, Columns], Columns | None]
"""(schema, columns of the older state) → columns of the state, None: nothing of it can be used."""


class Table:
    """Rows of subjects. `fresh` gives the state of so many new ones."""

    def __init__(self, layout: np.dtype[np.void], schema: int, fresh: Callable[[int], Columns]) -> None:
        self._layout, self._schema, self._fresh = layout, schema, fresh
        self._per_chunk = max(1, min(1_024, CHUNK_BYTES // (layout.itemsize + DECISION_STATE.itemsize + 16)))
        self._rows: dict[int, int] = {}
        self.owners = np.zeros(16, np.int64)
        self.state = fresh(16)
        self.decisions = table(np.zeros(16, DECISION_STATE), DECISION_STATE)
        self.busy = np.zeros(16, bool)
        """Rows that are open, or count high or low scores."""
        self.openings: dict[int, Opening] = {}
        self._dirty = np.zeros(1, bool)

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, owner: int) -> int | None:
        """The row of a subject that has one."""
        return self._rows.get(owner)

    def row(self, owner: int) -> int:
        """The row of a subject, a new one if it has none."""
        row = self._rows.get(owner)
        if row is None:
            row = self._rows[owner] = len(self._rows)
            if row == len(self.owners):
                self._grow()
            self.owners[row] = owner
            self._dirty[row // self._per_chunk] = True
        return row

    def _grow(self) -> None:
        more = len(self.owners)
        self.owners = np.concatenate([self.owners, np.zeros(more, np.int64)])
        self.state = grown(self.state, self._fresh(more))
        self.decisions = grown(self.decisions, table(np.zeros(more, DECISION_STATE), DECISION_STATE))
        self.busy = np.concatenate([self.busy, np.zeros(more, bool)])
        chunks = -(-len(self.owners) // self._per_chunk)
        self._dirty = np.concatenate([self._dirty, np.zeros(chunks - len(self._dirty), bool)])

    # ------------------------------------------------------------ decisions

    def is_open(self, rows: Index) -> Mask:
        """Of each of some rows."""
        return self.decisions["open"].take(rows)

    def decide(
        self, rows: Index, limits: npt.NDArray[np.void], time: Times, score: Floats, starts_at: Times
    ) -> tuple[Mask, Mask]:
        """Which of some rows open and which end with this score; all shapes are `(n,)`, no row stands twice."""
        part = {name: column.take(rows) for name, column in self.decisions.items()}
        opened, closed = decide(part, limits, time, score, starts_at)
        for name, column in part.items():
            self.decisions[name][rows] = column
        self.busy[rows] = part["open"] | (part["high"] > 0) | (part["low"] > 0)
        return opened, closed

    def change(
        self, row: int, *, ends_at: int | None, result: float, low: float, high: float, ingested_at: int
    ) -> Change:
        """What happened to a row, as its decision stands; of one that ended the opening is forgotten."""
        decisions = self.decisions
        opening = self.openings.get(row, Opening())
        if ends_at is not None:
            self.openings.pop(row, None)
        return Change(
            row,
            int(decisions["starts_at"][row]),
            int(decisions["opened_at"][row]),
            ends_at,
            float(decisions["peak"][row]),
            result,
            low,
            high,
            ingested_at,
            opening,
        )

    def end(self, row: int, at: int, ingested_at: int) -> Change:
        """An open row is no longer watched; `at` (µs) is its newest time."""
        ends_at = max(at, int(self.decisions["opened_at"][row]))
        nan = float("nan")
        change = self.change(row, ends_at=ends_at, result=nan, low=nan, high=nan, ingested_at=ingested_at)
        for column in self.decisions.values():
            column[row] = 0
        self.busy[row] = False
        self.touch(row)
        return change

    # ------------------------------------------------------------ checkpoints

    def touch(self, rows: Index | int) -> None:
        """These rows changed."""
        self._dirty[rows // self._per_chunk] = True

    def mark_clean(self) -> None:
        """All that changed so far is kept."""
        self._dirty[:] = False

    def changed(self, *, whole: bool) -> list[tuple[int, KeptRows]]:
        """Number and content of the chunks that changed since `mark_clean`, or of all."""
        used = -(-len(self) // self._per_chunk)
        numbers = range(used) if whole else np.flatnonzero(self._dirty[:used]).tolist()
        return [(number, self._kept(number)) for number in numbers]

    def _kept(self, number: int) -> KeptRows:
        first = number * self._per_chunk
        part = slice(first, min(first + self._per_chunk, len(self)))
        busy = np.flatnonzero(self.busy[part])
        return KeptRows(
            first,
            self.owners[part].tobytes(),
            self._schema,
            [(name, self._layout[name].base.str, self._layout[name].shape) for name in self._layout.names or ()],
            {name: packed(column, part) for name, column in self.state.items()},
            busy.astype(np.int32).tobytes(),
            {name: column[part][busy].tobytes() for name, column in self.decisions.items()},
            {row - first: self.openings[row] for row in range(part.start, part.stop) if row in self.openings},
        )

    def restore(self, kept: KeptRows, migrate: Migrate | None) -> None:
        """Take over some rows. A state of another schema is migrated if that can be, else it warms up again."""
        owners = np.frombuffer(kept.owners, np.int64).tolist()
        for owner in owners:
            self.row(owner)
        part = slice(kept.first, kept.first + len(owners))
        columns = self._columns(kept, len(owners), migrate)
        if columns is None:
            return
        for name, column in self.state.items():
            column[part] = columns[name]
        rows = part.start + np.frombuffer(kept.busy, np.int32)
        for name, column in self.decisions.items():
            column[rows] = np.frombuffer(kept.decisions[name], column.dtype)
        self.busy[rows] = True
        self.openings |= {kept.first + row: opening for row, opening in kept.openings.items()}

    def _columns(self, kept: KeptRows, n: int, migrate: Migrate | None) -> Columns | None:
        columns = {name: unpacked(kept.state[name], n, np.dtype((base, shape))) for name, base, shape in kept.layout}
        if kept.schema == self._schema:
            return columns
        return None if migrate is None else migrate(kept.schema, columns)


def packed(column: npt.NDArray[Any], part: slice) -> bytes:
    """Some rows of a column, number by number, without the zeros at the end (the hours of a weekend not kept apart)."""
    return column[part].T.tobytes().rstrip(b"\0")


def unpacked(raw: bytes, n: int, field: np.dtype[Any]) -> npt.NDArray[Any]:
    """The n rows that `packed` gave; `field` is the type of one row, with its shape."""
    there = np.empty((n, *field.shape), field.base).T
    return np.frombuffer(raw.ljust(there.nbytes, b"\0"), field.base).reshape(there.shape).T


def unpack(raw: bytes, column: npt.NDArray[Any], part: slice) -> None:
    """Put back what `packed` gave."""
    column[part] = unpacked(raw, part.stop - part.start, np.dtype((column.dtype, column.shape[1:])))


def told(names: tuple[str, ...], strengths: Floats, fact_names: tuple[str, ...], facts: Floats, kind: int) -> Opening:
    """An opening from one subject's column of a verdict: shapes `(k,)` and `(f,)`."""
    total = 0.0
    for strength in strengths.tolist():
        total += strength
    shares = [
        Evidence(name, round(strength / total, 4))
        for name, strength in zip(names, strengths.tolist(), strict=True)
        if total > 0 and strength > 0
    ]
    known: Mapping[str, float] = {
        name: fact for name, fact in zip(fact_names, facts.tolist(), strict=True) if np.isfinite(fact)
    }
    return Opening(kind, tuple(sorted(shares, key=lambda one: (-one.share, one.name))), dict(known))

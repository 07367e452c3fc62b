"""One detector over all rows of a partition: its state, what decides when a score is an anomaly, and what changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Severity
from detectors.core.columns import Columns, grown, table
from detectors.core.decision import DECISION_PARAMETERS, DECISION_STATE, decide
from detectors.core.interface import Detector
from detectors.core.runs import Index, Runs

Times = npt.NDArray[np.int64]
Kept = tuple[int, dict[str, bytes], bytes, dict[str, bytes]]
"""Of some rows: schema, columns of the state, the rows of open decisions among them, columns of these decisions."""


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


class Watch:
    """The rows of one detector. What types declare is the same for many rows: it is held for each kind of Datastream."""

    def __init__(self, detector: Detector, capacity: int) -> None:
        self.detector = detector
        self.state = detector.fresh(capacity)
        self.decision = table(np.zeros(capacity, DECISION_STATE), DECISION_STATE)
        self.busy = np.zeros(capacity, bool)
        """Rows that are open, or count high or low scores."""
        # of each kind
        self.enabled = np.zeros(0, bool)
        self.severity: list[Severity] = []
        self.parameters = table(np.zeros(0, detector.parameters), detector.parameters)
        self.limits = np.zeros(0, DECISION_PARAMETERS)
        self._open = self._calm = np.zeros(0)

    def grow(self, capacity: int) -> None:
        """Room for more rows."""
        more = capacity - len(self.busy)
        self.state = grown(self.state, self.detector.fresh(more))
        self.decision = grown(self.decision, table(np.zeros(more, DECISION_STATE), DECISION_STATE))
        self.busy = np.concatenate([self.busy, np.zeros(more, bool)])

    def add_kind(
        self,
        severity: Severity | None,
        parameters: tuple[object, ...] | None,
        limits: tuple[float, float, int, int] | None,
    ) -> None:
        """One more kind of Datastream; None: this detector does not watch it."""
        self.enabled = np.append(self.enabled, parameters is not None)
        self.severity.append(severity or Severity.NOTICE)
        layout = self.detector.parameters
        row = np.zeros(1, layout) if parameters is None else np.array([parameters], layout)
        self.parameters = grown(self.parameters, table(row, layout))
        self.limits = np.append(self.limits, np.array([limits or (np.inf, np.inf, 1, 1)], DECISION_PARAMETERS))
        self._open = self.limits["open"].copy()
        self._calm = np.minimum(self.limits["open"], self.limits["close"])

    def parameters_of(self, kinds: Index) -> Columns:
        """The parameters of each of n kinds."""
        return {name: column.take(kinds) for name, column in self.parameters.items()}

    def update(self, runs: Runs, kinds: Index, ingested_at: Times) -> list[Change]:
        """Take observations; `kinds` and `ingested_at` are of each of them, in the order of the runs."""
        verdict = self.detector.update(self.state, self.parameters_of(kinds), runs)
        self.score = verdict.score
        high = verdict.score >= self._open.take(kinds)
        busy = self.busy.take(runs.rows)
        if not (busy.any() or high.any()):
            return []
        concerned = np.zeros(len(self.busy), bool)
        concerned[runs.rows[busy]] = True
        concerned[runs.at[high]] = True
        chosen = self._passing_by(np.flatnonzero(concerned.take(runs.at)), runs, kinds, verdict.score)
        changes = []
        for start, end in zip(runs.cuts, runs.cuts[1:], strict=False):
            part = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, end)]
            if not len(part):
                continue
            rows, time = runs.at[part], runs.time[part]
            decision = self._take(rows)
            opened, closed = decide(
                decision, self.limits[kinds[part]], time, verdict.score[part], verdict.starts_at[part]
            )
            self._put(rows, decision)
            for i in np.flatnonzero(opened | closed).tolist():
                at = part[i]
                changes.append(
                    self.change(
                        int(rows[i]),
                        ends_at=int(time[i]) if closed[i] else None,
                        result=float(runs.result[at]),
                        low=float(verdict.expected_low[at]),
                        high=float(verdict.expected_high[at]),
                        ingested_at=int(ingested_at[at]),
                    )
                )
        return changes

    def _passing_by(self, chosen: Index, runs: Runs, kinds: Index, score: npt.NDArray[np.float64]) -> Index:
        """Without those of open rows that have no low score: nothing happens to these but that their peak rises."""
        at, score = runs.at[chosen], score[chosen]
        steady = self.decision["open"].copy()
        steady[at[score < self._calm[kinds[chosen]]]] = False
        stays = steady.take(at)
        np.maximum.at(self.decision["peak"], at[stays], score[stays])
        self.decision["low"][at[stays]] = 0
        rest: Index = chosen[~stays]
        return rest

    def change(
        self, row: int, *, ends_at: int | None, result: float, low: float, high: float, ingested_at: int
    ) -> Change:
        """What happened to a row, as its decision stands."""
        decision = self.decision
        return Change(
            row,
            int(decision["starts_at"][row]),
            int(decision["opened_at"][row]),
            ends_at,
            float(decision["peak"][row]),
            result,
            low,
            high,
            ingested_at,
        )

    def end(self, row: int, at: int, ingested_at: int) -> Change:
        """An open row is no longer watched; `at` (µs) is its newest time."""
        ends_at = max(at, int(self.decision["opened_at"][row]))
        nan = float("nan")
        change = self.change(row, ends_at=ends_at, result=nan, low=nan, high=nan, ingested_at=ingested_at)
        for column in self.decision.values():
            column[row] = 0
        self.busy[row] = False
        return change

    def _take(self, rows: Index) -> Columns:
        return {name: column.take(rows) for name, column in self.decision.items()}

    def _put(self, rows: Index, decision: Columns) -> None:
        for name, column in decision.items():
            self.decision[name][rows] = column
        self.busy[rows] = decision["open"] | (decision["high"] > 0) | (decision["low"] > 0)

    # ------------------------------------------------------------ checkpoints

    def kept(self, part: slice) -> Kept:
        """Schema, state and open decisions of some rows."""
        open_rows = np.flatnonzero(self._counts(part))
        decision = {name: column[part][open_rows] for name, column in self.decision.items()}
        return (
            self.detector.schema,
            {name: packed(column, part) for name, column in self.state.items()},
            open_rows.astype(np.int32).tobytes(),
            {name: column.tobytes() for name, column in decision.items()},
        )

    def restore(self, part: slice, kept: Kept) -> None:
        """Take over what was kept; a state of another schema warms up again."""
        schema, state, open_rows, decision = kept
        if self.detector.schema != schema:
            return
        for name, column in self.state.items():
            unpack(state[name], column, part)
        rows = part.start + np.frombuffer(open_rows, np.int32)
        for name, column in self.decision.items():
            column[rows] = np.frombuffer(decision[name], column.dtype)
        self.busy[part] = self._counts(part)

    def _counts(self, part: slice) -> npt.NDArray[np.bool_]:
        """Rows that are open, or count high or low scores: of the others a decision remembers nothing."""
        open_, high, low = (self.decision[name][part] for name in ("open", "high", "low"))
        counts: npt.NDArray[np.bool_] = open_ | (high > 0) | (low > 0)
        return counts


def packed(column: npt.NDArray[Any], part: slice) -> bytes:
    """Some rows of a column, number by number, without the zeros at the end (the hours of a weekend not kept apart)."""
    return column[part].T.tobytes().rstrip(b"\0")


def unpack(raw: bytes, column: npt.NDArray[Any], part: slice) -> None:
    """Put back what `packed` gave."""
    there = column[part].T
    there[...] = np.frombuffer(raw.ljust(there.nbytes, b"\0"), column.dtype).reshape(there.shape)

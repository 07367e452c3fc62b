"""One detector that looks at each Datastream by itself, over all rows of a partition: scores, and what changed by them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.core.interface import Detector, Floats, Times, Verdict
from detectors.core.runs import Index, Runs
from streams.detecting.table import Change, Opening, Table, told
from streams.detecting.uses import Uses

NOWHERE = -1
Scored = Callable[[str, Index, Times, Floats], None]
"""Is told what a detector made of some Observations: its name, their rows in the engine, times and scores, `(n,)`."""


class Watch:
    """The rows of one detector; the engine's rows are its owners."""

    def __init__(self, detector: Detector, scored: Scored | None = None) -> None:
        self.detector = detector
        self.uses = Uses(detector.parameters)
        self.table = Table(detector.state, detector.schema, detector.fresh)
        self._scored = scored
        self._place = np.full(64, NOWHERE, np.intp)

    def place(self, row: int) -> None:
        """From now on it watches a row of the engine."""
        if row >= len(self._place):
            self._place = np.concatenate([self._place, np.full(max(len(self._place), row), NOWHERE, np.intp)])
        self._place[row] = self.table.row(row)

    def is_open(self, row: int) -> bool:
        """Of one row of the engine."""
        own = self.table.find(row)
        return own is not None and bool(self.table.decisions["open"][own])

    def end(self, row: int, at: int, ingested_at: int) -> Change:
        """An open row of the engine is no longer watched; `at` (µs) is its newest time."""
        return self._of_engine(self.table.end(self.table.row(row), at, ingested_at))

    def update(self, runs: Runs, kinds: Index, ingested_at: Times) -> list[Change]:
        """Take observations; `kinds` and `ingested_at` are of each of them, in the order of the runs.

        The rows of the runs and of the changes are the engine's.
        """
        table = self.table
        own = dataclasses.replace(runs, rows=self._place.take(runs.rows), at=self._place.take(runs.at))
        verdict = self.detector.update(table.state, self.uses.parameters_of(kinds), own)
        table.touch(own.rows)
        if self._scored is not None:
            self._scored(self.detector.name, runs.at, runs.time, verdict.score)
        high = verdict.score >= self.uses.open.take(kinds)
        busy = table.busy.take(own.rows)
        if not (busy.any() or high.any()):
            return []
        concerned = np.zeros(len(table.busy), bool)
        concerned[own.rows[busy]] = True
        concerned[own.at[high]] = True
        chosen = self._passing_by(np.flatnonzero(concerned.take(own.at)), own, kinds, verdict.score)
        changes = []
        for start, end in zip(own.cuts, own.cuts[1:], strict=False):
            part = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, end)]
            if not len(part):
                continue
            rows, time = own.at[part], own.time[part]
            limits = self.uses.limits[kinds[part]]
            opened, closed = table.decide(rows, limits, time, verdict.score[part], verdict.starts_at[part])
            for i in np.flatnonzero(opened | closed).tolist():
                at, row = part[i], int(rows[i])
                if opened[i]:
                    table.openings[row] = opening_of(self.detector.evidence, self.detector.facts, verdict, at)
                changes.append(
                    self._of_engine(
                        table.change(
                            row,
                            ends_at=int(time[i]) if closed[i] else None,
                            result=float(own.result[at]),
                            low=float(verdict.expected_low[at]),
                            high=float(verdict.expected_high[at]),
                            ingested_at=int(ingested_at[at]),
                        )
                    )
                )
        return changes

    def _of_engine(self, change: Change) -> Change:
        return dataclasses.replace(change, row=int(self.table.owners[change.row]))

    def _passing_by(self, chosen: Index, runs: Runs, kinds: Index, score: npt.NDArray[np.float64]) -> Index:
        """Without those of open rows that have no low score: nothing happens to these but that their peak rises."""
        decisions = self.table.decisions
        at, score = runs.at[chosen], score[chosen]
        steady = decisions["open"].copy()
        steady[at[score < self.uses.calm[kinds[chosen]]]] = False
        stays = steady.take(at)
        np.maximum.at(decisions["peak"], at[stays], score[stays])
        decisions["low"][at[stays]] = 0
        rest: Index = chosen[~stays]
        return rest


def opening_of(names: tuple[str, ...], facts: tuple[str, ...], verdict: Verdict, at: Any) -> Opening:
    """What a verdict says at one place of its columns. Without strengths the first of the names is all."""
    place = tuple(np.atleast_1d(at))
    if verdict.evidence is not None:
        strengths = verdict.evidence[(slice(None), *place)]
    else:
        names = names[:1]
        strengths = np.ones(len(names))
    return told(
        names,
        strengths,
        facts if verdict.facts is not None else (),
        np.zeros(0) if verdict.facts is None else verdict.facts[(slice(None), *place)],
        0 if verdict.kind is None else int(verdict.kind[place]),
    )

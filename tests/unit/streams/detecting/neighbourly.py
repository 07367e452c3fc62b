"""Small detectors of neighbours, one of each scope, to try the engine with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream, Scope
from detectors.core.columns import Columns
from detectors.core.interface import Declared, Floats, Verdict
from detectors.core.panel import Panel

MANY = 50.0


class Crowd:
    """Counts results above `MANY`, and how many bins in a row there were some; each subclass asks of another subject."""

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]] = ("few", "many")
    evidence: ClassVar[tuple[str, ...]] = ("now", "before")
    facts: ClassVar[tuple[str, ...]] = ("bins",)
    scope: ClassVar[Scope]
    schema: ClassVar[int] = 1
    parameters: ClassVar[np.dtype[np.void]] = np.dtype([("least", "f8")])
    state: ClassVar[np.dtype[np.void]] = np.dtype([("sum", "f8"), ("seen", "f4", (3,))])
    own: ClassVar[np.dtype[np.void]] = np.dtype([("run", "i8")])
    defaults: ClassVar[Mapping[str, Any]] = {"least": 1.0}

    def fresh(self, n: int) -> Columns:
        return {"sum": np.zeros(n), "seen": np.zeros((n, 3), np.float32)}

    def fresh_own(self, n: int) -> Columns:
        return {"run": np.zeros(n, np.int64)}

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        return (Declared(self.name, self.defaults, declared).number("least"),)

    def update(self, state: Columns, own: Columns, parameters: Columns, panel: Panel) -> Verdict:
        scores, runs, sums = [], [], []
        for result in panel.result:
            now = np.where(np.isnan(result), 0.0, result)
            state["sum"] += now
            state["seen"][..., :2] = state["seen"][..., 1:]
            state["seen"][..., 2] = now
            high = self._count(now > MANY)
            least = self._first(parameters["least"])
            run = own["run"] if own else self._count(state["seen"][..., 1] > MANY)
            if own:
                own["run"][...] = np.where(high >= least, own["run"] + 1, 0)
            scores.append(np.where(high >= least, 1.0, 0.2))
            runs.append(np.array(run, np.float64))
            sums.append(self._count(state["sum"] > 100 * MANY).astype(np.float64))
        score, run_, sum_ = (np.array(each) for each in (scores, runs, sums))
        nan = np.full(score.shape, np.nan)
        begins = np.broadcast_to(panel.time.reshape(-1, *[1] * (score.ndim - 1)), score.shape).copy()
        evidence: Floats = np.array([score, sum_])
        return Verdict(score, nan, nan + MANY, begins, (sum_ > 0).astype(np.intp), evidence, run_[None])

    def _count(self, high: Any) -> Any:
        raise NotImplementedError

    def _first(self, values: Any) -> Any:
        raise NotImplementedError


class Each(Crowd):
    """Of a Datastream: it and one neighbour at least are high."""

    name = "each"
    scope = Scope.DATASTREAM

    def _count(self, high: Any) -> Any:
        return np.where(high, high.sum(axis=0, keepdims=True) - 1, 0)

    def _first(self, values: Any) -> Any:
        return values


class Whole(Crowd):
    """Of a Thing."""

    name = "whole"
    scope = Scope.THING
    evidence = ("*",)

    def update(self, state: Columns, own: Columns, parameters: Columns, panel: Panel) -> Verdict:
        found = super().update(state, own, parameters, panel)
        shares = np.where(np.isnan(panel.result), 0.0, np.maximum(panel.result, 0.0)).transpose(2, 0, 1)
        return Verdict(
            found.score, found.expected_low, found.expected_high, found.starts_at, found.kind, shares, found.facts
        )

    def _count(self, high: Any) -> Any:
        return high.sum(axis=1)

    def _first(self, values: Any) -> Any:
        return values.max(axis=1)


class Zonal(Crowd):
    """Of a column of a zone."""

    name = "zonal"
    scope = Scope.ZONE

    def _count(self, high: Any) -> Any:
        return high.sum(axis=0)

    def _first(self, values: Any) -> Any:
        return values.max(axis=0)


NEIGHBOURLY = {one.name: one for one in (Each(), Whole(), Zonal())}

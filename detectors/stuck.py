"""Stuck: the same result again and again, which no live sensor gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns
from detectors.core.interface import NEVER, Declared, Times, Verdict, never
from detectors.core.runs import Runs
from detectors.core.words import Phrase, Words


class Stuck:
    """Score 1 from the `count`-th equal result in a row on; below it at most 0.5."""

    name: ClassVar[str] = "stuck"
    kinds: ClassVar[tuple[str, ...]] = ("stuck",)
    evidence: ClassVar[tuple[str, ...]] = ("own history",)
    facts: ClassVar[tuple[str, ...]] = ("results", "tolerance")
    words: ClassVar[Mapping[str, Words]] = {
        "stuck": Words(
            Phrase("the same result again and again[, {results} times]", "结果长时间不变[，连续 {results} 次]"),
            normal=Phrase("a result that differs[ by more than {tolerance}]", "有变化的结果[，变化大于 {tolerance}]"),
        )
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "own history": Phrase("its own history", "自身历史"),
        "results": Phrase("equal results", "相同结果数"),
        "tolerance": Phrase("what passes for equal", "视为相同的差值"),
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype([("count", "i8"), ("tolerance", "f8"), ("ignore_up_to", "f8")])
    state: ClassVar[np.dtype[np.void]] = np.dtype([("last", "f8"), ("run", "i8"), ("since", "i8")])
    defaults: ClassVar[Mapping[str, Any]] = {"count": 24, "tolerance": 0.0, "ignore_up_to": -np.inf}

    def fresh(self, n: int) -> Columns:
        """Nothing seen."""
        return {"last": np.full(n, np.nan), "run": np.zeros(n, np.int64), "since": np.full(n, NEVER, np.int64)}

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """count: equal results in a row. tolerance: what passes for equal, in the unit. ignore_up_to: results up to
        this are no sign (no rain, nobody at night, less than the instrument can tell), in the unit."""
        values = Declared(self.name, self.defaults, declared)
        return values.count("count", least=2), values.number("tolerance", least=0), values.number("ignore_up_to")

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`."""
        rows, time, result = runs.rows, runs.time, runs.result
        last, run, since = state["last"].take(rows), state["run"].take(rows), state["since"].take(rows)
        tolerance, count = parameters["tolerance"], parameters["count"]
        ignored = result <= parameters["ignore_up_to"]
        length, begun = np.empty(len(runs), np.int64), np.empty(len(runs), np.int64)
        with np.errstate(invalid="ignore", over="ignore"):
            for m, part in runs.rounds():
                same = np.abs(result[part] - last[:m]) <= tolerance[part]
                run[:m] = np.where(same, run[:m] + 1, 1)
                run[:m][ignored[part]] = 0
                np.copyto(since[:m], time[part], where=~(same & (run[:m] > 1)))
                np.copyto(last[:m], result[part], where=~same)
                length[part], begun[part] = run[:m], since[:m]
        state["last"][rows], state["run"][rows], state["since"][rows] = last, run, since
        score = np.where(length >= count, 1.0, 0.5 * length / count)
        unknown = np.full(len(score), np.nan)
        facts = np.stack([length, np.where(tolerance > 0, tolerance, np.nan)])
        return Verdict(score, unknown, unknown.copy(), begun, facts=facts)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)

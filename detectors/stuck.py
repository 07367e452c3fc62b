"""Stuck: the same result again and again, which no live sensor gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.interface import NEVER, Declared, Floats, Table, Times, Verdict, never


class Stuck:
    """Score 1 from the `count`-th equal result in a row on; below it at most 0.5."""

    name: ClassVar[str] = "stuck"
    kind: ClassVar[str] = "stuck"
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype([("count", "i8"), ("tolerance", "f8"), ("ignore_up_to", "f8")])
    state: ClassVar[np.dtype[np.void]] = np.dtype([("last", "f8"), ("run", "i8"), ("since", "i8")])
    defaults: ClassVar[Mapping[str, Any]] = {"count": 24, "tolerance": 0.0, "ignore_up_to": -np.inf}

    def fresh(self, n: int) -> Table:
        """Nothing seen."""
        state = np.zeros(n, self.state)
        state["last"] = np.nan
        state["since"] = NEVER
        return state

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """count: equal results in a row. tolerance: what passes for equal, in the unit. ignore_up_to: results up to
        this are no sign (no rain, nobody at night, less than the instrument can tell), in the unit."""
        values = Declared(self.name, self.defaults, declared)
        return values.count("count", least=2), values.number("tolerance", least=0), values.number("ignore_up_to")

    def update(self, state: Table, parameters: Table, time: Times, result: Floats) -> Verdict:
        """See `Detector.update`."""
        last = state["last"].copy()
        with np.errstate(invalid="ignore", over="ignore"):
            same = np.abs(result - last) <= parameters["tolerance"]
        run = np.where(same, state["run"] + 1, 1)
        run = np.where(result <= parameters["ignore_up_to"], 0, run)
        state["since"] = np.where(same & (run > 1), state["since"], time)
        state["run"] = run
        state["last"] = np.where(same, last, result)
        score = np.where(run >= parameters["count"], 1.0, 0.5 * run / parameters["count"])
        unknown = np.full(len(score), np.nan)
        return Verdict(score, unknown, unknown.copy(), state["since"].copy())

    def deadline(self, state: Table, parameters: Table) -> Times:
        """It does not watch silence."""
        return never(state)

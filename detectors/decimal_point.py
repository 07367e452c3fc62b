"""Decimal point: a price several times the last one, or a fraction of it, as a slipped point or a missing digit makes it.

No neighbours are asked: no market moves so far from one quote to the next, not even all of them together. The last price stays
what others are measured by until `patience` quotes in a row say otherwise; then it is the price (a new unit, a new currency).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns
from detectors.core.interface import Declared, Times, Verdict, never
from detectors.core.runs import Runs
from detectors.core.words import Phrase, Words


class DecimalPoint:
    """Score 0.95 at `factor` times the last price, or that part of it; what is no price (zero, negative) scores nothing."""

    name: ClassVar[str] = "decimal_point"
    kinds: ClassVar[tuple[str, ...]] = ("decimal",)
    evidence: ClassVar[tuple[str, ...]] = ("own history",)
    facts: ClassVar[tuple[str, ...]] = ()
    names: ClassVar[Mapping[str, Phrase]] = {
        "own history": Phrase("its own history", "自身历史"),
    }
    words: ClassVar[Mapping[str, Words]] = {
        "decimal": Words(Phrase("a slipped decimal point or a missing digit", "小数点错位或缺位"))
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype([("factor", "f8"), ("patience", "i8")])
    state: ClassVar[np.dtype[np.void]] = np.dtype([("last", "f8"), ("slips", "i8")])
    defaults: ClassVar[Mapping[str, Any]] = {"factor": 4.5, "patience": 3}

    def fresh(self, n: int) -> Columns:
        """Nothing seen."""
        return {"last": np.full(n, np.nan), "slips": np.zeros(n, np.int64)}

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """factor: how many times the last price, or which part of it. patience: such quotes in a row that make a price."""
        values = Declared(self.name, self.defaults, declared)
        return float(np.log(values.number("factor", above=1, most=1e6))), values.count("patience", least=2, most=1000)

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`."""
        rows = runs.rows
        last, slips = state["last"].take(rows), state["slips"].take(rows)
        price = np.log(np.where(runs.result > 0, runs.result, np.nan))
        limit, patience = parameters["factor"], parameters["patience"]
        move, before = np.empty(len(runs)), np.empty(len(runs))
        for m, part in runs.rounds():
            now = price[part]
            before[part] = last[:m]
            move[part] = np.abs(now - last[:m])  # NaN: nothing to compare
            slips[:m] = np.where(move[part] >= limit[part], slips[:m] + 1, 0)
            taken = (slips[:m] == 0) | (slips[:m] >= patience[part])
            move[part] = np.where(taken & (slips[:m] > 0), 0.0, move[part])
            slips[:m] = np.where(taken, 0, slips[:m])
            last[:m] = np.where(taken & ~np.isnan(now), now, last[:m])
        state["last"][rows], state["slips"][rows] = last, slips
        known = ~np.isnan(move)
        sure = np.where(known, move / limit, 0.0) ** 2
        score = sure**4 / (sure**4 + 1.0 / 19.0)  # steep: half the way is nothing
        low, high = (np.exp(np.minimum(before + side * limit, 709.0)) for side in (-1.0, 1.0))
        return Verdict(score, low, high, runs.time.copy())

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)

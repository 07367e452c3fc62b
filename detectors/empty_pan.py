"""Empty pan: a scale that does not come back to zero when nothing lies on it.

Results within `band` of zero are those of an empty pan; what is heavier was weighed and says nothing. The scale is in order
while its zero is on average within `allowed` divisions, above and below, given all before: half of one by default, which
rounds to the digit beside zero. Zero shall be set to a quarter of a division (OIML R 76-1:2006, 4.5.2, quoted from memory),
so a quarter is left for drift. `detectors.parts.wealth` bets against both sides. What stands below zero is drift, or a tray
that was taken off after it was tared; what stands above is paid for by each buyer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER, Declared, Times, Verdict, never
from detectors.core.runs import Runs
from detectors.core.words import Phrase, Words
from detectors.parts import wealth

SIDES = np.array([[1.0], [-1.0]])
DEEPEST = 5.0


class EmptyPan:
    """Bets on both sides of zero; 61 bytes a Datastream."""

    name: ClassVar[str] = "empty_pan"
    kinds: ClassVar[tuple[str, ...]] = ("zero_below", "zero_above")
    evidence: ClassVar[tuple[str, ...]] = ("own history",)
    facts: ClassVar[tuple[str, ...]] = ("results", "mean")
    words: ClassVar[Mapping[str, Words]] = {
        "zero_below": Words(
            Phrase("the empty pan stands below zero[, {mean} on average]", "空秤示值低于零[，平均 {mean}]"),
            normal=Phrase("zero", "零"),
        ),
        "zero_above": Words(
            Phrase("the empty pan stands above zero[, {mean} on average]", "空秤示值高于零[，平均 {mean}]"),
            normal=Phrase("zero", "零"),
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "own history": Phrase("its own history", "自身历史"),
        "results": Phrase("results", "结果数"),
        "mean": Phrase("mean", "平均值"),
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("allowed", "f8"), ("band", "f8"), ("unit", "f8"), ("limit", "f8")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(wealth.fields(2 * len(wealth.STAKES)))
    defaults: ClassVar[Mapping[str, Any]] = {"division": 5.0, "band": 20.0, "allowed": 0.5, "years": 1000.0}

    def fresh(self, n: int) -> Columns:
        """Nothing staked."""
        state = np.zeros(n, self.state)
        state["since"] = state["newest"] = NEVER
        return table(state, self.state)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """division: of the scale, in the unit. band: results that far from zero are still those of an empty pan, in the
        unit. allowed: divisions that zero may be off. years: of a scale from one false alarm to the next, on average at
        least."""
        values = Declared(self.name, self.defaults, declared)
        division = values.number("division", above=0, most=1e9)
        allowed = division * values.number("allowed", least=0, most=1000)
        band = values.number("band", above=0, most=1e9)
        if band <= allowed:
            raise ValueError(f"detector empty_pan: expected band to be wider than what is allowed, got {band:g}")
        return allowed, band, division, wealth.threshold(values.number("years", above=0, most=1e9))

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`."""
        p = parameters
        empty = np.abs(runs.result) <= p["band"]
        zero = np.where(empty, runs.result, 0.0)
        gains = np.minimum(np.maximum((SIDES * zero + p["allowed"]) / p["unit"], -DEEPEST), 1.0)
        taken = wealth.held(state, runs.rows)
        score, since = np.empty(len(runs)), np.empty(len(runs), np.int64)
        above, facts = np.empty(len(runs), np.intp), np.empty((2, len(runs)))
        for m, part in runs.rounds():
            score[part], since[part] = wealth.bet(
                taken, gains[:, part], wealth.STAKES, runs.time[part], zero[part], p["limit"][part], empty[part]
            )
            facts[0, part], facts[1, part] = taken["count"][:m], taken["mean"][:m]
            above[part] = wealth.richest(taken, m, len(wealth.STAKES))
        wealth.put_back(state, runs.rows, taken)
        return Verdict(score, -p["allowed"], p["allowed"].copy(), since, above, facts=facts)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)

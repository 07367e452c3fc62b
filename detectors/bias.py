"""Bias: a scale that on average shows too little, or too much, against verified weights.

Each weighing gives a deviation x: what was weighed at verification less what the stall said. Below zero the buyer got less
than he paid for. A scale is in order while the mean of

    gain = clip((x + allowed) / (2 divisions), -5, 1)

is not below 0, given all before: one weighing counts for no more than five ordinary ones, so a scale that errs by less than
its last digit is in order even if a tenth of its weighings are grossly wrong. `detectors.core.wealth` bets against that: false accusations come once in `years` stall-years at most, on
average. By default `allowed` is one and a half divisions: in use a scale of class III may err by one division up to 500
divisions and by two up to 2,000 (OIML R 76-1:2006, 3.5.1 and 3.5.2), and bags lie on both sides.

Only what is to the buyer's loss accuses (`short_bias`). The other side is the scale's own trouble (`over_bias`), and asks
for an adjustment. Single weighings against the law are `detectors.tolerance`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.core import wealth
from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER, Declared, Times, Verdict, never
from detectors.core.runs import Runs

DEEPEST = 5.0
"""Ordinary weighings that a single one counts for at most."""


class ShortBias:
    """To the buyer's loss: accuses. 65 bytes a Datastream."""

    name: ClassVar[str] = "short_bias"
    kinds: ClassVar[tuple[str, ...]] = ("short_bias",)
    evidence: ClassVar[tuple[str, ...]] = ()
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("side", "f8"), ("allowed", "f8"), ("unit", "f8"), ("limit", "f8")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(wealth.fields())
    defaults: ClassVar[Mapping[str, Any]] = {"loss": "below", "division": 5.0, "allowed": 1.5, "years": 1000.0}
    _turned: ClassVar[float] = 1.0

    def fresh(self, n: int) -> Columns:
        """Nothing staked."""
        state = np.zeros(n, self.state)
        state["since"] = state["newest"] = NEVER
        return table(state, self.state)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """loss: whether the buyer loses where the deviation is below zero, or above. division: of the scale, in the
        unit. allowed: divisions that the mean may be off. years: stall-years from one false alarm to the next, on
        average at least."""
        values = Declared(self.name, self.defaults, declared)
        side = 1.0 if values.word("loss", ("below", "above")) == "below" else -1.0
        division = values.number("division", above=0, most=1e9)
        allowed = division * values.number("allowed", least=0, most=1000)
        years = values.number("years", above=0, most=1e9)
        return side * self._turned, allowed, 2.0 * division, wealth.threshold(years)

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`."""
        p = parameters
        lost = np.minimum(np.maximum(p["side"] * runs.result, -1e30), 1e30)
        gains = np.minimum(np.maximum((lost + p["allowed"]) / p["unit"], -DEEPEST), 1.0)
        taken = wealth.held(state, runs.rows)
        score, since, always = np.empty(len(runs)), np.empty(len(runs), np.int64), np.ones(len(runs), np.bool_)
        for _, part in runs.rounds():
            score[part], since[part] = wealth.bet(
                taken, gains[None, part], wealth.STAKES, runs.time[part], p["limit"][part], always[part]
            )
        wealth.put_back(state, runs.rows, taken)
        below = p["side"] > 0
        return Verdict(score, np.where(below, -p["allowed"], np.nan), np.where(below, np.nan, p["allowed"]), since)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)


class OverBias(ShortBias):
    """To the buyer's gain: the scale wants adjusting."""

    name: ClassVar[str] = "over_bias"
    kinds: ClassVar[tuple[str, ...]] = ("over_bias",)
    _turned: ClassVar[float] = -1.0

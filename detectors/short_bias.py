"""Short bias: a scale by which buyers get too little on average, against verified weights.

Each weighing gives a deviation x: what was weighed at verification less what the stall said. Below zero the buyer got less
than he paid for. A scale is in order while the mean of

    gain = clip((x + allowed) / (2 divisions), -5, 1)

is not below 0, given all before: one weighing counts for no more than five ordinary ones, so a scale that errs by less than
its last digit is in order even if a tenth of its weighings are grossly wrong. `detectors.parts.wealth` bets against that:
false accusations come once in `years` stall-years on average, at most. By default `allowed` is one and a half divisions: in
use a scale of class III may err by one division up to 500 divisions and by two up to 2,000 (OIML R 76-1:2006, 3.5.1 and
3.5.2, quoted from memory), and bags lie on both sides.

Only what is to the buyer's loss accuses; the other side is `detectors.over_bias`. A single weighing against the law is
`detectors.short_weight`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER, Declared, Floats, Times, Verdict, never
from detectors.core.runs import Runs
from detectors.core.words import Phrase, Words
from detectors.parts import wealth

DEEPEST = 5.0
"""Ordinary weighings that a single one counts for at most."""


def gain(lost: Floats, allowed: Floats, unit: Floats) -> Floats:
    """See above; all in the deviation's unit."""
    return np.minimum(np.maximum((lost + allowed) / unit, -DEEPEST), 1.0)


class ShortBias:
    """To the buyer's loss: accuses. 45 bytes a Datastream."""

    name: ClassVar[str] = "short_bias"
    kinds: ClassVar[tuple[str, ...]] = ("short_bias",)
    evidence: ClassVar[tuple[str, ...]] = ("own history",)
    facts: ClassVar[tuple[str, ...]] = ("weighings", "mean")
    words: ClassVar[Mapping[str, Words]] = {
        "short_bias": Words(
            Phrase(
                "buyers get too little on average[, {mean} in {weighings} weighings]",
                "平均短秤[，{weighings} 次称量平均 {mean}]",
            ),
            normal=Phrase("no deviation on average", "平均无偏差"),
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "own history": Phrase("its own history", "自身历史"),
        "weighings": Phrase("weighings", "称量次数"),
        "mean": Phrase("mean deviation", "平均偏差"),
    }
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
        gains = gain(lost, p["allowed"], p["unit"])
        taken = wealth.held(state, runs.rows)
        score, since, always = np.empty(len(runs)), np.empty(len(runs), np.int64), np.ones(len(runs), np.bool_)
        facts = np.empty((2, len(runs)))
        for m, part in runs.rounds():
            score[part], since[part] = wealth.bet(
                taken, gains[None, part], wealth.STAKES, runs.time[part], lost[part], p["limit"][part], always[part]
            )
            facts[0, part], facts[1, part] = taken["count"][:m], p["side"][part] * taken["mean"][:m]
        wealth.put_back(state, runs.rows, taken)
        below, allowed = p["side"] > 0, p["allowed"]
        return Verdict(score, np.where(below, -allowed, np.nan), np.where(below, np.nan, allowed), since, facts=facts)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)

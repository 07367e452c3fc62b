"""Digits: results whose last digit is too often the same, as no instrument gives them and people do who write them down.

The last digit is that at the instrument's division: 0.73 kg on a scale that shows 0.01 kg has a 3. While no digit comes
more often than the share `usual`, given all before, the mean of

    gain = (usual - [this digit came]) / usual

is not below 0 for each of the ten, and `detectors.parts.wealth` bets against all of them. A uniform last digit is far
inside of that, whatever its order; a chi-square test would need a number of results fixed beforehand. Goods in packs of one
weight have a preference of their own: what is sold by the piece is not for this detector.
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

DIGITS = np.arange(10.0)[:, None]
STAKES = (0.3, 0.75)
"""Of the little that a digit that does not come is worth; bold enough for four and for eight results in ten."""
LARGEST = 1e15
"""Divisions; a float has no last digit beyond."""


class Digits:
    """Bets on each digit; 109 bytes a Datastream."""

    name: ClassVar[str] = "digits"
    kinds: ClassVar[tuple[str, ...]] = ("digits",)
    evidence: ClassVar[tuple[str, ...]] = ("own history",)
    facts: ClassVar[tuple[str, ...]] = ("results", "digit")
    words: ClassVar[Mapping[str, Words]] = {
        "digits": Words(
            Phrase("the last digit is too often the same[, a {digit}]", "末位数字过多重复[，多为 {digit}]"),
            normal=Phrase("last digits that come about equally often", "末位数字分布均匀"),
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "own history": Phrase("its own history", "自身历史"),
        "results": Phrase("results", "结果数"),
        "digit": Phrase("the digit", "末位数字"),
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype([("division", "f8"), ("usual", "f8"), ("limit", "f8")])
    state: ClassVar[np.dtype[np.void]] = np.dtype(wealth.fields(10 * len(STAKES)))
    defaults: ClassVar[Mapping[str, Any]] = {"division": 1.0, "usual": 0.2, "years": 1000.0}

    def fresh(self, n: int) -> Columns:
        """Nothing staked."""
        state = np.zeros(n, self.state)
        state["since"] = state["newest"] = NEVER
        return table(state, self.state)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """division: the step of the last digit, in the unit. usual: the share of results that one digit may have.
        years: of a Datastream from one false alarm to the next, on average at least."""
        values = Declared(self.name, self.defaults, declared)
        return (
            values.number("division", above=0, most=1e9),
            values.number("usual", least=0.1, most=0.9),
            wealth.threshold(values.number("years", above=0, most=1e9)),
        )

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`. Zero is no digit that was read: nothing was weighed."""
        p = parameters
        with np.errstate(over="ignore"):
            steps = np.abs(runs.result) / p["division"]
        has = steps < LARGEST
        steps = np.floor(np.where(has, steps, 0.0) + 0.5)
        has &= steps > 0.0
        gains = (p["usual"] - (np.fmod(steps, 10.0) == DIGITS)) / p["usual"]
        taken = wealth.held(state, runs.rows)
        score, since = np.empty(len(runs)), np.empty(len(runs), np.int64)
        facts, last = np.empty((2, len(runs))), np.fmod(steps, 10.0)
        for m, part in runs.rounds():
            score[part], since[part] = wealth.bet(
                taken, gains[:, part], STAKES, runs.time[part], last[part], p["limit"][part], has[part]
            )
            facts[0, part], facts[1, part] = taken["count"][:m], wealth.richest(taken, m, len(STAKES))
        wealth.put_back(state, runs.rows, taken)
        unknown = np.full(len(runs), np.nan)
        return Verdict(score, unknown, unknown.copy(), since, facts=facts)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)

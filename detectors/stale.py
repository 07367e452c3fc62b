"""Stale: the same price again and again, for longer than this price rests while others move.

Prices rest: of some goods for weeks. So each Datastream learns how often it repeats its price, apart for whether it repeated it
before, and for how many of the same goods elsewhere have moved since its last quote: none is known, none moved, up to half,
more. A repeated quote adds

    surprise = -log(how often it does so)

and the first other price ends the run. The score is 0.95 at `surprise`: at 8 a run would come once in three thousand, were
quotes independent of each other.

`stuck` counts equal results and knows no habits; of goods that rest for a month and others that move each day it cannot judge
both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Scope
from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER, Declared, Floats, Verdict
from detectors.core.panel import Grid, Panel
from detectors.core.words import Phrase, Words
from detectors.parts.sellers import Sellers

ALONE, QUIET, SOME, MOST = range(4)
"""How many of the same goods elsewhere moved."""
FIRST = np.array([0.35, 0.35, 0.35, 0.35, 0.5, 0.5, 0.5, 0.5])
"""How often a price is repeated before anything is learned; the second four are of those that were repeated before."""
RATE = 0.01
BEGINNING = 20.0
"""Quotes that the first guess counts for."""
RAREST, SUREST = 0.02, 0.98
"""No habit is believed to be stronger."""
LEAST_RUN = 5
SAME = 1e-9
"""Share of the price: what passes for equal."""


class Stale:
    """Runs of equal prices; 88 bytes a Datastream."""

    name: ClassVar[str] = "stale"
    kinds: ClassVar[tuple[str, ...]] = ("stale",)
    evidence: ClassVar[tuple[str, ...]] = ("own quotes", "the same goods elsewhere")
    facts: ClassVar[tuple[str, ...]] = ()
    words: ClassVar[Mapping[str, Words]] = {
        "stale": Words(
            Phrase("the same price for longer than it rests", "报价长时间未更新"),
            normal=Phrase("a new price", "有更新的报价"),
        )
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "own quotes": Phrase("its own quotes", "自身报价"),
        "the same goods elsewhere": Phrase("the same goods elsewhere", "他处同种商品"),
    }
    scope: ClassVar[Scope] = Scope.DATASTREAM
    schema: ClassVar[int] = 1
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("surprise", "f8"), ("warm_up", "i8"), ("every", "i8"), ("by_trade", "?")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("repeats", "f4", (8,)),
            ("last", "f8"),
            ("own", "f8"),  # surprise while none of the others moved, or none was known
            ("others", "f8"),  # while they did
            ("begun", "i8"),
            ("taken", "i8"),  # the newest quote
            ("moved", "i8"),  # the newest other price
            ("run", "i4"),
            ("count", "i4"),
        ]
    )
    own: ClassVar[np.dtype[np.void]] = np.dtype([])
    defaults: ClassVar[Mapping[str, Any]] = {"surprise": 8.0, "warm_up": 60, "every_s": 0.0, "by_trade": False}

    def fresh(self, n: int) -> Columns:
        """Nothing seen."""
        state = np.zeros(n, self.state)
        state["repeats"] = FIRST
        state["last"] = np.nan
        state["taken"] = state["moved"] = NEVER
        return table(state, self.state)

    def fresh_own(self, n: int) -> Columns:
        """Its subjects are Datastreams."""
        return {}

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """surprise: natural logarithm of how rare a run is told. warm_up: quotes of which nothing is told. every_s: quotes
        within so many seconds of the last one repeat it because nobody has written the board since. by_trade: the last part
        of the name is the kind of trade, see `sellers`."""
        values = Declared(self.name, self.defaults, declared)
        return (
            values.number("surprise", above=0, most=1000),
            values.count("warm_up", least=1),
            round(values.number("every_s", least=0, most=1e9) * 1e6),
            values.truth("by_trade"),
        )

    def update(self, state: Columns, own: Columns, parameters: Columns, panel: Panel) -> Verdict:
        """See `PanelDetector.update`."""
        sellers = Sellers(panel, bool(np.any(parameters["by_trade"] & panel.there)))
        laid, p, results = sellers.columns(state), sellers.columns(parameters), sellers.results(panel.result)
        laid["last"][~sellers.there] = np.nan
        laid["moved"][~sellers.there] = NEVER
        shape = results.shape
        unknown = np.full(shape, np.nan)
        out = Verdict(np.zeros(shape), unknown, unknown.copy(), np.zeros(shape, np.int64), None, np.zeros((2, *shape)))
        assert out.evidence is not None
        for b, (time, result) in enumerate(zip(panel.time.tolist(), results, strict=True)):
            there = ~np.isnan(result)
            _learn(laid, p, time, result, there)
            told = there & (laid["run"] >= LEAST_RUN) & (laid["count"] > p["warm_up"])
            out.score[b] = np.where(told, _score(laid["own"] + laid["others"], p["surprise"]), 0.0)
            out.starts_at[b] = np.where(laid["run"] > 0, laid["begun"], time)
            out.evidence[0, b], out.evidence[1, b] = laid["own"], laid["others"]
        sellers.keep(state, laid)
        return sellers.verdict(out)


def _score(surprise: Floats, limit: Floats) -> Floats:
    squared = (surprise / limit) ** 2
    score: Floats = squared / (squared + 1.0 / 19.0)
    return score


def _learn(s: Columns, p: Any, time: int, result: Floats, there: Grid) -> None:
    known = there & ~np.isnan(s["last"])
    with np.errstate(over="ignore"):
        same = known & (np.abs(result - s["last"]) <= SAME * np.abs(result))
    taken = there & (~same | (time - p["every"] >= s["taken"]))
    same &= taken
    moves = known & taken & ~same
    s["moved"][...] = np.where(moves, time, s["moved"])
    others = _others(s, moves)
    habit = (others + np.where(s["run"] > 0, 4, 0))[..., None]
    often = np.take_along_axis(s["repeats"], habit, axis=-1)[..., 0].astype(np.float64)
    surprise = -np.log(np.minimum(np.maximum(often, RAREST), SUREST))
    before = s["own"] + s["others"]
    for name, mine in (("own", others <= QUIET), ("others", others > QUIET)):
        s[name][...] = np.where(same, s[name] + np.where(mine, surprise, 0.0), np.where(taken, 0.0, s[name]))
    # a run that is nearly told is no habit
    learns = known & taken & ~(same & (before > 0.75 * p["surprise"]))
    rate = np.where(learns, np.maximum(RATE, 1.0 / (s["count"] + BEGINNING)), 0.0)
    np.put_along_axis(s["repeats"], habit, (often + rate * (same - often))[..., None].astype(np.float32), axis=-1)
    s["begun"][...] = np.where(taken & ~same, time, s["begun"])
    s["run"][...] = np.where(same, np.minimum(s["run"] + 1, 1_000_000), np.where(taken, 0, s["run"]))
    s["count"][...] = np.minimum(s["count"] + taken, 1_000_000)
    s["last"][...] = np.where(taken, result, s["last"])
    s["taken"][...] = np.where(taken, time, s["taken"])


def _others(s: Columns, moves: Grid) -> npt.NDArray[np.intp]:
    """How many of the same goods elsewhere moved since the newest quote of each; `moves`: itself now; `(t, c)`."""
    seen = ~np.isnan(s["last"])
    many = seen.sum(axis=0) - seen
    moved = -moves.astype(np.intp)
    for one in s["moved"]:  # Thing by Thing: no table of all pairs
        moved += one > s["taken"]
    share = np.where(moved == 0, QUIET, np.where(2 * moved <= many, SOME, MOST))
    return np.where(many == 0, ALONE, share)

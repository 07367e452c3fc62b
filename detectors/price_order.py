"""Price order: of one goods at one Thing, prices that must not stand the wrong way round.

    trade     retail is not below wholesale
    spread    minimum, mode and maximum, in this order

Which column is which is told by the last part of its Datastream's name, the goods by what stands before it:
`price/Beans/Retail`, `price/Beans/Wholesale`. A price is told that lies below one which it must not be below, by more than
`tolerance`; so it is the upper one of two that is told, whichever is wrong. That it lasts is asked of the decision (`n_open`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream, Scope
from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER, Declared, Floats, Verdict
from detectors.core.panel import Panel
from detectors.core.words import Phrase, Words

ORDERS = {"trade": ("wholesale", "retail"), "spread": ("minimum", "mode", "maximum")}
"""From below to above."""
KINDS = tuple(ORDERS)


class PriceOrder:
    """Score 0.95 where a price is `tolerance` below another one, 0 where it is not below; 16 bytes a Datastream."""

    name: ClassVar[str] = "price_order"
    kinds: ClassVar[tuple[str, ...]] = ("order",)
    evidence: ClassVar[tuple[str, ...]] = ("the rule",)
    facts: ClassVar[tuple[str, ...]] = ()
    names: ClassVar[Mapping[str, Phrase]] = {
        "the rule": Phrase("the rule", "限值规定"),
    }
    words: ClassVar[Mapping[str, Words]] = {
        "order": Words(Phrase("prices of one goods stand the wrong way round", "同一商品价格倒挂")),
    }
    scope: ClassVar[Scope] = Scope.DATASTREAM
    schema: ClassVar[int] = 1
    parameters: ClassVar[np.dtype[np.void]] = np.dtype([("order", "i8"), ("tolerance", "f8"), ("within", "i8")])
    state: ClassVar[np.dtype[np.void]] = np.dtype([("last", "f8"), ("quoted", "i8")])
    own: ClassVar[np.dtype[np.void]] = np.dtype([])
    defaults: ClassVar[Mapping[str, Any]] = {"order": "trade", "tolerance": 0.05, "within_s": 0.0}

    def fresh(self, n: int) -> Columns:
        """Nothing seen."""
        state = np.zeros(n, self.state)
        state["last"], state["quoted"] = np.nan, NEVER
        return table(state, self.state)

    def fresh_own(self, n: int) -> Columns:
        """Its subjects are Datastreams."""
        return {}

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """order: trade or spread. tolerance: how far below another one it may be, as a share; minimum, mode and maximum
        need none. within_s: for how many seconds a quote is compared; 0: with those of the same bin only."""
        values = Declared(self.name, self.defaults, declared)
        return (
            KINDS.index(values.word("order", ORDERS)),
            values.number("tolerance", least=0, most=1),
            round(values.number("within_s", least=0, most=1e9) * 1e6),
        )

    def update(self, state: Columns, own: Columns, parameters: Columns, panel: Panel) -> Verdict:
        """See `PanelDetector.update`."""
        shape = panel.result.shape
        out = Verdict(np.zeros(shape), np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, np.int64))
        state["last"][~panel.there] = np.nan
        pairs = [pair for order, words in enumerate(ORDERS.values()) for pair in _pairs(panel.columns, order, words)]
        for b, (time, result) in enumerate(zip(panel.time.tolist(), panel.result, strict=True)):
            there = ~np.isnan(result)
            state["last"][...] = np.where(there, result, state["last"])
            state["quoted"][...] = np.where(there, time, state["quoted"])
            fresh = time - parameters["within"] <= state["quoted"]
            out.starts_at[b] = time
            for order, lower, upper in pairs:
                floor = np.where(
                    fresh[:, lower] & (parameters["order"][:, upper] == order), state["last"][:, lower], np.nan
                )
                least = floor * (1.0 - parameters["tolerance"][:, upper])
                score = np.where(
                    there[:, upper], _score(result[:, upper], floor, parameters["tolerance"][:, upper]), 0.0
                )
                out.score[b, :, upper] = np.maximum(out.score[b, :, upper], score)
                out.expected_low[b, :, upper] = np.fmax(out.expected_low[b, :, upper], least)
        return out


def _pairs(columns: tuple[str, ...], order: int, words: tuple[str, ...]) -> list[tuple[int, int, int]]:
    """(order, column below, column above) of all goods."""
    of_goods: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for column, name in enumerate(columns):
        goods, _, word = name.rpartition("/")
        if word.lower() in words:
            of_goods[goods][word.lower()] = column
    return [
        (order, found[lower], found[upper])
        for found in of_goods.values()
        for i, lower in enumerate(words)
        for upper in words[i + 1 :]
        if lower in found and upper in found
    ]


def _score(price: Floats, floor: Floats, tolerance: Floats) -> Floats:
    """0.95 at the tolerance, and at once where there is none."""
    with np.errstate(over="ignore", invalid="ignore"):
        below = (floor - price) / np.abs(floor)
        below = np.where(below > 0, below, 0.0)  # NaN: nothing to compare
        squared = np.minimum(below / np.maximum(tolerance, 1e-9), 1e6) ** 2
    score: Floats = squared / (squared + 1.0 / 19.0)
    return score

"""Stall: one scale that gives less than the others of its market do.

As `detectors.short_bias`, but against what the market's scales deviate by at the same time: the median of the others. What errs for
all of them, such as the scale that verifies, accuses none; and where all are a little short, one that is much more so is
still found. With fewer than `fewest` others in a bin it says nothing. If most of a market gives short weight together, only
`detectors.short_bias` can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Scope
from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER, Declared, Floats, Verdict
from detectors.core.panel import Panel
from detectors.core.words import Phrase, Words
from detectors.parts import wealth
from detectors.short_bias import gain

LARGEST = 1e30


class Stall:
    """A Datastream against the others of its Thing, or against those of its name; 45 bytes a Datastream."""

    name: ClassVar[str] = "stall"
    kinds: ClassVar[tuple[str, ...]] = ("short_stall",)
    evidence: ClassVar[tuple[str, ...]] = ("other scales",)
    facts: ClassVar[tuple[str, ...]] = ("weighings", "mean", "others")
    words: ClassVar[Mapping[str, Words]] = {
        "short_stall": Words(
            Phrase(
                "this scale gives less than the others of its market[, {mean} against {others}]",
                "短秤多于同市场其他秤[，平均 {mean}，其他为 {others}]",
            ),
            normal=Phrase("a deviation like that of the others", "与其他秤相近的偏差"),
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "other scales": Phrase("the other scales of the hall", "同场其他秤"),
        "weighings": Phrase("weighings", "称量次数"),
        "mean": Phrase("mean deviation", "平均偏差"),
        "others": Phrase("that of the others", "其他秤偏差"),
    }
    scope: ClassVar[Scope] = Scope.DATASTREAM
    schema: ClassVar[int] = 1
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("side", "f8"), ("allowed", "f8"), ("unit", "f8"), ("limit", "f8"), ("fewest", "i8"), ("zone", "?")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(wealth.fields())
    own: ClassVar[np.dtype[np.void]] = np.dtype([])
    defaults: ClassVar[Mapping[str, Any]] = {
        "loss": "below",
        "division": 5.0,
        "allowed": 1.5,
        "years": 1000.0,
        "peers": "thing",
        "fewest": 4,
    }

    def fresh(self, n: int) -> Columns:
        """Nothing staked."""
        state = np.zeros(n, self.state)
        state["since"] = state["newest"] = NEVER
        return table(state, self.state)

    def fresh_own(self, n: int) -> Columns:
        """Its subjects are Datastreams."""
        return {}

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """loss, division, allowed, years: as of `short_bias`. peers: the other scales of the `thing`, or those of this name in
        the `zone`. fewest: others that must have weighed at the same time."""
        values = Declared(self.name, self.defaults, declared)
        side = 1.0 if values.word("loss", ("below", "above")) == "below" else -1.0
        division = values.number("division", above=0, most=1e9)
        allowed = division * values.number("allowed", least=0, most=1000)
        limit = wealth.threshold(values.number("years", above=0, most=1e9))
        zone = values.word("peers", ("thing", "zone")) == "zone"
        return side, allowed, 2.0 * division, limit, values.count("fewest", least=1), zone

    def update(self, state: Columns, own: Columns, parameters: Columns, panel: Panel) -> Verdict:
        """See `PanelDetector.update`."""
        shape = panel.result.shape
        p = {name: column.ravel() for name, column in parameters.items()}
        result = np.minimum(np.maximum(panel.result, -LARGEST), LARGEST)
        beside, across = others(result, 2), others(result, 1)
        median, many = (
            np.where(parameters["zone"], there, here).reshape(shape[0], -1)
            for here, there in zip(beside, across, strict=True)
        )
        lost = p["side"] * (result.reshape(shape[0], -1) - median)
        where = np.isfinite(lost) & (many >= p["fewest"]) & panel.there.ravel()
        lost = np.where(where, lost, 0.0)
        rows = np.arange(lost.shape[1])
        taken = wealth.held(
            {name: column.reshape(len(rows), *column.shape[2:]) for name, column in state.items()}, rows
        )
        score, since = np.empty(lost.shape), np.empty(lost.shape, np.int64)
        facts = np.empty((3, *lost.shape))
        for b, time in enumerate(panel.time):
            gains = gain(lost[b], p["allowed"], p["unit"])[None]
            moment = np.full(len(rows), time)
            score[b], since[b] = wealth.bet(taken, gains, wealth.STAKES, moment, lost[b], p["limit"], where[b])
            facts[0, b], facts[1, b] = taken["count"], p["side"] * taken["mean"]
        facts[2] = median
        for name, column in taken.items():
            state[name][...] = column.T.reshape(state[name].shape)
        side, allowed = p["side"], p["allowed"]
        low = np.where(side > 0, median - allowed, np.nan)
        high = np.where(side > 0, np.nan, median + allowed)
        return Verdict(
            score.reshape(shape),
            low.reshape(shape),
            high.reshape(shape),
            since.reshape(shape),
            facts=facts.reshape(3, *shape),
        )


def others(result: Floats, axis: int) -> tuple[Floats, npt.NDArray[np.intp]]:
    """The median of the others along an axis of `(b, t, c)`, NaN where there are none, and how many they are."""
    order = np.argsort(result, axis=axis, kind="stable")  # NaN goes to the end
    rank = np.argsort(order, axis=axis, kind="stable")
    ranked = np.take_along_axis(result, order, axis)
    measured = np.isfinite(result)
    many = measured.sum(axis=axis, keepdims=True) - measured
    last = result.shape[axis] - 1

    def without(place: npt.NDArray[np.intp]) -> Floats:
        """The value at this place once one's own is taken out."""
        at = np.minimum(np.maximum(place, 0) + (measured & (place >= rank)), last)
        return np.take_along_axis(ranked, at, axis)

    middle = (without((many - 1) // 2) + without(many // 2)) / 2.0
    return np.where(many > 0, middle, np.nan), many

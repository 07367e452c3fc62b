"""Bag: one bag that falls short by more than the law tolerates for its own weight.

Sharper than `detectors.short_weight`, which knows no weight: of a Thing that tells both what was declared and the deviation,
each deviation is held against the tolerance at the weight declared with it (`detectors.legal.short_weight`), of the version in
force then. Goods are not told, so their price is declared, the cheapest for safety. Of several bags in one bin only the last
is seen; a type that wants each one judged says so by its interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream, Scope
from detectors.core.columns import Columns
from detectors.core.interface import Declared, Floats, Times, Verdict
from detectors.core.panel import Panel
from detectors.core.words import Phrase, Words
from detectors.legal.short_weight import versions

ROLES = {"deviation": 0, "declared": 1}


class Bag:
    """Score 1 beyond the tolerance, below it at most 0.5. It remembers nothing."""

    name: ClassVar[str] = "bag"
    kinds: ClassVar[tuple[str, ...]] = ("short_weight",)
    evidence: ClassVar[tuple[str, ...]] = ("the rule",)
    facts: ClassVar[tuple[str, ...]] = ("declared", "tolerance", "law_verified")
    words: ClassVar[Mapping[str, Words]] = {
        "short_weight": Words(
            Phrase(
                "a bag that falls short by more than the law tolerates[, which is {tolerance} at {declared}]",
                "单袋短缺超过法定允差[（标称 {declared} 时为 {tolerance}）]",
            ),
            normal=Phrase(
                "a shortfall of no more than the law tolerates[, {tolerance}]", "短缺不超过法定允差[ {tolerance}]"
            ),
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "the rule": Phrase("the rule", "限值规定"),
        "declared": Phrase("declared weight", "标称重量"),
        "tolerance": Phrase("what the law tolerates", "法定允差"),
        "law_verified": Phrase("the law was looked up (1: yes)", "法规已核对（1 为是）"),
    }
    scope: ClassVar[Scope] = Scope.DATASTREAM
    schema: ClassVar[int] = 1
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("role", "i8"), ("side", "f8"), ("price", "f8"), ("margin", "f8")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype([])
    own: ClassVar[np.dtype[np.void]] = np.dtype([])
    defaults: ClassVar[Mapping[str, Any]] = {"role": "deviation", "loss": "below", "price": 0.0, "margin": 0.0}

    def fresh(self, n: int) -> Columns:
        """It remembers nothing."""
        return {}

    def fresh_own(self, n: int) -> Columns:
        """It remembers nothing."""
        return {}

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """role: which of the two this property is, deviation or declared, both in g. loss: whether the buyer loses where the
        deviation is below zero, or above. price: of the cheapest goods, in yuan/kg; 0: none is judged. margin: what the
        verifying scale may err by, in g."""
        values = Declared(self.name, self.defaults, declared)
        return (
            ROLES[values.word("role", ROLES)],
            1.0 if values.word("loss", ("below", "above")) == "below" else -1.0,
            values.number("price", least=0, most=1e9),
            values.number("margin", least=0, most=1e9),
        )

    def update(self, state: Columns, own: Columns, parameters: Columns, panel: Panel) -> Verdict:
        """See `PanelDetector.update`."""
        p, shape = parameters, panel.result.shape
        says = panel.there & (p["role"] == ROLES["declared"])
        weight = np.full(shape[:2], np.nan)
        for column in range(shape[2]):
            weight = np.where(says[:, column], panel.result[:, :, column], weight)
        judged = panel.there & (p["role"] == ROLES["deviation"]) & np.isfinite(panel.result)
        tolerance, verified = _tolerance(panel.time, weight[:, :, None], p["price"])
        tolerance = np.where(judged, tolerance + p["margin"], np.inf)
        short = np.where(judged, np.maximum(-p["side"] * panel.result, 0.0), 0.0)
        score = np.where(short > tolerance, 1.0, 0.5 * np.minimum(short / tolerance, 1.0))
        known = np.isfinite(tolerance)
        limit = np.where(known, tolerance, np.nan)
        below = p["side"] > 0
        facts = np.array([np.broadcast_to(weight[:, :, None], shape), limit, np.where(known, verified, np.nan)])
        return Verdict(
            score,
            np.where(below, -limit, np.nan),
            np.where(below, np.nan, limit),
            np.broadcast_to(panel.time[:, None, None], shape).copy(),
            facts=facts,
        )


def _tolerance(time: Times, weight: Floats, price: Floats) -> tuple[Floats, Floats]:
    """g, infinite where there is none, and whether the law was read; `(b, t, c)` of `(b,)`, `(b, t, 1)` and `(t, c)`."""
    shape = len(time), *price.shape
    tolerance, verified = np.full(shape, np.inf), np.zeros(shape)
    for version in versions():
        in_force = (time >= version.in_force_from)[:, None, None]
        its, dearer = np.full(shape, np.inf), np.zeros(price.shape)
        for one in version.classes:
            of_class = (price > dearer) & (price <= one.price_up_to)
            for up_to, allowed in reversed(one.tolerances):
                its = np.where(of_class & (weight <= up_to), allowed, its)
            dearer = np.full(price.shape, one.price_up_to)
        tolerance = np.where(in_force, its, tolerance)
        verified = np.where(in_force, float(version.verified), verified)
    return tolerance, verified

"""Short weight: one bag that falls short by more than the law tolerates.

The tolerance depends on the price of the goods and on the weight of the bag (`detectors.legal.short_weight`); the date of
the Observation chooses the version. A deviation alone tells neither price nor weight, so both are declared: with the
heaviest bag that is weighed there (`up_to`) and the cheapest goods that are sold (`price`) no bag is accused that the law
would let pass. Without a price it finds nothing. What a stall does on the whole is `detectors.short_bias`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns
from detectors.core.interface import FAR, Declared, Times, Verdict, never
from detectors.core.runs import Runs
from detectors.core.words import Phrase, Words
from detectors.legal.short_weight import versions

VERSIONS = range(2)
"""Of the law that are told apart, the newest ones."""


class ShortWeight:
    """Score 1 beyond the tolerance, below it at most 0.5. It remembers nothing."""

    name: ClassVar[str] = "short_weight"
    kinds: ClassVar[tuple[str, ...]] = ("short_weight",)
    evidence: ClassVar[tuple[str, ...]] = ("the rule",)
    facts: ClassVar[tuple[str, ...]] = ("tolerance", "law_verified")
    words: ClassVar[Mapping[str, Words]] = {
        "short_weight": Words(
            Phrase(
                "a bag that falls short by more than the law tolerates[, which is {tolerance}]",
                "单袋短缺超过法定允差[（{tolerance}）]",
            ),
            normal=Phrase(
                "a shortfall of no more than the law tolerates[, {tolerance}]", "短缺不超过法定允差[ {tolerance}]"
            ),
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "the rule": Phrase("the rule", "限值规定"),
        "tolerance": Phrase("what the law tolerates", "法定允差"),
        "law_verified": Phrase("the law was looked up (1: yes)", "法规已核对（1 为是）"),
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("side", "f8"),
            *((f"tolerance_{number}", "f8") for number in VERSIONS),
            *((f"in_force_from_{number}", "i8") for number in VERSIONS),
            *((f"verified_{number}", "?") for number in VERSIONS),
        ]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype([("unused", "i1")])
    defaults: ClassVar[Mapping[str, Any]] = {"loss": "below", "price": 0.0, "up_to": 2500.0, "margin": 0.0}

    def fresh(self, n: int) -> Columns:
        """Nothing to remember."""
        return {"unused": np.zeros(n, np.int8)}

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """loss: whether the buyer loses where the deviation is below zero, or above. price: of the cheapest goods, in
        yuan/kg; 0: none is judged. up_to: weight of the heaviest bag, in g. margin: what the verifying scale may err by, in
        g; only what is short by more than tolerance and margin is beyond doubt."""
        values = Declared(self.name, self.defaults, declared)
        side = 1.0 if values.word("loss", ("below", "above")) == "below" else -1.0
        price, up_to = values.number("price", least=0, most=1e9), values.number("up_to", above=0, most=1e9)
        margin = values.number("margin", least=0, most=1e9)
        known = versions()[-len(VERSIONS) :] if price else ()
        missing = len(VERSIONS) - len(known)
        return (
            side,
            *(one.of_price(price).tolerance(up_to) + margin for one in known),
            *[np.inf] * missing,
            *(one.in_force_from for one in known),
            *[FAR] * missing,
            *(one.verified for one in known),
            *[False] * missing,
        )

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`."""
        p = parameters
        tolerance, verified = np.full(len(runs), np.inf), np.zeros(len(runs))
        for number in VERSIONS:
            in_force = runs.time >= p[f"in_force_from_{number}"]
            tolerance = np.where(in_force, p[f"tolerance_{number}"], tolerance)
            verified = np.where(in_force, p[f"verified_{number}"], verified)
        short = np.maximum(-p["side"] * runs.result, 0.0)
        score = np.where(short > tolerance, 1.0, 0.5 * np.minimum(short / tolerance, 1.0))
        limit = p["side"] * np.where(np.isinf(tolerance), np.nan, tolerance)
        below = p["side"] > 0
        facts = np.array([np.abs(limit), np.where(np.isnan(limit), np.nan, verified)])
        return Verdict(score, np.where(below, -limit, np.nan), np.where(below, np.nan, -limit), runs.time, facts=facts)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)

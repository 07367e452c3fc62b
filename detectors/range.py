"""Range: a result outside of what is possible or plausible for its property."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns
from detectors.core.interface import Declared, Times, Verdict, never
from detectors.core.runs import Runs
from detectors.core.words import Phrase, Words


class Range:
    """Score 1 outside of [low, high], else 0. The only one that sees what failed a quality test."""

    name: ClassVar[str] = "range"
    kinds: ClassVar[tuple[str, ...]] = ("range",)
    evidence: ClassVar[tuple[str, ...]] = ("the rule",)
    facts: ClassVar[tuple[str, ...]] = ()
    names: ClassVar[Mapping[str, Phrase]] = {
        "the rule": Phrase("the rule", "限值规定"),
    }
    words: ClassVar[Mapping[str, Words]] = {
        "range": Words(Phrase("out of range", "超出允许范围"), band=Phrase("allowed", "允许"), plain=True)
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = True
    parameters: ClassVar[np.dtype[np.void]] = np.dtype([("low", "f8"), ("high", "f8")])
    state: ClassVar[np.dtype[np.void]] = np.dtype([("unused", "i1")])
    defaults: ClassVar[Mapping[str, Any]] = {"low": -np.inf, "high": np.inf}

    def fresh(self, n: int) -> Columns:
        """It remembers nothing."""
        return {"unused": np.zeros(n, np.int8)}

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """low and high, in the Datastream's unit."""
        values = Declared(self.name, self.defaults, declared)
        low, high = values.number("low"), values.number("high")
        if not low < high:
            raise ValueError(f"detector range: expected low < high, got {low} and {high}")
        return low, high

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`."""
        low, high = parameters["low"].copy(), parameters["high"].copy()
        score = ((runs.result < low) | (runs.result > high)).astype(np.float64)
        return Verdict(score, low, high, runs.time)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)

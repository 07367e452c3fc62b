"""Gap: no result for longer than the type allows. It goes by deadlines; the caller has the clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns
from detectors.core.interface import FAR, NEVER, Declared, Times, Verdict
from detectors.core.runs import Runs


class Gap:
    """Knows the newest result of each Datastream and when its silence becomes an anomaly."""

    name: ClassVar[str] = "gap"
    kinds: ClassVar[tuple[str, ...]] = ("gap",)
    evidence: ClassVar[tuple[str, ...]] = ()
    facts: ClassVar[tuple[str, ...]] = ()
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = True
    parameters: ClassVar[np.dtype[np.void]] = np.dtype([("after", "i8")])
    state: ClassVar[np.dtype[np.void]] = np.dtype([("newest", "i8")])
    defaults: ClassVar[Mapping[str, Any]] = {"after_s": 0.0}

    def fresh(self, n: int) -> Columns:
        """Nothing seen: no deadline."""
        return {"newest": np.full(n, NEVER, np.int64)}

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """after_s: seconds of silence; five intervals if not declared."""
        after = Declared(self.name, self.defaults, declared).number("after_s", least=0, most=1e9)
        return (round(after * 1e6) or 5 * datastream.interval,)

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """It spoke: no score, a new deadline."""
        newest = state["newest"]
        newest[runs.rows] = np.maximum(newest[runs.rows], runs.time[runs.last])
        unknown = np.full(len(runs), np.nan)
        return Verdict(np.zeros(len(runs)), unknown, unknown.copy(), runs.time)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """The newest result's time plus the allowed silence."""
        newest, after = state["newest"], parameters["after"]
        never = (newest == NEVER) | (newest > FAR - after)
        return np.where(never, FAR, np.where(never, 0, newest) + after)

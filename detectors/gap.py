"""Gap: no result for longer than the type allows. It goes by deadlines; the caller has the clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.interface import FAR, NEVER, Floats, Table, Times, Verdict, merged


class Gap:
    """Knows the newest result of each Datastream and when its silence becomes an anomaly."""

    name: ClassVar[str] = "gap"
    kind: ClassVar[str] = "gap"
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = True
    parameters: ClassVar[np.dtype[np.void]] = np.dtype([("after", "i8")])
    state: ClassVar[np.dtype[np.void]] = np.dtype([("newest", "i8")])
    defaults: ClassVar[Mapping[str, Any]] = {"after_s": 0.0}

    def fresh(self, n: int) -> Table:
        """Nothing seen: no deadline."""
        return np.full(n, NEVER, np.int64).view(self.state)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """after_s: seconds of silence; five intervals if not declared."""
        values = merged(self.defaults, declared, self.name)
        if values["after_s"] < 0:
            raise ValueError(f"detector gap: expected after_s of 0 or more, got {values['after_s']}")
        return (round(values["after_s"] * 1e6) or 5 * datastream.interval,)

    def update(self, state: Table, parameters: Table, time: Times, result: Floats) -> Verdict:
        """It spoke: no score, a new deadline."""
        state["newest"] = np.maximum(state["newest"], time)
        unknown = np.full(len(time), np.nan)
        return Verdict(np.zeros(len(time)), unknown, unknown.copy(), time)

    def deadline(self, state: Table, parameters: Table) -> Times:
        """The newest result's time plus the allowed silence."""
        newest = state["newest"]
        return np.where(newest == NEVER, FAR, np.where(newest == NEVER, 0, newest) + parameters["after"])

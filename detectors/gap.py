"""Gap: no result for longer than the type allows. It goes by deadlines; the caller has the clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.interface import FAR, NEVER, Declared, Floats, Table, Times, Verdict


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
        after = Declared(self.name, self.defaults, declared).number("after_s", least=0, most=1e9)
        return (round(after * 1e6) or 5 * datastream.interval,)

    def update(self, state: Table, parameters: Table, time: Times, result: Floats) -> Verdict:
        """It spoke: no score, a new deadline."""
        state["newest"] = np.maximum(state["newest"], time)
        unknown = np.full(len(time), np.nan)
        return Verdict(np.zeros(len(time)), unknown, unknown.copy(), time)

    def deadline(self, state: Table, parameters: Table) -> Times:
        """The newest result's time plus the allowed silence."""
        newest, after = state["newest"], parameters["after"]
        never = (newest == NEVER) | (newest > FAR - after)
        return np.where(never, FAR, np.where(never, 0, newest) + after)

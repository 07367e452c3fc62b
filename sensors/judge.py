"""What numbers are worth, many at once: sentinels, unit and ranges. One row a property, gathered by each observation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Quality, Test
from sensors.values import ValueReader

Judged = tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8], npt.NDArray[np.uint32]]
"""(result in the Datastream's unit, NaN where it is missing; quality; the tests that spoke against it), each `(n,)`"""


class Judge:
    """Knows the rules of many properties; row i is `readers[i]`."""

    def __init__(self, readers: Sequence[ValueReader]) -> None:
        def column(name: str) -> npt.NDArray[np.float64]:
            return np.array([getattr(reader, name) for reader in readers], np.float64)

        self._unit = [column(name) for name in ("times", "plus", "over")] if any(r.converts for r in readers) else None
        self._suspect = column("suspect").reshape(-1, 2).T.copy()
        self._fail = column("fail").reshape(-1, 2).T.copy()
        most = max((len(reader.sentinels) for reader in readers), default=0)
        padded = [[*reader.sentinels, *[np.nan] * (most - len(reader.sentinels))] for reader in readers]
        self._sentinels = np.array(padded, np.float64).reshape(len(readers), most).T.copy()

    def __call__(self, rows: npt.NDArray[np.int32], numbers: npt.NDArray[np.float64]) -> Judged:
        """Judge numbers in the payload's unit, NaN where one is missing; `rows` and `numbers` are `(n,)`."""
        with np.errstate(over="ignore", invalid="ignore"):  # of sentinels only, which are not converted
            result = numbers + 0.0  # -0 becomes 0, as with a unit
            if self._unit is not None:
                times, plus, over = (column[rows] for column in self._unit)
                result = (numbers * times + plus) / over
        low, high = self._suspect
        doubtful = ~((low[rows] <= result) & (result <= high[rows]))
        quality = np.full(len(rows), Quality.GOOD, np.uint8)
        tests = np.zeros(len(rows), np.uint32)
        if doubtful.any():  # all the rest is rare
            at = np.flatnonzero(doubtful)
            low, high = self._fail
            passed = (low[rows[at]] <= result[at]) & (result[at] <= high[rows[at]])
            quality[at] = np.where(passed, Quality.SUSPECT, Quality.FAIL)
            tests[at] = Test.GROSS_RANGE
            at = at[np.isnan(numbers[at])]
            quality[at], tests[at] = Quality.MISSING, Test.NONE
        for sentinels in self._sentinels:
            at = np.flatnonzero(sentinels[rows] == numbers)
            result[at], quality[at], tests[at] = numbers[at], Quality.FAIL, Test.SENTINEL
        return result, quality, tests

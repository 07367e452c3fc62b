"""Who sells the same goods: a panel laid out anew, with a row for each seller and a column for each goods.

As it comes, a panel has a row for each Thing. Where the last part of a Datastream's name tells the kind of trade
(`price/Beans/Retail`, `price/Beans/Wholesale`), each trade of a Thing is a seller of its own, for the two are compared with
each other as with other markets:

    Dambulla        Beans/Retail Beans/Wholesale Carrot/Retail   →   Dambulla Retail     Beans Carrot
                                                                     Dambulla Wholesale  Beans -

Cells without a Datastream (`-`) have a state that means nothing; who lays it out says what stands there.

Not here: what is compared, and how.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.core.columns import Columns
from detectors.core.interface import Floats, Verdict
from detectors.core.panel import Panel


class Sellers:
    """The layout of one panel, r sellers and g goods; `there` `(r, g)` tells where there is a Datastream."""

    def __init__(self, panel: Panel, by_trade: bool) -> None:
        things, columns = panel.there.shape
        goods, trades = [*range(columns)], [0] * columns
        if by_trade:
            names = [name.rpartition("/") for name in panel.columns]
            stems, words = (sorted({name[part] for name in names}) for part in (0, 2))
            goods = [stems.index(name[0]) for name in names]
            trades = [words.index(name[2]) for name in names]
        many = max(trades, default=0) + 1
        cell = np.full((things, many, max(goods, default=-1) + 1), -1, np.intp)
        for column, (which, trade) in enumerate(zip(goods, trades, strict=True)):
            cell[:, trade, which] = np.where(panel.there[:, column], np.arange(things) * columns + column, -1)
        cell = cell.reshape(things * many, -1)
        self.there: npt.NDArray[np.bool_] = cell >= 0
        self._shape = (things, columns)
        self._from = np.where(self.there, cell, 0)
        self._back = cell[self.there]

    def columns(self, columns: Columns) -> Columns:
        """State or parameters `(t, c, …)`, copied to `(r, g, …)`."""
        size = self._shape[0] * self._shape[1]
        return {name: column.reshape(size, *column.shape[2:])[self._from] for name, column in columns.items()}

    def results(self, result: Floats) -> Floats:
        """Of bins, `(b, t, c)`, to `(b, r, g)`; NaN where there is no Datastream."""
        return np.where(self.there, result.reshape(len(result), -1)[:, self._from], np.nan)

    def keep(self, state: Columns, laid: Columns) -> None:
        """Write a state that was laid out back to where it came from."""
        for name, column in state.items():
            column[np.unravel_index(self._back, self._shape)] = laid[name][self.there]

    def verdict(self, laid: Verdict) -> Verdict:
        """With columns of the shape that the panel has."""
        return Verdict(
            self._spread(laid.score, 0.0),
            self._spread(laid.expected_low, np.nan),
            self._spread(laid.expected_high, np.nan),
            self._spread(laid.starts_at, 0),
            None if laid.kind is None else self._spread(laid.kind, 0),
            None if laid.evidence is None else self._spread(laid.evidence, 0.0),
        )

    def _spread(self, values: npt.NDArray[Any], nothing: float) -> npt.NDArray[Any]:
        """`(…, r, g)` to `(…, t, c)`."""
        first = values.shape[:-2]
        out = np.full((*first, self._shape[0] * self._shape[1]), nothing, values.dtype)
        out[..., self._back] = values[..., self.there]
        return out.reshape(*first, *self._shape)

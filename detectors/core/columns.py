"""A table with a row a Datastream, held as a column for each field: a detector touches only what it needs.

A field of several numbers a row (`("profile", "f4", (48,))`) lies in memory number by number, not row by row: at one
hour of the day all rows use the same few. One of many numbers lies row by row: a long memory is searched as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

FEW = 64
"""Numbers of a field that lies number by number, at most."""
Columns = dict[str, npt.NDArray[Any]]
"""Field → values, shape `(n,)` or `(n, k)`."""


def table(records: Iterable[tuple[object, ...]] | npt.NDArray[np.void], layout: np.dtype[np.void]) -> Columns:
    """The columns of these records."""
    rows = records if isinstance(records, np.ndarray) else np.array(list(records), layout)
    return {name: _laid(rows[name]) for name in layout.names or ()}


def records(columns: Columns, layout: np.dtype[np.void], part: slice) -> npt.NDArray[np.void]:
    """The records of some rows."""
    names = layout.names or ()
    out = np.empty(len(columns[names[0]][part]), layout)
    for name in names:
        out[name] = columns[name][part]
    return out


def grown(columns: Columns, more: Columns) -> Columns:
    """With more rows at the end."""
    return {name: _laid(np.concatenate([column, more[name]])) for name, column in columns.items()}


def _laid(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if column.ndim == 1 or column[:1].size > FEW:
        return np.array(column, order="C")
    return np.ascontiguousarray(column.T).T

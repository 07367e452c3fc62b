"""Columns and records are the same content, and a growing table keeps its layout."""

from __future__ import annotations

import numpy as np

from detectors.core.columns import grown, records, table

LAYOUT = np.dtype([("hours", "f4", (3,)), ("count", "i4")])


def test_there_and_back() -> None:
    given = np.array([((1, 2, 3), 4), ((5, 6, 7), 8)], LAYOUT)
    columns = grown(table(given[:1], LAYOUT), table(given[1:], LAYOUT))
    assert records(columns, LAYOUT, slice(None)).tobytes() == given.tobytes()
    assert records(columns, LAYOUT, slice(1, 2)).tobytes() == given[1:].tobytes()
    assert columns["hours"].T.flags.c_contiguous, "all rows of one hour lie side by side"

"""The row of an identity, many at once, as a dictionary would say."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.detecting.rows import UNKNOWN, RowIndex

IDENTITIES = st.integers(-(2**63), 2**63 - 1)
CROWDED = st.integers(-40, 40).map(lambda number: number * 64)  # all look at the same place first


@settings(max_examples=100, deadline=None)
@given(st.lists(IDENTITIES | CROWDED, unique=True, max_size=200), st.lists(IDENTITIES | CROWDED, max_size=50))
def test_it_is_a_dictionary(known: list[int], others: list[int]) -> None:
    index = RowIndex()
    rows = {identity: index.add(identity) for identity in known}
    assert len(index) == len(known)
    asked = [*known, *others, 0]
    found = index.find(np.array(asked, np.int64)).tolist()
    assert found == [rows.get(identity, UNKNOWN) for identity in asked]

"""Which row of the arrays a Datastream has, asked for many at once: an open hash table in two arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

UNKNOWN = -1


class RowIndex:
    """Identity → row, from 0 on in the order in which they were added.

    Identities are hashes already, so their low bits say where to look first; who finds that place taken looks at the
    next one. At most a quarter of the places is taken.
    """

    def __init__(self) -> None:
        self._ids = np.zeros(16, np.int64)
        self._places = np.full(64, UNKNOWN, np.int32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, identity: int) -> int:
        """The row of a new identity."""
        row = self._count
        if row == len(self._ids):
            self._ids = np.concatenate([self._ids, np.zeros(row, np.int64)])
            self._places = np.full(8 * row, UNKNOWN, np.int32)
            for known in range(row):
                self._put(int(self._ids[known]), known)
        self._ids[row] = identity
        self._put(identity, row)
        self._count += 1
        return row

    def _put(self, identity: int, row: int) -> None:
        mask = len(self._places) - 1
        place = identity & mask
        while self._places[place] != UNKNOWN:
            place = (place + 1) & mask
        self._places[place] = row

    def get(self, identity: int) -> int:
        """The row of one identity, `UNKNOWN` if it was not added."""
        return int(self.find(np.array([identity], np.int64))[0])

    def find(self, identities: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """The row of each of n identities, `UNKNOWN` where it was not added; shape `(n,)`."""
        mask = len(self._places) - 1
        place = identities & mask
        rows = self._places.take(place)
        astray = np.flatnonzero((rows != UNKNOWN) & (self._ids.take(rows) != identities))
        while len(astray):
            place[astray] = (place[astray] + 1) & mask
            rows[astray] = self._places.take(place[astray])
            found = rows[astray]
            astray = astray[(found != UNKNOWN) & (self._ids.take(found) != identities[astray])]
        return rows

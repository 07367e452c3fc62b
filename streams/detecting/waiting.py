"""Rows that are waited for: when each is due, and what is told when it is missed or speaks again.

Rows of what, and by which clocks, say those who use it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.core.interface import FAR, NEVER, Times
from detectors.core.runs import Index, Runs
from streams.detecting.joined import Joined
from streams.detecting.table import Change, Opening, Table

_NOTHING = {"result": float("nan"), "low": float("nan"), "high": float("nan")}
"""Result and expected band of what was not said."""


@dataclass(frozen=True, slots=True)
class Due:
    """When what is waited for is missed; all shapes are `(n,)`."""

    newest: Times
    deadline: Times  # a word beyond it leaves a hole
    found: Times  # what the clock shows is found at it,
    due: Times  # and shown when the clock is beyond this
    about: Times | None = None  # whom it is told of, where the row does not say that


FirstFrame = Callable[[int, int], int]
"""The first frame at whose end a clock had passed a time, by the clock's number; beyond the last one if none."""


class Waiting:
    """Rows of one table that are waited for, each by one of several clocks."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._earliest = np.full(0, NEVER, np.int64)  # no row of a clock is due before

    def look_again(self) -> None:
        """Something else than a word has changed what is due."""
        self._earliest[:] = NEVER

    def passed(self, now: Times) -> npt.NDArray[np.bool_]:
        """Which clocks have passed the earliest deadline of their rows."""
        if len(now) > len(self._earliest):
            self._earliest = np.append(self._earliest, np.full(len(now) - len(self._earliest), NEVER, np.int64))
        return now > self._earliest[: len(now)]

    def wait(self, clocks: Index, due: Times) -> None:
        """Rows of these clocks are due then."""
        new = int(clocks.max(initial=-1)) + 1 - len(self._earliest)
        if new > 0:
            self._earliest = np.append(self._earliest, np.full(new, NEVER, np.int64))
        np.minimum.at(self._earliest, clocks, due)

    def spoke(
        self,
        words: Runs,
        was: Due,
        clocks: Index,
        clock: Times,
        first_frame: FirstFrame,
        frames: Joined,
    ) -> tuple[list[Change], Index]:
        """A gap ends with the next word. One that no frame's end had shown yet opens and ends at once.

        `was` is before each word; `clock` is what the clock of the number `clocks` showed. Returns also which words ended one.
        """
        rows, table = words.rows, self.table
        seen = clock > was.due
        late = (words.time > was.deadline) | seen
        is_open = table.is_open(rows)
        late[: len(rows)] |= is_open
        changes: list[Change] = []
        ending = np.flatnonzero(late)
        for i in ending.tolist():
            place = int(words.order[i])
            row, ingested_at = int(words.at[i]), int(frames.ingested_at[place])
            if not (i < len(rows) and is_open[i]):
                # what the clock had shown was found at the clock's deadline, a mere hole in the data at its own
                found_at = int(was.found[i] if seen[i] else was.deadline[i])
                came_in = ingested_at
                if seen[i]:
                    frame = first_frame(int(clocks[i]), int(was.due[i]))
                    if frame < frames.frame_of(place):
                        came_in = int(frames.came_in[frame])
                changes.append(self.open(row, was, i, found_at, came_in))
            table.decisions["open"][row] = table.busy[row] = False
            changes.append(table.change(row, ends_at=int(words.time[i]), ingested_at=ingested_at, **_NOTHING))
        table.touch(rows)
        return changes, ending

    def look(
        self, rows: Index, due: Due, clocks: Index, now: Times, first_frame: FirstFrame, frames: Joined
    ) -> list[Change]:
        """Open a gap where a clock has passed a deadline; `due` and `clocks` are of `rows`: all that are waited for of the
        clocks that have passed their earliest."""
        silent = now.take(clocks) > due.due
        self._earliest[np.flatnonzero(self.passed(now))] = FAR
        self.wait(clocks[~silent], due.due[~silent])
        return [
            self.open(
                int(rows[i]),
                due,
                i,
                int(due.found[i]),
                int(frames.came_in[first_frame(int(clocks[i]), int(due.due[i]))]),
            )
            for i in np.flatnonzero(silent).tolist()
        ]

    def open(self, row: int, due: Due, i: int, found_at: int, came_in: int) -> Change:
        """Begin the gap of a row, the i-th of what is due."""
        decisions, starts_at = self.table.decisions, int(due.newest[i])
        if due.about is not None:
            self.table.openings[row] = Opening(about=int(due.about[i]))
        for name, value in zip(decisions, (True, 0, 0, starts_at, found_at, 1.0), strict=True):
            decisions[name][row] = value
        self.table.busy[row] = True
        self.table.touch(row)
        return self.table.change(row, ends_at=None, ingested_at=came_in, **_NOTHING)


def behind(clock: Times, time: Times, due: Times) -> Times:
    """How late a word came that the clock had already passed, so that it is waited for from the clock."""
    late: Times = np.where((clock != NEVER) & (clock > due), np.maximum(clock, time) - time, 0)
    return late


def add(deadline: Times, wait: Times) -> Times:
    """A deadline and how long is waited beyond it; what would lie beyond the end of time is never."""
    added: npt.NDArray[np.int64] = np.where(deadline > FAR - wait, FAR, np.minimum(deadline, FAR - wait) + wait)
    return added

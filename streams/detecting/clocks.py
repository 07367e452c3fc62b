"""The clocks of a partition: the wall clock of the ticks, and for each zone how far its own observations have come.

A zone's clock is the second-newest of its Things' newest times, so that one wrong date starts no storm, and it never
goes back. It is advanced in the order of the log, observation by observation, so that it does not depend on how they
were cut into frames.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.core.interface import NEVER

Times = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.intp]

WALL = 0
"""The number of the clock that the ticks move."""


class Clocks:
    """Each clock has a number: 0 is the wall clock, zones are counted from 1 on."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.now = np.full(1, NEVER, np.int64)
        """What each clock shows (µs); `NEVER` before the first tick or observation."""
        self._leader = np.zeros(1, np.int64)  # the Thing that is furthest,
        self._newest = np.full(1, NEVER, np.int64)  # its time,
        self._second = np.full(1, NEVER, np.int64)  # and the newest time of any other

    def __len__(self) -> int:
        return len(self.now)

    def number(self, name: str) -> int:
        """The number of a zone's clock."""
        number = self._numbers.setdefault(name, len(self._numbers) + 1)
        if number == len(self.now):
            self.now, self._newest, self._second = (
                np.append(each, NEVER) for each in (self.now, self._newest, self._second)
            )
            self._leader = np.append(self._leader, 0)
        return number

    def tick(self, time: int) -> None:
        """Set the wall clock; it does not go back."""
        self.now[WALL] = max(int(self.now[WALL]), time)

    def advance(self, clocks: Numbers, things: Times, times: Times) -> tuple[Times, Times]:
        """Take n observations in the order of the log.

        Returns what the clock of its zone showed before each and after it; shapes `(n,)`.
        """
        before, after = np.empty(len(times), np.int64), np.empty(len(times), np.int64)
        if not len(times):
            return before, after
        order = np.argsort(clocks.astype(np.uint16), kind="stable") if len(self) > 2 else np.arange(len(times))
        clock = clocks.take(order)
        cuts = (np.flatnonzero(clock[1:] != clock[:-1]) + 1).tolist()
        for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
            part, number = order[start:end], int(clock[start])
            shown = self._advance(number, things.take(part), times.take(part))
            before[part], after[part] = shown[:-1], shown[1:]
        return before, after

    def _advance(self, number: int, things: Times, times: Times) -> Times:
        """What one clock shows before the first, and after each; shape `(n + 1,)`."""
        newest = np.maximum.accumulate(np.concatenate([self._newest[number : number + 1], times]))
        leads = np.where(times > newest[:-1], np.arange(1, len(times) + 1), 0)
        leader = np.concatenate([self._leader[number : number + 1], things])[
            np.maximum.accumulate(np.concatenate([[0], leads]))
        ]
        # a Thing other than the leader raises the second, up to the leader's time before it
        raised = np.where(things != leader[:-1], np.minimum(times, newest[:-1]), NEVER)
        second = np.maximum.accumulate(np.concatenate([self._second[number : number + 1], raised]))
        shown = np.where(second == NEVER, newest, second)  # a Thing alone tells the time itself
        shown[0] = self.now[number]
        shown = np.maximum.accumulate(shown)
        self._newest[number], self._leader[number] = newest[-1], leader[-1]
        self._second[number], self.now[number] = second[-1], shown[-1]
        return shown

    def rebuild(self, number: int, things: Times, times: Times) -> None:
        """Know only these Things (one row each or several) in a zone; its clock stays where it was."""
        self._newest[number] = self._second[number] = NEVER
        if len(times):
            leader = things[np.argmax(times)]
            self._leader[number], self._newest[number] = leader, times.max()
            self._second[number] = times[things != leader].max(initial=NEVER)

    def kept(self) -> dict[str, int]:
        """Zone → clock, of those that have one: with the rows' newest times all there is to keep."""
        return {name: int(self.now[i]) for name, i in self._numbers.items() if self.now[i] != NEVER}

    def restore(self, kept: dict[str, int]) -> None:
        """Set the clocks as they were kept."""
        for name, now in kept.items():
            number = self.number(name)
            self.now[number] = now

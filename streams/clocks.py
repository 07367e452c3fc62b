"""The clocks of zones: how far the observations of neighbours have come, where the data tell the time.

A zone's clock is the second-newest of its Things' newest times, so that one wrong date starts no storm, and it never
goes back. It is advanced in the order of the log, observation by observation, so that it does not depend on how they
were cut into frames.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.interface import NEVER

Times = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.intp]


class _Zone:
    """The newest time of each Thing, and of those the two newest."""

    __slots__ = ("first", "now", "second", "things")

    def __init__(self) -> None:
        self.things: dict[int, int] = {}
        self.first: int | None = None  # the Thing that is furthest
        self.second = NEVER  # the newest time of any other
        self.now = NEVER

    def saw(self, thing: int, time: int) -> None:
        known = self.things.get(thing, NEVER)
        if time <= known:
            return
        self.things[thing] = time
        if self.first is None or thing == self.first:
            self.first = thing
        elif time > self.things[self.first]:
            self.second = self.things[self.first]
            self.first = thing
        elif time > self.second:
            self.second = time
        self.now = max(self.now, self.second if len(self.things) > 1 else time)


class ZoneClocks:
    """The zones of one partition; each has a number from 0 on."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._zones: list[_Zone] = []
        self._now = np.full(16, NEVER, np.int64)

    def number(self, name: str) -> int:
        """The zone's number."""
        number = self._numbers.setdefault(name, len(self._zones))
        if number == len(self._zones):
            self._zones.append(_Zone())
            if number >= len(self._now):
                self._now = np.concatenate([self._now, np.full(len(self._now), NEVER, np.int64)])
        return number

    def now(self, zones: Numbers) -> Times:
        """The clock (µs, `NEVER` before the first observation) of each of n zones; shape `(n,)`."""
        return self._now[zones]

    def advance(self, zones: Numbers, things: Times, times: Times) -> Times:
        """Take n observations in the order of the log. Returns the clock of its zone before each; shapes `(n,)`."""
        before = np.empty(len(times), np.int64)
        if not len(times):
            return before
        # the observations of one message have one Thing and one time: they are taken as one
        change = (zones[1:] != zones[:-1]) | (things[1:] != things[:-1]) | (times[1:] != times[:-1])
        starts = np.flatnonzero(np.r_[True, change])
        ends = np.r_[starts[1:], len(times)].tolist()
        runs = zip(
            starts.tolist(), ends, zones[starts].tolist(), things[starts].tolist(), times[starts].tolist(), strict=True
        )
        for start, end, number, thing, time in runs:
            zone = self._zones[number]
            before[start:end] = zone.now
            zone.saw(thing, time)
            self._now[number] = zone.now
        return before

    def rebuild(self, number: int, things: Times, times: Times) -> None:
        """Know only these Things (one row each or several) in a zone; its clock stays where it was."""
        zone = _Zone()
        for thing, time in zip(things.tolist(), times.tolist(), strict=True):
            if time != NEVER:
                zone.saw(thing, time)
        zone.now = int(self._now[number])
        self._zones[number] = zone

    def kept(self) -> dict[str, int]:
        """Zone → clock, of those that have one: with the rows' newest times all there is to keep."""
        return {name: zone.now for name, i in self._numbers.items() if (zone := self._zones[i]).now != NEVER}

    def restore(self, kept: dict[str, int]) -> None:
        """Set the clocks as they were kept."""
        for name, now in kept.items():
            number = self.number(name)
            self._zones[number].now = now
            self._now[number] = now

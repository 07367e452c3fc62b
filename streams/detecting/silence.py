"""When each Datastream is due, and which of them the clocks have shown to be silent.

A Datastream is silent when its clock is beyond its deadline by more than the allowed lateness. A result that comes
later than its own deadline (a replay of old files, a device that sends what it had kept) is no silence: its next
deadline counts from the clock. Before the first tick nobody knows the time; what has come before it counts as having
come when it showed. Whatever frames are taken together, what is found and when it is said to have come in
is what would be found frame by frame.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.core.interface import FAR, NEVER
from detectors.core.runs import Index, Runs
from streams.detecting.clocks import WALL, Clocks
from streams.detecting.joined import Joined
from streams.detecting.roster import Roster
from streams.detecting.table import Change
from streams.detecting.watch import Watch

Times = npt.NDArray[np.int64]

_NOTHING = {"result": float("nan"), "low": float("nan"), "high": float("nan")}
"""Result and expected band of what was not said."""


class Shown:
    """What the clocks showed while some frames were taken."""

    def __init__(self, clocks: Clocks, frames: Joined, clock: Index, zone: Index, things: Times) -> None:
        """Advances the clocks; `clock`, `zone` and `things` are of each observation.

        `clock` is -1 for one of no row. `zone` is the number of the zone's own clock where that is of use: where it is
        the Datastream's clock, and where neighbours are looked at together; else -1.
        """
        self._frames = frames
        self._start = clocks.now.copy()
        begun = int(clocks.now[WALL])
        ticks = frames.ticks[frames.ticks != NEVER]
        self.first_tick = int(ticks[0]) if begun == NEVER and len(ticks) else None
        """Where the wall clock begins in these frames, what it shows first."""
        self.before = np.maximum(frames.wall(begun), begun if self.first_tick is None else self.first_tick)
        """What the clock of each observation showed before it came; shape `(n,)`."""
        self._by_data = np.flatnonzero(zone > WALL)
        self._clock = zone[self._by_data]
        self.zone_before = np.full(len(zone), NEVER, np.int64)
        """What the zone's own clock showed before each observation came, `NEVER` where it is of no use; shape `(n,)`."""
        self.zone_before[self._by_data], self._after = clocks.advance(
            self._clock, things[self._by_data], frames.time[self._by_data]
        )
        self.before = np.where(clock > WALL, self.zone_before, self.before)
        clocks.tick(int(frames.ticks[-1]))
        self._ends: dict[int, Times] = {}

    def first_frame(self, clock: int, due: int) -> int:
        """The first frame at whose end the clock had passed `due`; beyond the last one if none.

        It is never one from before the result that is waited on from: nothing is due before the time that the clock
        showed when it came.
        """
        if clock not in self._ends:
            self._ends[clock] = self._at_ends(clock)
        return int(np.searchsorted(self._ends[clock], due, side="right"))

    def _at_ends(self, clock: int) -> Times:
        if clock == WALL:
            return self._frames.ticks
        mine = np.flatnonzero(self._clock == clock)
        shown = np.concatenate([self._start[clock : clock + 1], self._after[mine]])
        return shown[np.searchsorted(self._by_data[mine], self._frames.ends, side="left")]


class Silence:
    """The deadlines of one partition's rows."""

    def __init__(self, watch: Watch, clocks: Clocks, roster: Roster) -> None:
        self.watch = watch  # it places every row of the engine, so that its rows are the engine's
        self._table = watch.table
        self._clocks = clocks
        self._roster = roster
        self._earliest = np.full(1, NEVER, np.int64)  # no row of a clock is due before

    def look_again(self) -> None:
        """Something else than a result has changed what is due."""
        self._earliest = np.full(len(self._clocks), NEVER, np.int64)

    def begin(self, kinds: Index, clocks: Index, lateness: Times, first_tick: int) -> None:
        """The wall clock begins: call it before what its frames hold is taken. All three are of all rows."""
        watch, n = self.watch, len(kinds)
        newest = self._table.state["newest"][:n]
        after = _add(watch.detector.deadline({"newest": newest}, watch.uses.parameters_of(kinds)), lateness)
        behind = (clocks == WALL) & (first_tick > after)
        self._roster.behind[:n][behind] = first_tick - newest[behind]
        self.look_again()

    def forget(self, row: int) -> None:
        """A row is not waited for any more. Watched again, it is waited for from its next result on."""
        self._table.state["newest"][row] = NEVER
        self._table.touch(row)
        self._roster.behind[row] = 0

    def spoke(
        self, runs: Runs, kinds: Index, clocks: Index, lateness: Times, shown: Shown, frames: Joined
    ) -> list[Change]:
        """A gap ends with the next result. One that no frame's end had shown yet opens and ends at once.

        `kinds`, `clocks` and `lateness` are of each observation of the runs.
        """
        watch, rows, time = self.watch, runs.rows, runs.time
        clock = shown.before[runs.order]
        table = self._table
        parameters = watch.uses.parameters_of(kinds)
        newest = runs.previous(table.state["newest"].take(rows), time)
        deadline = watch.detector.deadline({"newest": newest}, parameters)
        after = _add(watch.detector.deadline({"newest": time}, parameters), lateness)
        behind_now = np.where((clock != NEVER) & (clock > after), np.maximum(clock, time) - time, 0)
        behind = runs.previous(self._roster.behind.take(rows), behind_now)
        due = _add(deadline, behind + lateness)
        seen = clock > due
        late = (time > deadline) | seen
        is_open = table.is_open(rows)
        late[: len(rows)] |= is_open
        changes: list[Change] = []
        for i in np.flatnonzero(late).tolist():
            place = int(runs.order[i])
            row, ingested_at = int(runs.at[i]), int(frames.ingested_at[place])
            if not (i < len(rows) and is_open[i]):
                # what the clock had shown was found at the clock's deadline, a mere hole in the data at its own
                found_at = int(deadline[i] + (behind[i] if seen[i] else 0))
                came_in = ingested_at
                if seen[i]:
                    frame = shown.first_frame(int(clocks[i]), int(due[i]))
                    if frame < frames.frame_of(place):
                        came_in = int(frames.came_in[frame])
                changes.append(self._open(row, int(newest[i]), found_at, came_in))
            table.decisions["open"][row] = table.busy[row] = False
            changes.append(table.change(row, ends_at=int(time[i]), ingested_at=ingested_at, **_NOTHING))
        watch.detector.update(table.state, parameters, runs)
        table.touch(rows)
        self._roster.behind[rows] = behind_now.take(runs.last)
        next_due = _add(after, behind_now).take(runs.last)
        self._room()
        np.minimum.at(self._earliest, clocks.take(runs.last), next_due)
        return changes

    def is_due(self) -> bool:
        """Whether a clock has passed the earliest deadline: all rows are to be looked at."""
        self._room()
        return bool((self._clocks.now > self._earliest).any())

    def look(self, kinds: Index, clocks: Index, lateness: Times, shown: Shown, frames: Joined) -> list[Change]:
        """Open a gap where the clock has passed a deadline; `kinds`, `clocks` and `lateness` are of all rows."""
        watch, n = self.watch, len(kinds)
        newest = self._table.state["newest"][:n]
        deadline = watch.detector.deadline({"newest": newest}, watch.uses.parameters_of(kinds))
        due = _add(deadline, self._roster.behind[:n] + lateness)
        waited = watch.uses.enabled.take(kinds) & ~self._table.decisions["open"][:n]
        silent = waited & (self._clocks.now.take(clocks) > due)
        self._earliest = np.full(len(self._clocks), FAR, np.int64)
        still = waited & ~silent
        np.minimum.at(self._earliest, clocks[still], due[still])
        changes = []
        for row in np.flatnonzero(silent).tolist():
            frame = shown.first_frame(int(clocks[row]), int(due[row]))
            found_at = int(deadline[row] + self._roster.behind[row])
            changes.append(self._open(row, int(newest[row]), found_at, int(frames.came_in[frame])))
        return changes

    def _open(self, row: int, starts_at: int, found_at: int, came_in: int) -> Change:
        decisions = self._table.decisions
        for name, value in zip(decisions, (True, 0, 0, starts_at, found_at, 1.0), strict=True):
            decisions[name][row] = value
        self._table.busy[row] = True
        self._table.touch(row)
        return self._table.change(row, ends_at=None, ingested_at=came_in, **_NOTHING)

    def _room(self) -> None:
        more = len(self._clocks) - len(self._earliest)
        if more:
            self._earliest = np.concatenate([self._earliest, np.full(more, NEVER, np.int64)])


def _add(deadline: Times, wait: Times) -> Times:
    """A deadline and how long is waited beyond it; what would lie beyond the end of time is never."""
    added: npt.NDArray[np.int64] = np.where(deadline > FAR - wait, FAR, np.minimum(deadline, FAR - wait) + wait)
    return added

"""When each Thing and each Datastream is due, and which of them have been shown to be silent.

A Thing is silent when its clock is beyond its deadline by more than the allowed lateness. A word that comes later than its own
deadline (a replay of old files, a device that sends what it had kept) is no silence: its next deadline counts from the
clock. Before the first tick nobody knows the time; what has come before it counts as having come when it showed.

A Datastream's clock is its Thing: it is silent when the words of the others are beyond its deadline. While all are silent
it is not missed by itself, and when the Thing speaks again it is waited for from then on.

Whatever frames are taken together, what is found and when it is said to have come in is what would be found frame by frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.core.interface import NEVER
from detectors.core.runs import Index, Runs, runs
from streams.detecting.clocks import WALL, Clocks
from streams.detecting.joined import Joined
from streams.detecting.roster import Roster
from streams.detecting.table import Change
from streams.detecting.things import Things, Words
from streams.detecting.waiting import Due, FirstFrame, Waiting, add, behind
from streams.detecting.watch import Watch

Times = npt.NDArray[np.int64]


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
    """The deadlines of one partition's Things and rows."""

    def __init__(self, watch: Watch, clocks: Clocks, roster: Roster) -> None:
        self.watch = watch  # it places every row of the engine, so that its rows are the engine's
        self.things = Things()
        self._clocks = clocks
        self._roster = roster
        self._of_things, self._of_rows = Waiting(self.things.table), Waiting(watch.table)

    def look_again(self) -> None:
        """Something else than a result has changed what is due."""
        self._of_things.look_again()
        self._of_rows.look_again()

    def place(self, row: int, lateness: int) -> None:
        """A row of the engine is declared, anew or again."""
        self.things.place(row, int(self._roster.thing[row]), int(self._roster.clock[row]), lateness)

    def begin(self, first_tick: int) -> None:
        """The wall clock begins: call it before what its frames hold is taken."""
        state, n = self.things.table.state, len(self.things)
        newest = state["newest"][:n]
        after = add(self._deadline(newest, state["after"][:n]), self.things.lateness[:n])
        passed = (self.things.clock[:n] == WALL) & (first_tick > after)
        state["behind"][:n][passed] = first_tick - newest[passed]
        self.things.table.touch(np.arange(n))
        self.look_again()

    def forget(self, row: int) -> None:
        """A row is not waited for any more. Watched again, it is waited for from its next result on."""
        self.watch.table.state["newest"][row] = NEVER
        self.watch.table.touch(row)
        self._roster.behind[row] = 0

    def declared(self, rows: list[int], kinds: Index, ingested_at: int) -> list[Change]:
        """How rows that were known are waited for may have changed; `kinds` is of all rows. The silence of a Thing of which
        none is waited for any more has ended."""
        things = np.unique(self.things.of[rows])
        members = self.things.members(things, len(kinds))
        members = members[self.watch.table.state["newest"].take(members) != NEVER]
        mute = self.things.know_again(things, members, self._after(kinds[members]))
        return self.things.forget(mute, ingested_at)

    def _after(self, kinds: Index) -> Times:
        after: Times = self.watch.uses.parameters["after"].take(kinds)
        return after

    # ------------------------------------------------------------ frames

    def spoke(
        self,
        spoken: Runs,
        rows: npt.NDArray[np.int32],
        kinds: Index,
        lateness: Times,
        shown: Shown,
        frames: Joined,
    ) -> tuple[list[Change], list[Change]]:
        """Take results: what changed of Things, and of rows. `rows` is of all observations, `kinds` and `lateness` are of
        all rows of the engine."""
        first = bool((self.watch.table.state["newest"].take(spoken.rows) == NEVER).any())
        words = self.things.words(spoken, rows, frames, self._after(kinds.take(spoken.at)), first)
        newest = self.things.table.state["newest"].copy()
        before = np.full(len(frames), NEVER, np.int64)  # how far the Thing of each observation was
        before[words.runs.order] = words.runs.previous(newest.take(words.runs.rows), words.runs.time)
        of_things, holes = self._things_spoke(words, shown, frames)

        def first_frame(thing: int, due: int) -> int:
            place = -1 if newest[thing] > due else words.first_beyond(thing, due)
            return 0 if place < 0 else frames.frame_of(place)

        rest = _Rest(kinds, lateness, before, first_frame, frames)
        of_rows = self._rows_spoke(spoken, rows, words, holes, rest)
        self._look_at_things(shown, frames, of_things)
        hot = self._of_rows.passed(self.things.table.state["newest"][: len(self.things)])
        if hot.any():
            waited = self._waited(self.things.members(np.flatnonzero(hot), len(kinds)), kinds)
            due = self._due(waited, kinds, lateness)
            of = self.things.of.take(waited)
            of_rows += self._of_rows.look(waited, due, of, self.things.table.state["newest"], first_frame, frames)
        return of_things, of_rows

    def _things_spoke(self, words: Words, shown: Shown, frames: Joined) -> tuple[list[Change], Index]:
        """What changed, and which words ended a silence."""
        laid, state = words.runs, self.things.table.state
        clock, clocks, lateness = (
            shown.before.take(laid.order),
            self.things.clock.take(laid.at),
            self.things.lateness.take(laid.at),
        )
        before = {name: column.take(laid.rows) for name, column in state.items()}
        next_deadline = self._deadline(laid.time, words.after)
        behind_now = behind(clock, laid.time, add(next_deadline, lateness))
        late_by = laid.previous(before["behind"], behind_now)
        newest = laid.previous(before["newest"], laid.time)
        deadline = laid.previous(self._deadline(before["newest"], before["after"]), next_deadline)
        about = laid.previous(before["voice"], words.voice)
        due = Due(newest, deadline, add(deadline, late_by), add(deadline, late_by + lateness), about)
        changes, holes = self._of_things.spoke(laid, due, clocks, clock, shown.first_frame, frames)
        self.things.heard(words)
        last = laid.last
        state["behind"][laid.rows] = behind_now.take(last)
        self._of_things.wait(clocks.take(last), add(next_deadline.take(last), (behind_now + lateness).take(last)))
        return changes, holes

    def _look_at_things(self, shown: Shown, frames: Joined, changes: list[Change]) -> None:
        hot = self._of_things.passed(self._clocks.now)
        if not hot.any():
            return
        n = len(self.things)
        things = np.flatnonzero(hot.take(self.things.clock[:n]) & ~self.things.table.decisions["open"][:n])
        state = {name: column.take(things) for name, column in self.things.table.state.items()}
        deadline = self._deadline(state["newest"], state["after"])
        found = add(deadline, state["behind"])
        due = Due(state["newest"], deadline, found, add(found, self.things.lateness.take(things)), state["voice"])
        clocks = self.things.clock.take(things)
        changes += self._of_things.look(things, due, clocks, self._clocks.now, shown.first_frame, frames)

    def _rows_spoke(
        self,
        spoken: Runs,
        rows: npt.NDArray[np.int32],
        words: Words,
        holes: Index,
        rest: _Rest,
    ) -> list[Change]:
        """Where a Thing's silence ended, its other Datastreams begin to be waited for before what follows is taken."""
        if not len(holes):
            return self._stretch(spoken, rest)
        places, things, times = (each.take(holes) for each in (words.runs.order, words.runs.at, words.runs.time))
        stretch = np.zeros(len(rows), np.intp)  # how many silences of its Thing have ended, of each observation
        stretch[places] = 1
        ended = np.cumsum(stretch.take(words.order))
        begins = np.searchsorted(words.thing, words.thing)
        stretch[words.order] = ended - np.where(begins > 0, ended[begins - 1], 0)
        by_row = spoken.order.take(np.argsort(spoken.at, kind="stable"))
        changes: list[Change] = []
        for number in range(int(stretch.max()) + 1):
            if number:
                at = stretch.take(places) == number
                changes += self._resume(places[at], things[at], times[at], rest)
            part = by_row[stretch.take(by_row) == number]
            if len(part):
                changes += self._stretch(runs(rows, rest.frames.time, rest.frames.result, part), rest)
        return changes

    def _stretch(self, spoken: Runs, rest: _Rest) -> list[Change]:
        """Take what rows said while no silence of their Things ended."""
        table, rows, time = self.watch.table, spoken.rows, spoken.time
        kinds, lateness = rest.kinds.take(spoken.at), rest.lateness.take(spoken.at)
        after, of = self._after(kinds), self.things.of.take(spoken.at)
        clock = rest.before.take(spoken.order)
        next_deadline = self._deadline(time, after)
        behind_now = behind(clock, time, add(next_deadline, lateness))
        waits = spoken.previous(self._roster.behind.take(rows), behind_now)
        before, last = table.state["newest"].take(rows), spoken.last
        newest = spoken.previous(before, time)
        deadline = add(spoken.previous(self._deadline(before, after.take(last)), next_deadline), waits)
        due = Due(newest, deadline, deadline, add(deadline, lateness))
        changes, _ = self._of_rows.spoke(spoken, due, of, clock, rest.first_frame, rest.frames)
        self.watch.detector.update(table.state, self.watch.uses.parameters_of(kinds), spoken)
        self._roster.behind[rows] = behind_now.take(last)
        self._of_rows.wait(of.take(last), add(next_deadline.take(last), (behind_now + lateness).take(last)))
        return changes

    def _resume(self, places: Index, things: Index, times: Times, rest: _Rest) -> list[Change]:
        """These Things speak again: what had not been missed before is waited for from then on."""
        rows = self._waited(self.things.members(things, len(rest.kinds)), rest.kinds)
        of, place, time = self.things.of.take(rows), *np.zeros((2, len(self.things)), np.int64)
        place[things], time[things] = places, times
        due = self._due(rows, rest.kinds, rest.lateness)
        seen = rest.before.take(place.take(of)) > due.due
        self._roster.behind[rows[~seen]] = (time.take(of) - due.newest)[~seen]
        self._roster.touch(rows[~seen])
        changes = []
        for i in np.flatnonzero(seen).tolist():
            came_in = int(rest.frames.came_in[rest.first_frame(int(of[i]), int(due.due[i]))])
            changes.append(self._of_rows.open(int(rows[i]), due, i, int(due.found[i]), came_in))
        return changes

    def _waited(self, rows: Index, kinds: Index) -> Index:
        """Those of some rows that have spoken, and are not missed."""
        table = self.watch.table
        waited = self.watch.uses.enabled.take(kinds.take(rows)) & (table.state["newest"].take(rows) != NEVER)
        chosen: Index = rows[waited & ~table.is_open(rows)]
        return chosen

    def _due(self, rows: Index, kinds: Index, lateness: Times) -> Due:
        newest = self.watch.table.state["newest"].take(rows)
        deadline = add(self._deadline(newest, self._after(kinds.take(rows))), self._roster.behind.take(rows))
        return Due(newest, deadline, deadline, add(deadline, lateness.take(rows)))

    def _deadline(self, newest: Times, after: Times) -> Times:
        return self.watch.detector.deadline({"newest": newest}, {"after": after})


@dataclass(frozen=True, slots=True)
class _Rest:
    """What rows are judged by. `kinds` and `lateness` are of all rows of the engine; `before` is how far the Thing of each
    observation was before it."""

    kinds: Index
    lateness: Times
    before: Times
    first_frame: FirstFrame
    frames: Joined

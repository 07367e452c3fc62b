"""What is known of each Thing as a whole: when it spoke last, which of its Datastreams have spoken, how long it may be silent.

A word of a Thing is a result of any of its Datastreams that are waited for. Its time is never before that of the word before
it, so that Datastreams that come one after the other do not turn its time back. Not here: what is a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.core.columns import Columns, table
from detectors.core.interface import FAR, NEVER, Times
from detectors.core.runs import Index, Runs, runs
from streams.detecting.joined import Joined
from streams.detecting.table import Change, Table

NOBODY = -1
MANY = 2**40
"""Added to a voice when others have spoken too."""
STATE = np.dtype([("newest", "i8"), ("behind", "i8"), ("after", "i8"), ("voice", "i8")])
"""Time of the last word; how late it came; the longest silence that a Datastream which has spoken is allowed; the row in the
engine of the first one that has, with `MANY` if others have too. In µs."""


@dataclass(frozen=True, slots=True)
class Words:
    """n words. Shapes: `runs` as in `detectors.core.runs`, with Things as rows; `after` and `voice` `(n,)` as they are with each
    word, in the order of the runs; `order`, `thing` and `time` `(n,)` by Thing and each one's in the order of the log."""

    runs: Runs
    after: Times
    voice: Times
    order: Index
    thing: Index
    time: Times

    def first_beyond(self, thing: int, time: int) -> int:
        """The place of a Thing's first word beyond a time; -1 if there is none."""
        start, end = np.searchsorted(self.thing, [thing, thing + 1])
        at = int(start + np.searchsorted(self.time[start:end], time, side="right"))
        return int(self.order[at]) if at < end else -1


class Things:
    """The Things of one partition, in the order in which their first Datastreams were declared."""

    def __init__(self) -> None:
        self.table = Table(STATE, 1, _fresh)
        self.of = np.zeros(64, np.intp)
        """The Thing of each row of the engine."""
        self.clock = np.zeros(64, np.intp)
        self.lateness = np.zeros(64, np.int64)
        """Of each Thing, µs."""

    def __len__(self) -> int:
        return len(self.table)

    def place(self, row: int, identity: int, clock: int, lateness: int) -> None:
        """A row of the engine belongs to this Thing; the clock and the allowed lateness of the Thing are those of the row."""
        if row >= len(self.of):
            self.of = np.concatenate([self.of, np.zeros(max(len(self.of), row), np.intp)])
        thing = self.of[row] = self.table.row(identity)
        if thing >= len(self.clock):
            more = np.zeros(len(self.clock), np.int64)
            self.clock, self.lateness = (np.concatenate([one, more]) for one in (self.clock, self.lateness))
        self.clock[thing], self.lateness[thing] = clock, lateness

    def members(self, things: Index | Sequence[int], n: int) -> Index:
        """Which of the first n rows of the engine belong to these Things."""
        chosen = np.zeros(len(self), bool)
        chosen[things] = True
        return np.flatnonzero(chosen[self.of[:n]])

    def know_again(self, things: Index, rows: Index, after: Times) -> Index:
        """Something else than a word has changed which rows are waited for: these, of these Things. Returns the Things
        of which none is."""
        state = self.table.state
        of, before = self.of[rows], state["voice"][things] % MANY
        state["after"][things], state["voice"][things] = 0, FAR
        np.maximum.at(state["after"], of, after)
        np.minimum.at(state["voice"], of, rows)
        stays = np.isin(before, rows)  # who spoke first goes on to speak for it
        state["voice"][things[stays]] = before[stays]
        several = np.bincount(of, minlength=len(self)) > 1
        state["voice"][: len(several)][several] += MANY
        state["voice"][things[state["voice"][things] == FAR]] = NOBODY
        self.table.touch(things)
        mute: Index = things[state["voice"][things] == NOBODY]
        return mute

    def forget(self, things: Index, ingested_at: int) -> list[Change]:
        """Nothing of these is waited for any more: their silence ends."""
        state, is_open = self.table.state, self.table.is_open(things)
        ended = [self.table.end(thing, int(state["newest"][thing]), ingested_at) for thing in things[is_open].tolist()]
        state["newest"][things], state["behind"][things] = NEVER, 0
        return ended

    def words(self, spoken: Runs, rows: npt.NDArray[np.int32], frames: Joined, after: Times, first: bool) -> Words:
        """Of what was spoken. `rows` is of all observations, `after` of each spoken one; `first` tells whether a
        Datastream speaks for the first time."""
        state, n = self.table.state, len(rows)
        said = np.zeros(n, bool)
        said[spoken.order] = True
        order = np.flatnonzero(said)
        things = self.of.take(rows.take(order))
        by_thing = np.argsort(things if len(self) > 65_535 else things.astype(np.uint16), kind="stable")
        order, thing = order.take(by_thing), things.take(by_thing)
        begins = np.append(True, thing[1:] != thing[:-1])[: len(thing)]
        time = _since(begins, state["newest"].take(thing), frames.time.take(order))
        times, of = np.empty(n, np.int64), np.empty(n, np.intp)
        times[order], of[order] = time, thing
        laid = runs(of, times, frames.result, order)
        allowed, voice = state["after"].take(laid.at), state["voice"].take(laid.at)
        if first:
            by_place = np.empty(n, np.int64)
            by_place[spoken.order] = after
            by_place[order] = _since(begins, state["after"].take(thing), by_place.take(order))
            allowed = by_place.take(laid.order)
            row, known = rows.take(order).astype(np.int64), state["voice"].take(thing)
            its_first = np.where(known == NOBODY, row[begins][np.cumsum(begins) - 1], known % MANY)
            known = np.maximum(known, its_first)
            by_place[order] = _since(begins, known, its_first + np.where(row == its_first, 0, MANY))
            voice = by_place.take(laid.order)
        return Words(laid, allowed, voice, order, thing, time)

    def heard(self, words: Words) -> None:
        """Take them over."""
        laid, state = words.runs, self.table.state
        state["newest"][laid.rows] = laid.time.take(laid.last)
        state["after"][laid.rows] = words.after.take(laid.last)
        state["voice"][laid.rows] = words.voice.take(laid.last)
        self.table.touch(laid.rows)


def _fresh(n: int) -> Columns:
    state = table(np.zeros(n, STATE), STATE)
    state["newest"][:] = NEVER
    state["voice"][:] = NOBODY
    return state


def highest_so_far(begins: npt.NDArray[np.bool_], values: Times) -> Times:
    """Of runs of values that lie one after the other, each begun by a mark; shapes `(n,)`."""
    if not ((values[1:] < values[:-1]) & ~begins[1:]).any():
        return values
    start = np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))
    values = values.copy()
    step, index = 1, np.arange(len(begins))
    while (reaches := index - step >= start).any():
        values[reaches] = np.maximum(values[reaches], values[index[reaches] - step])
        step *= 2
    return values


def _since(begins: npt.NDArray[np.bool_], before: Times, values: Times) -> Times:
    """The highest so far, with what each run had before it."""
    return highest_so_far(begins, np.where(begins, np.maximum(before, values), values))

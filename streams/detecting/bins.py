"""Observations of neighbours, gathered into bins of event time until these close.

Neighbours are the Datastreams of one sensor type in one zone with one interval. A bin is one interval long. It closes when
a clock is beyond its end by the allowed lateness: the zone's own, or the wall's where that is the Things' clock. Whatever comes
for it later is too late for it, so that a closed bin is the same however observations were cut into frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np

from detectors.core.interface import FAR, NEVER, Floats, Times
from detectors.core.runs import Index
from streams.detecting.clocks import WALL, Clocks
from streams.detecting.silence import Shown

ALONE = -1
_CHUNK = 8_000
"""Observations of one chunk of a checkpoint: 160 kB."""


class KeptBins(msgspec.Struct, tag="bins"):
    """Observations of one neighbourhood that wait, the newest of each Datastream and bin; a part of them."""

    name: str
    interval: int
    lateness: int
    rows: bytes
    times: bytes
    results: bytes


@dataclass
class Group:
    """One neighbourhood. Its members are rows of the engine."""

    name: str
    clock: int  # the number of the zone's own clock
    interval: int  # µs
    lateness: int  # µs
    wall: bool  # the wall's clock closes bins too
    members: set[int] = field(default_factory=set)
    waiting: list[tuple[Index, Times, Floats]] = field(default_factory=list)
    first: int = FAR  # the beginning of the earliest bin that waits


@dataclass(frozen=True, slots=True)
class Closed:
    """Bins that closed. `starts` `(b,)` and when they came in `(b,)`, µs; the Observations in the order of time, each
    with its row in the engine and its bin's place; of one row and bin there is one."""

    starts: Times
    came_in: Times
    rows: Index
    bins: Index
    times: Times
    results: Floats


class Bins:
    """All neighbourhoods of a partition, by number."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self._numbers: dict[tuple[str, int, int], int] = {}
        self._of_row = np.full(64, ALONE, np.intp)
        self._dirty: set[int] = set()
        self._chunks: dict[int, int] = {}  # how many each group had in the last checkpoint

    def __len__(self) -> int:
        return len(self.groups)

    def group_of(self, row: int) -> int:
        """The number of a row's neighbourhood, `ALONE` where it has none."""
        return int(self._of_row[row]) if row < len(self._of_row) else ALONE

    def groups_of(self, rows: Index) -> Index:
        """The number of each row's neighbourhood, of rows that have joined or left one; `ALONE` where it has none."""
        return self._of_row.take(rows)

    def join(self, row: int, name: str, clock: int, interval: int, lateness: int, wall: bool) -> bool:
        """Put a row of the engine into the neighbourhood of this name; whether it was elsewhere before."""
        key = (name, interval, lateness)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.groups)
            self.groups.append(Group(name, clock, interval, lateness, wall))
        self.groups[number].wall = wall
        return self._put(row, number)

    def leave(self, row: int) -> bool:
        """The row is watched alone; whether it was in a neighbourhood before."""
        return self._put(row, ALONE)

    def _put(self, row: int, number: int) -> bool:
        if row >= len(self._of_row):
            self._of_row = np.concatenate([self._of_row, np.full(max(len(self._of_row), row), ALONE, np.intp)])
        before = int(self._of_row[row])
        if before == number:
            return False
        self._of_row[row] = number
        if before != ALONE:
            self.groups[before].members.discard(row)
        if number != ALONE:
            self.groups[number].members.add(row)
        return True

    def take(self, rows: Index, times: Times, results: Floats, groups: Index, before: Times, wall: Times) -> None:
        """Observations of rows that have neighbours, in the order of the log; all shapes are `(n,)`.

        `before` and `wall` are what the zone's and the wall's clock showed before each came.
        """
        if not len(rows):
            return
        order = np.argsort(groups, kind="stable")
        groups = groups.take(order)
        cuts = (np.flatnonzero(groups[1:] != groups[:-1]) + 1).tolist()
        for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
            part, group = order[start:end], self.groups[groups[start]]
            time = times.take(part)
            begins = time - time % group.interval
            shown = before.take(part)
            if group.wall:
                shown = np.maximum(shown, wall.take(part))
            in_time = shown < _due(begins, group)
            if not in_time.all():
                part, time, begins = part[in_time], time[in_time], begins[in_time]
            if not len(part):
                continue
            group.waiting.append((rows.take(part), time, results.take(part)))
            group.first = min(group.first, int(begins.min()))
            self._dirty.add(int(groups[start]))

    def close(self, clocks: Clocks, shown: Shown, came_in: Times) -> Iterator[tuple[int, Closed]]:
        """The bins that the clocks have passed, by neighbourhood. `came_in` is of each frame."""
        for number, group in enumerate(self.groups):
            if group.first == FAR:
                continue
            now = int(clocks.now[group.clock])
            if group.wall:
                now = max(now, int(clocks.now[WALL]))
            if now < group.first + group.interval + group.lateness:
                continue

            def frame_of(begins: int, group: Group = group) -> int:
                due = begins + group.interval + group.lateness - 1
                frames = [shown.first_frame(group.clock, due)]
                if group.wall:
                    frames.append(shown.first_frame(WALL, due))
                return min(*frames, len(came_in) - 1)

            rows, times, results = _waiting(group)
            passed = _due(times - times % group.interval, group) <= now
            self._dirty.add(number)
            group.waiting = [(rows[~passed], times[~passed], results[~passed])]
            group.first = min((times[~passed] - times[~passed] % group.interval).tolist(), default=FAR)
            closed = _closed(group, rows[passed], times[passed], results[passed])
            closed.came_in[:] = [came_in[frame_of(begins)] for begins in closed.starts.tolist()]
            yield number, closed

    def close_all(self, came_in: int) -> Iterator[tuple[int, Closed]]:
        """What waits, as if all clocks had passed it: at the end of a file."""
        for number, group in enumerate(self.groups):
            if group.first != FAR:
                rows, times, results = _waiting(group)
                group.waiting, group.first = [], FAR
                closed = _closed(group, rows, times, results)
                closed.came_in[:] = came_in
                yield number, closed

    # ------------------------------------------------------------ checkpoints

    def changed(self, *, whole: bool) -> list[tuple[tuple[int, int], KeptBins]]:
        """(neighbourhood, part) and content of what changed since `mark_clean`, or of all."""
        out = []
        for number in range(len(self.groups)) if whole else sorted(self._dirty):
            group = self.groups[number]
            rows, times, results = _waiting(group)
            group.waiting = [(rows, times, results)]
            parts = max(-(-len(rows) // _CHUNK), 0 if whole else self._chunks.get(number, 0))
            self._chunks[number] = parts
            for part in range(parts):
                at = slice(part * _CHUNK, (part + 1) * _CHUNK)
                raw = (rows[at].astype(np.int32).tobytes(), times[at].tobytes(), results[at].tobytes())
                out.append(((number, part), KeptBins(group.name, group.interval, group.lateness, *raw)))
        return out

    def mark_clean(self) -> None:
        """All that changed so far is kept."""
        self._dirty.clear()

    def restore(self, kept: KeptBins) -> None:
        """Take over a part; rows must be declared again before."""
        number = self._numbers.get((kept.name, kept.interval, kept.lateness))
        if number is None or not kept.rows:
            return
        group = self.groups[number]
        times = np.frombuffer(kept.times, np.int64)
        rows = np.frombuffer(kept.rows, np.int32).astype(np.intp)
        group.waiting.append((rows, times, np.frombuffer(kept.results, np.float64)))
        group.first = min(group.first, int((times - times % group.interval).min()))


def _due(begins: Times, group: Group) -> Times:
    wait = group.interval + group.lateness
    due: Times = np.where(begins > FAR - wait, FAR, np.minimum(begins, FAR - wait) + wait)
    return due


def _waiting(group: Group) -> tuple[Index, Times, Floats]:
    """What waits, sorted by bin, row and time, without what a newer one in its bin and row has replaced."""
    if not group.waiting:
        return np.zeros(0, np.intp), np.zeros(0, np.int64), np.zeros(0)
    rows, times, results = (np.concatenate(column) for column in zip(*group.waiting, strict=True))
    bins = times // group.interval
    order = np.lexsort((-np.arange(len(rows)), times, rows, bins))  # of the same time the first counts
    rows, times, results, bins = rows[order], times[order], results[order], bins[order]
    last = np.append((rows[1:] != rows[:-1]) | (bins[1:] != bins[:-1]), True)[: len(rows)]
    return rows[last], times[last], results[last]


def _closed(group: Group, rows: Index, times: Times, results: Floats) -> Closed:
    """Of Observations in the order of their bins."""
    begins = times - times % group.interval
    first = np.append(True, begins[1:] != begins[:-1])[: len(begins)]
    starts = begins[first]
    return Closed(starts, np.full(len(starts), NEVER, np.int64), rows, np.cumsum(first) - 1, times, results)

"""What a Thing says as a whole: its time never goes back, and who has spoken so far goes with each word."""

from __future__ import annotations

import numpy as np

from detectors.core.interface import NEVER
from detectors.core.runs import runs
from streams.detecting.joined import join
from streams.detecting.things import MANY, NOBODY, Things, Words, highest_so_far
from tests.unit.streams.detecting.test_engine import HOUR, START, Clock, Seen, frame


def said(things: Things, rows: list[int], hours: list[int], after: list[int], *, first: bool) -> Words:
    """Words of Datastreams by their rows; the hours that each may be silent."""
    frames = join(
        [frame([Seen(row, "a", hour, 1.0) for row, hour in zip(rows, hours, strict=True)], Clock.DATA)], NEVER
    )
    at = np.array(rows, np.int32)
    spoken = runs(at, frames.time, frames.result)
    words = things.words(spoken, at, frames, np.array(after, np.int64).take(spoken.order), first)
    things.heard(words)
    return words


def two_things() -> Things:
    things = Things()
    for row, thing in enumerate((70, 80, 70, 70)):
        things.place(row, thing, 1, 5)
    return things


def test_words_lie_by_thing_in_the_order_of_the_log() -> None:
    things = two_things()
    words = said(things, [2, 1, 0, 2, 3], [10, 3, 9, 11, 2], [4, 9, 6, 4, 5], first=True)
    assert words.thing.tolist() == [0, 0, 0, 0, 1]
    assert words.order.tolist() == [0, 2, 3, 4, 1]
    assert ((words.time - START) / HOUR).tolist() == [10, 10, 11, 11, 3]
    by_place = np.argsort(words.runs.order)
    assert words.after[by_place].tolist() == [4, 9, 6, 6, 6]
    assert words.voice[by_place].tolist() == [2, 1, MANY + 2, MANY + 2, MANY + 2]
    assert (words.first_beyond(0, START + 10 * HOUR), words.first_beyond(0, START + 11 * HOUR)) == (3, -1)
    later = said(things, [0], [8], [6], first=False)
    assert (later.time[0] - START) / HOUR == 11
    assert things.table.state["newest"][0] == later.time[0]


def test_of_whom_nothing_is_waited_for_nobody_speaks() -> None:
    things = two_things()
    said(things, [2, 1, 0], [1, 1, 1], [4, 9, 6], first=True)
    both = np.array([0, 1])
    assert things.know_again(both, np.array([0, 1, 2]), np.array([6, 9, 4])).tolist() == []
    assert things.table.state["voice"][:2].tolist() == [MANY + 2, 1], "who spoke first still does"
    assert things.know_again(both, np.array([0]), np.array([6])).tolist() == [1]
    assert things.table.state["voice"][:2].tolist() == [0, NOBODY]
    assert things.table.state["after"][:2].tolist() == [6, 0]
    assert things.forget(np.array([1]), 0) == []
    assert things.table.state["newest"][1] == NEVER


def test_the_highest_so_far_begins_anew_with_each_run() -> None:
    values = np.array([3, 1, 2, 5, 4, 1, 0, 2])
    begins = np.array([1, 0, 0, 0, 0, 1, 0, 0], bool)
    assert highest_so_far(begins, values).tolist() == [3, 3, 3, 5, 5, 1, 1, 2]

"""A zone's clock is the second-newest of its Things' newest times, observation by observation."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.core.interface import NEVER
from streams.detecting.clocks import WALL, Clocks

LOG = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 4), st.integers(-5, 30)), max_size=40)


def plain(log: list[tuple[str, int, int]]) -> list[tuple[int, int]]:
    """What the clock showed before and after each, in plain words."""
    shown: list[tuple[int, int]] = []
    newest: dict[str, dict[int, int]] = {"a": {}, "b": {}}
    clocks = {"a": NEVER, "b": NEVER}
    for zone, thing, time in log:
        things = newest[zone]
        things[thing] = max(time, things.get(thing, NEVER))
        times = sorted(things.values())
        now = max(clocks[zone], times[-2] if len(times) > 1 else times[-1])
        shown.append((clocks[zone], now))
        clocks[zone] = now
    return shown


@settings(max_examples=200, deadline=None)
@given(LOG, st.integers(0, 40))
def test_it_is_the_plain_rule_however_it_is_cut(log: list[tuple[str, int, int]], cut: int) -> None:
    clocks = Clocks()
    shown: list[tuple[int, int]] = []
    for part in (log[:cut], log[cut:]):
        numbers = np.array([clocks.number(zone) for zone, *_ in part], np.intp)
        things = np.array([thing for _, thing, _ in part], np.int64)
        times = np.array([time for *_, time in part], np.int64)
        before, after = clocks.advance(numbers, things, times)
        shown += zip(before.tolist(), after.tolist(), strict=True)
    assert shown == plain(log)


def test_what_is_rebuilt_goes_on_as_before() -> None:
    live, again = Clocks(), Clocks()
    zone = live.number("a")
    live.advance(np.full(3, zone), np.array([1, 2, 3]), np.array([50, 40, 30]))
    again.restore(live.kept())
    again.rebuild(again.number("a"), np.array([1, 2, 2, 3]), np.array([50, 7, 40, 30]))
    more = np.full(2, zone), np.array([3, 2]), np.array([45, 60])
    assert [each.tolist() for each in live.advance(*more)] == [each.tolist() for each in again.advance(*more)]
    assert live.kept() == {"a": 50}


def test_the_wall_clock_does_not_go_back() -> None:
    clocks = Clocks()
    clocks.tick(7)
    clocks.tick(3)
    assert clocks.now[WALL] == 7

"""A partition is served after a kill when something comes of an Observation that was due after it."""

from __future__ import annotations

from aedilis.topics import PARTITIONS
from bench.takeover import _Served


def test_what_was_due_before_the_kill_says_nothing() -> None:
    served = _Served()
    for partition in range(PARTITIONS):
        served.say(partition, 1_000)
    served.say(0, 900)  # said again by who took over
    assert served.after(1_000) == [None] * PARTITIONS
    served.say(0, 1_001)
    after = served.after(1_000)
    assert after[0] is not None
    assert after[1:] == [None] * (PARTITIONS - 1)

"""When a message is due: in recorded time at a speed, or when the wall clock reaches its time."""

from __future__ import annotations

import time
from collections.abc import Callable

Delay = Callable[[float], float]
"""Seconds from now until a message of this time (seconds since 1970) is due; 0 or less: now."""


def at_speed(speed: float) -> Delay:
    """`speed` times as fast as recorded, from the first message on; 0 is as fast as it goes."""
    first: tuple[float, float] | None = None

    def delay(moment: float) -> float:
        nonlocal first
        if not speed:
            return 0.0
        if first is None:
            first = (moment, time.monotonic())
        return first[1] + (moment - first[0]) / speed - time.monotonic()

    return delay


def live(moment: float) -> float:
    """By the wall clock; what lies in the past is due at once."""
    return moment - time.time()

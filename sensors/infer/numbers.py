"""Ranges, sentinels and the interval, from the numbers themselves."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

SENTINELS = (-9999.0, -999.9, -999.0, -127.0, -99.9, 999.0, 999.9, 1999.0, 6553.5, 9999.0, 32767.0, -32768.0, 65535.0)
"""Numbers by which devices say that they have none."""


def sentinels(values: Sequence[float], limits: tuple[float, float] | None) -> list[tuple[float, float, str]]:
    """(number, confidence, why) of numbers that are no measurements; `limits` are what is possible, in the same unit."""
    found = []
    others = [value for value in values if value not in SENTINELS]
    for number, times in Counter(value for value in values if value in SENTINELS).items():
        if limits and not limits[0] <= number <= limits[1]:
            found.append((number, 0.9, f"{_times(times)}, and is impossible"))
        elif len(others) >= 3 and not _near(number, others):
            found.append((number, 0.6, f"{_times(times)}, far from all others"))
    return found


def _times(number: int) -> str:
    return "came once" if number == 1 else f"came {number} times"


def _near(number: float, others: Sequence[float]) -> bool:
    low, high = min(others), max(others)
    return low - 3 * (high - low or 1.0) <= number <= high + 3 * (high - low or 1.0)


def usual(values: Sequence[float]) -> tuple[float, float] | None:
    """A range around what was seen, as wide again on each side; None for fewer than five values."""
    if len(values) < 5:
        return None
    low, high = min(values), max(values)
    margin = (high - low) or max(1.0, abs(high) * 0.5)
    return _round(low - margin), _round(high + margin)


def _round(number: float) -> float:
    return float(f"{number:.2g}")


def interval(times: Sequence[Sequence[float]]) -> tuple[float, float, str] | None:
    """(seconds, confidence, why) from the times (s) of each Thing; None where no two differ."""
    steps = [b - a for one in times for a, b in zip(sorted(one), sorted(one)[1:], strict=False) if b > a]
    if not steps:
        return None
    median = statistics.median(steps)
    seconds = float(f"{median:.3g}") if median < 60 else float(round(median))
    alike = sum(abs(step - median) <= 0.1 * median for step in steps) / len(steps)
    few = min(1.0, len(steps) / 5)
    return seconds, round(0.9 * alike * few + 0.05, 2), f"the median of {len(steps)} steps, {alike:.0%} are like it"

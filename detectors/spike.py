"""Spike: a result far from what the last results and the hour of the day let expect.

    expected = level + (season now - season at the last result)
    z        = |result - expected| / scale,   score = z² / (z² + t²/19): 0.95 at the threshold t

The level follows the results. The season is a value for each full hour of the local day (of weekdays and weekends
apart if asked), a straight line between two of them, so that no hour begins with a step; it starts flat and learns
from what the level missed. The scale is the usual size of a surprise: half of it that of the last ten results, half
that of the hour. It is wider after a silence and until one season was seen, and never less than a floor. A result
that did not change says nothing of how far this Datastream moves, so rest (night, holiday, a price that stands) does
not make the scale small.

What lies outside of the band does not move the level, and the rest only by a few scales, so that a spike leaves next
to no trace; after `patience` of them in a row the new level is taken for what it is, and the anomaly ends. What comes
back each day at the same hour widens that hour, and is learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream
from detectors.interface import NEVER, Declared, Floats, Table, Times, Verdict, never

HOUR = 3_600_000_000
DAY = 24 * HOUR
SEASONS = {"none": 0, "day": 1, "week": 7}
LARGEST = 1e30
"""Results are clipped here: profiles are float32."""
LEAST_SCALE = 1e-12
FAST = 0.1
"""Rate of the scale: about the last ten results."""
HABIT = 0.03
"""Rate of the usual surprise of an hour: about a month of days."""
SEASON = 0.05
"""Rate of the season."""
LARGEST_SPREAD = 100.0
"""Times the scale: what a monstrous result taught an hour is forgotten with the scale."""
LONGEST_GAP = 64.0
"""Intervals of silence after which uncertainty does not grow any more: eight times the scale."""

Places = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]


class Spike:
    """Robust seasonal baseline; 440 bytes a Datastream."""

    name: ClassVar[str] = "spike"
    kind: ClassVar[str] = "spike"
    schema: ClassVar[int] = 2
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("threshold", "f8"),
            ("season", "i8"),
            ("warm_up", "i8"),
            ("offset", "i8"),
            ("follow", "f8"),
            ("share", "f8"),
            ("floor", "f8"),
            ("patience", "i8"),
            ("lowest", "f8"),
            ("highest", "f8"),
            ("interval", "i8"),
        ]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("profile", "f4", (48,)),  # the season at each full hour; from 24 on those of weekends
            ("spread", "f4", (48,)),  # the usual surprise at each full hour; 0: not seen
            ("level", "f8"),
            ("season", "f8"),  # the season at the last result
            ("scale", "f8"),
            ("last", "f8"),
            ("begun", "i8"),
            ("newest", "i8"),
            ("count", "i4"),
            ("outside", "i4"),  # results in a row outside of the band
        ]
    )
    defaults: ClassVar[Mapping[str, Any]] = {
        "threshold": 8.0,
        "season": "day",
        "warm_up": 72,
        "utc_offset_minutes": 0,
        "follow": 0.7,
        "share": 0.01,
        "floor": 0.0,
        "patience": 24,
        "lowest": -np.inf,
        "highest": np.inf,
    }

    def fresh(self, n: int) -> Table:
        """Nothing seen."""
        state = np.zeros(n, self.state)
        state["newest"] = NEVER
        return state

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """What may be declared.

        threshold: scales that make a score of 0.95. season: none, day, or week (weekdays and weekends apart).
        warm_up: results that are not scored. utc_offset_minutes: of the local day. follow: how much of a surprise
        the level takes over, up to 1. share: the scale is at least this share of what is expected. floor: the scale
        is at least this, in the unit. patience: results in a row outside of the band that make a new level.
        lowest, highest: what the property cannot pass; the band ends there.
        """
        values = Declared(self.name, self.defaults, declared)
        low, high = values.number("lowest"), values.number("highest")
        if not low < high:
            raise ValueError(f"detector spike: expected lowest < highest, got {low} and {high}")
        return (
            values.number("threshold", above=0, most=1e6),
            SEASONS[values.word("season", SEASONS)],
            values.count("warm_up", least=10),
            values.count("utc_offset_minutes", least=-1440, most=1440) * 60_000_000,
            values.number("follow", above=0, most=1),
            values.number("share", least=0, most=1),
            values.number("floor", least=0, most=LARGEST),
            values.count("patience", least=2),
            low,
            high,
            max(datastream.interval, 1),
        )

    def update(self, state: Table, parameters: Table, time: Times, result: Floats) -> Verdict:
        """See `Detector.update`."""
        x = np.clip(result, -LARGEST, LARGEST)
        rows = np.arange(len(x))
        new = state["count"] == 0
        state["begun"] = np.where(new, time, state["begun"])
        age = time.astype(np.float64) - state["begun"]
        first, second, part = places = _places(time, parameters)
        season = _between(state["profile"], rows, places)
        expected = np.where(new, x, state["level"] + (season - state["season"]))
        surprise = x - expected
        # how far it usually is, and may be now
        missed = (time.astype(np.float64) - state["newest"]) / parameters["interval"]
        grown = np.sqrt(np.clip(missed, 1.0, LONGEST_GAP))
        for place in (first, second):
            spread = state["spread"][rows, place]
            spread = np.where(spread == 0, state["scale"], np.minimum(spread, LARGEST_SPREAD * state["scale"]))
            state["spread"][rows, place] = np.minimum(spread, LARGEST)
        usual = 0.5 * (state["scale"] + _between(state["spread"], rows, places))
        least = np.maximum(parameters["floor"], parameters["share"] * np.abs(expected)) + LEAST_SCALE
        known = 1.25 * grown * np.maximum(usual, least)
        scale = np.where(age < parameters["season"] * float(DAY), 2.0 * known, known)
        # score
        threshold = parameters["threshold"]
        z = np.minimum(np.abs(surprise) / scale, 1e6)
        warm = state["count"] >= parameters["warm_up"]
        score = np.where(warm, z * z / (z * z + threshold * threshold / 19.0), 0.0)
        low = np.where(warm, np.maximum(expected - threshold * scale, parameters["lowest"]), np.nan)
        high = np.where(warm, np.minimum(expected + threshold * scale, parameters["highest"]), np.nan)
        # learn
        outside = warm & (z > threshold)
        in_a_row = np.where(outside, state["outside"] + 1, 0)
        taken = in_a_row >= parameters["patience"]
        state["outside"] = np.where(taken, 0, in_a_row)
        # what only this hour makes usual may not move the level out of the band of the next one
        reach = np.where(warm, 0.625 * threshold * grown * np.maximum(state["scale"], least), np.inf)
        follow = np.where(outside, 0.0, parameters["follow"]) * np.clip(surprise, -reach, reach)
        state["level"] = expected + np.where(taken, surprise, follow)
        step = np.where(warm & (parameters["season"] > 0), SEASON * np.clip(surprise, -2.0 * known, 2.0 * known), 0.0)
        _add(state["profile"], rows, first, (1.0 - part) * step)
        _add(state["profile"], rows, second, part * step)
        state["season"] = _between(state["profile"], rows, places)
        early = state["count"] < 10
        moved = ~new & (x != state["last"])
        size = np.minimum(np.abs(surprise), np.where(early, LARGEST, np.where(outside, 1.25, 4.0) * known)) / grown
        rate = np.where(moved, np.maximum(FAST, 1.0 / (state["count"] + 1.0)), 0.0)
        state["scale"] = state["scale"] + rate * (size - state["scale"])
        size = np.minimum(np.abs(surprise), np.where(early, LARGEST, 8.0 * known)) / grown
        visits = np.minimum(parameters["interval"] / float(HOUR), 1.0)  # a share of what an hour sees
        rate = np.where(moved, np.maximum(HABIT, 1.0 / (age / DAY + 2.0)) * visits, 0.0)
        _add(state["spread"], rows, first, (1.0 - part) * rate * (size - state["spread"][rows, first]))
        _add(state["spread"], rows, second, part * rate * (size - state["spread"][rows, second]))
        state["last"] = x
        state["newest"] = time
        state["count"] = np.minimum(state["count"], 1_000_000) + 1
        return Verdict(score, low, high, time)

    def deadline(self, state: Table, parameters: Table) -> Times:
        """It does not watch silence."""
        return never(state)


def _places(time: Times, parameters: Table) -> Places:
    """The full hours before and after, and how far between them: a day has 24, from 24 on at weekends."""
    local = time + parameters["offset"]
    hour = local // HOUR
    return _place(hour, parameters), _place(hour + 1, parameters), (local - hour * HOUR) / float(HOUR)


def _place(hour: Times, parameters: Table) -> npt.NDArray[np.intp]:
    weekend = ((hour // 24) + 3) % 7 >= 5  # 1970-01-01 was a Thursday
    place = np.where(parameters["season"] == 0, 0, hour % 24)
    return np.where((parameters["season"] == 7) & weekend, place + 24, place).astype(np.intp)


def _between(table: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], places: Places) -> Floats:
    first, second, part = places
    return (1.0 - part) * table[rows, first].astype(np.float64) + part * table[rows, second].astype(np.float64)


def _add(
    table: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], place: npt.NDArray[np.intp], amount: Floats
) -> None:
    table[rows, place] = (table[rows, place] + amount).astype(np.float32)

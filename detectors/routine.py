"""Routine: for hours more, or less, than hour and kind of day make usual. Holidays need no calendar.

    z    = (mean of the hour - usual) / spread, both of this hour on this kind of day
    sum += ±z - height, not below 0, each hour        for above and for below
    score = sum / (sum + area / 9)                    0.9 when the larger sum reaches `area`

There are three kinds of day: working days, Saturdays, Sundays. The calendar tells which one to think of first, but any
day may go like a Sunday, and a day of rest like a working day: an hour is as usual if it is so for one of them. So a
holiday is none to tell of, wherever the city lies. The hours teach the kind of day that fitted the last few best, the
calendar's unless another fits clearly better: a holiday teaches what Sundays are like, and working days stay as they
were. The price: who stays shut on a Monday as on Sundays is not found by this. `weekdays = true` believes the calendar
alone. Told once, an anomaly lasts until three hours in a row were as usual.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns, table
from detectors.core.interface import Declared, Floats, Times, Verdict, never
from detectors.core.runs import Runs
from detectors.core.words import Phrase, Words

MINUTE = 60_000_000
HOUR = 60 * MINUTE
LARGEST = 1e30
LEAST = 1e-12
TALLEST = 4.0
"""Spreads up to which one hour counts."""
FORGETS = 0.3
"""Rate at which an hour's fit is forgotten: about the last three hours."""
CLEARLY = 0.5
"""Spreads by which the other kind of day has to fit better."""
HABIT = 0.07
"""Rate of the usual mean and spread of an hour: two weeks of days."""
NEAR = 1.0
"""Spreads up to which an hour is as usual."""
QUIET = 3
"""Hours as usual that end an anomaly."""
VISITS = 3
"""Days of a kind that an hour has to know."""

KINDS = 3
"""Working day, Saturday, Sunday."""
SATURDAY = 1

Index = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


class Routine:
    """Hours against three kinds of day; 548 bytes a Datastream."""

    name: ClassVar[str] = "routine"
    kinds: ClassVar[tuple[str, ...]] = ("above_usual", "below_usual")
    evidence: ClassVar[tuple[str, ...]] = ("own history",)
    facts: ClassVar[tuple[str, ...]] = ("hourly_mean", "usual_mean")
    words: ClassVar[Mapping[str, Words]] = {
        "above_usual": Words(
            Phrase(
                "for hours more than usual[, {hourly_mean} in the last hour and {usual_mean} usually]",
                "数小时持续高于常态[，近一小时均值 {hourly_mean}，常态 {usual_mean}]",
            )
        ),
        "below_usual": Words(
            Phrase(
                "for hours less than usual[, {hourly_mean} in the last hour and {usual_mean} usually]",
                "数小时持续低于常态[，近一小时均值 {hourly_mean}，常态 {usual_mean}]",
            )
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "own history": Phrase("its own history", "自身历史"),
        "hourly_mean": Phrase("mean of the last hour", "近一小时均值"),
        "usual_mean": Phrase("what is usual", "常态均值"),
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("height", "f8"),
            ("area", "f8"),
            ("share", "f8"),
            ("floor", "f8"),
            ("weekdays", "?"),
            ("offset", "i8"),
            ("least", "f8"),
        ]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("usual", "f4", (24 * KINDS,)),  # mean of each hour of each kind of day
            ("spread", "f4", (8 * KINDS,)),  # how far the hours usually are from it, three of them together
            ("visits", "u1", (24 * KINDS,)),  # days, 255 at most
            ("misfit", "f8", (KINDS,)),  # spreads by which the last hours missed each kind of day
            ("sums", "f8", (2,)),  # above, below
            ("since", "i8", (2,)),  # hours since 1970 in which they left 0
            ("hour", "i8"),  # that is being filled, since 1970
            ("total", "f8"),  # of its results
            ("many", "i4"),
            ("calm", "i4"),  # hours as usual in a row
            ("mean", "f4"),
            ("expected", "f4"),
            ("reach", "f4"),  # half the width of the band
        ]
    )
    defaults: ClassVar[Mapping[str, Any]] = {
        "height": 1.5,
        "area": 6.0,
        "share": 0.1,
        "floor": 0.0,
        "weekdays": False,
        "utc_offset_minutes": 0,
    }

    def fresh(self, n: int) -> Columns:
        """Nothing seen."""
        return table(np.zeros(n, self.state), self.state)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """What may be declared.

        height: spreads from usual from which an hour counts. area: spread-hours beyond it that make an anomaly.
        share: the spread is at least this share of what is usual. floor: and at least this, in the unit. weekdays:
        believe the calendar alone. utc_offset_minutes: of the local day. An hour counts when half of the observations
        came that were due.
        """
        values = Declared(self.name, self.defaults, declared)
        return (
            values.number("height", above=0, most=TALLEST - 0.5),
            values.number("area", above=0, most=1e6),
            values.number("share", least=0, most=10),
            values.number("floor", least=0, most=LARGEST),
            values.truth("weekdays"),
            values.count("utc_offset_minutes", least=-1440, most=1440) * MINUTE,
            max(1.0, 0.5 * HOUR / max(datastream.interval, 1)),
        )

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`. An hour is weighed when the first observation after it comes."""
        p: Any = parameters
        x = np.minimum(np.maximum(runs.result, -LARGEST), LARGEST)
        hour = runs.time // HOUR
        n = len(x)
        sums, facts, reach = np.zeros((2, n)), np.zeros((2, n)), np.zeros(n)
        starts_at = np.zeros((2, n), np.int64)
        for m, these in runs.rounds():
            rows = runs.rows[:m]
            ended = (state["many"][rows] > 0) & (hour[these] != state["hour"][rows])
            if ended.any():
                _close(state, rows[ended], {name: column[these][ended] for name, column in parameters.items()})
            state["total"][rows] += x[these]
            state["many"][rows] += 1
            state["hour"][rows] = hour[these]
            sums[:, these] = state["sums"][rows].T
            starts_at[:, these] = state["since"][rows].T * HOUR
            facts[0, these], facts[1, these] = state["mean"][rows], state["expected"][rows]
            reach[these] = state["reach"][rows]
        below = sums[1] > sums[0]
        larger = np.where(below, sums[1], sums[0])
        known = reach > 0
        return Verdict(
            larger / (larger + p["area"] / 9.0),
            np.where(known, facts[1] - reach, np.nan),
            np.where(known, facts[1] + reach, np.nan),
            np.where(larger > 0, np.where(below, starts_at[1], starts_at[0]), runs.time),
            kind=below.astype(np.intp),
            facts=np.where(known, facts, np.nan),
        )

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)


def _close(state: Columns, rows: Index, p: Columns) -> None:
    """The hour of these rows is over: it is weighed, and learned for the kind of day that is believed."""
    many, total = state["many"][rows], state["total"][rows]
    state["many"][rows], state["total"][rows] = 0, 0.0
    counts = many >= p["least"]
    if not counts.any():
        return
    rows, p = rows[counts], {name: column[counts] for name, column in p.items()}
    mean = total[counts] / many[counts]
    at = (state["hour"][rows] * HOUR + p["offset"]) // HOUR
    day = at // 24
    of_week = (day + 3) % 7  # 1970-01-01 was a Thursday
    calendar = np.maximum(of_week - 4, 0).astype(np.intp)
    hour = (at - day * 24).astype(np.intp)
    some, _ = _known(state, rows, hour + 24 * calendar, p)
    believed, z, least = calendar, np.zeros(len(rows)), np.zeros(len(rows))
    for kind in (calendar, (calendar + 1) % KINDS, (calendar + 2) % KINDS):
        known, scale = _known(state, rows, hour + 24 * kind, p)
        miss = (mean - state["usual"][rows, hour + 24 * kind]) / scale
        miss = np.where(known, np.minimum(np.maximum(miss, -TALLEST), TALLEST), 0.0)
        own = kind == calendar
        size = np.where(known | own, np.abs(miss), TALLEST)  # what is not known fits nothing, but the calendar's kind
        before = state["misfit"][rows, kind]
        misfit = before + FORGETS * (size - before)
        state["misfit"][rows, kind] = misfit
        other = ~p["weekdays"] & (kind != SATURDAY)
        fits = own | (other & (misfit + CLEARLY < least))
        believed = np.where(fits, kind, believed)
        z = np.where(own | (other & known & some & (np.abs(miss) < np.abs(z))), miss, z)
        least = np.where(own, misfit, np.where(fits, misfit + CLEARLY, least))
    place = hour + 24 * believed
    known, scale = _known(state, rows, place, p)
    _count(state, rows, z, known, p)
    usual, spread, visits = state["usual"][rows, place], state["spread"][rows, place // 3], state["visits"][rows, place]
    state["mean"][rows], state["expected"][rows] = mean, usual
    state["reach"][rows] = np.where(known, np.minimum(p["height"] * scale, LARGEST), 0.0)
    # learn
    rate = np.maximum(HABIT, 1.0 / (visits + 1.0))
    miss = mean - usual
    far = np.where(visits < VISITS, 4.0 * LARGEST, TALLEST * scale)
    taken = np.minimum(np.maximum(miss, -far), far)
    state["usual"][rows, place] = np.minimum(np.maximum(usual + rate * taken, -LARGEST), LARGEST)
    size = np.minimum(1.25 * np.abs(taken), LARGEST)  # of a bell, 1.25 mean distances are a standard deviation
    share = np.where(visits == 0, 0.0, np.where((spread == 0) & (visits == 1), 1.0, rate / 3.0))
    state["spread"][rows, place // 3] = spread + share * (size - spread)
    state["visits"][rows, place] = np.minimum(visits, 254) + 1


def _known(state: Columns, rows: Index, place: Index, p: Columns) -> tuple[Mask, Floats]:
    """Whether the hour was seen often enough, and the scale of what is usual in it."""
    least = np.maximum(p["floor"], p["share"] * np.abs(state["usual"][rows, place])) + LEAST
    return state["visits"][rows, place] >= VISITS, np.maximum(state["spread"][rows, place // 3], least)


def _count(state: Columns, rows: Index, z: Floats, known: Mask, p: Columns) -> None:
    """How long and how far above and below."""
    calm = np.where(np.abs(z) < NEAR, np.minimum(state["calm"][rows] + 1, QUIET), 0)
    state["calm"][rows] = calm
    for side, sign in ((0, 1.0), (1, -1.0)):
        before = state["sums"][rows, side]
        step = sign * z - p["height"]
        told = before >= p["area"]
        after = np.maximum(before + np.where(told, np.maximum(step, 0.0), step), 0.0)
        after = np.where(known, np.where(told & (calm >= QUIET), 0.0, np.minimum(after, 1e9)), before)
        state["since"][rows, side] = np.where(
            (before == 0) & (after > 0), state["hour"][rows], state["since"][rows, side]
        )
        state["sums"][rows, side] = after

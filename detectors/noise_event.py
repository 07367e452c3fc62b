"""Noise event: louder than hour and day of the week make usual, by so many dB, for minutes. A bang is none.

Levels are averaged as energies, Leq = 10 lg(mean of 10^(L/10)), never as decibels (ISO 1996-1:2016, 3.2). Observations are
taken together in five parts of `minutes`, or one by one where they come more seldom:

    above = the smaller of   Leq of the five parts - usual   and   the middle one of the five - usual
    score = s² / (s² + 1/9),   s = above / limit:   0.9 at the limit

The first grows with how loud it is, and one bang would do; the second asks that three of the five parts were loud. The
limit is `excess` dB, or `threshold` times what the parts usually differ from usual, the larger. Usual is a level for each
full hour of the local day, of weekdays and weekends apart, a straight line between two of them; it follows slowly,
and what is above the limit counts as at the limit, so an event leaves next to no trace in it, and what is loud each day
at its hour becomes usual within weeks.
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
DAY = 24 * HOUR
PARTS = 5
MIDDLE = PARTS // 2
QUIETEST, LOUDEST = -100.0, 300.0
"""dB: levels are clipped here."""
LEAST_SCALE = 0.5
"""dB: nothing outdoors is steadier."""
HABIT = 0.07
"""Rate of the usual level of an hour: two weeks of days."""
SLOWEST = 0.002
"""Rate of the scale: about the last 500 parts."""
FIRST_SCALE = 3.0
"""dB, before anything is known."""


class NoiseEvent:
    """Leq against the hour of the week; 472 bytes a Datastream."""

    name: ClassVar[str] = "noise_event"
    kinds: ClassVar[tuple[str, ...]] = ("noise_event",)
    evidence: ClassVar[tuple[str, ...]] = ("own history",)
    facts: ClassVar[tuple[str, ...]] = ("leq_db", "above_usual_db")
    words: ClassVar[Mapping[str, Words]] = {
        "noise_event": Words(
            Phrase(
                "louder than usual for minutes[, by {above_usual_db} dB]",
                "持续高于常态噪声[，高出 {above_usual_db} dB]",
            )
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "own history": Phrase("its own history", "自身历史"),
        "leq_db": Phrase("Leq (dB)", "等效声级（dB）"),
        "above_usual_db": Phrase("above usual (dB)", "高出常态（dB）"),
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("excess", "f8"), ("threshold", "f8"), ("part", "i8"), ("warm_up", "i8"), ("offset", "i8")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("usual", "f4", (48,)),  # dB at each full hour, from 24 on those of weekends
            ("heard", "f4", (48,)),  # how many parts it is of
            ("levels", "f4", (PARTS,)),  # Leq of the last parts, the newest at the end; NaN: nothing came
            ("scale", "f8"),  # dB
            ("begun", "i8"),
            ("part", "i8"),  # number of the one that is being heard, since 1970
            ("energy", "f8"),  # summed over it
            ("many", "i4"),
            ("parts", "i4"),  # how many were heard
            ("s", "f8"),  # as the last part left it
            ("since", "i8"),  # part in which it became loud
            ("leq", "f4"),
            ("above", "f4"),
            ("high", "f4"),
        ]
    )
    defaults: ClassVar[Mapping[str, Any]] = {
        "excess_db": 6.0,
        "threshold": 3.0,
        "minutes": 12.0,
        "warm_up_days": 7.0,
        "utc_offset_minutes": 0,
    }

    def fresh(self, n: int) -> Columns:
        """Nothing heard."""
        state = np.zeros(n, self.state)
        state["levels"] = np.nan
        state["scale"] = FIRST_SCALE
        return table(state, self.state)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """What may be declared.

        excess_db: dB above usual that make an event. threshold: and so many times the usual distance from usual.
        minutes: over which levels are averaged; three fifths of them have to be loud. warm_up_days: in which nothing is
        told. utc_offset_minutes: of the local day.
        """
        values = Declared(self.name, self.defaults, declared)
        part = round(values.number("minutes", above=0, most=1e5) * MINUTE / PARTS)
        return (
            values.number("excess_db", above=0, most=200),
            values.number("threshold", least=0, most=1e6),
            max(part, datastream.interval, 1),
            round(values.number("warm_up_days", least=1, most=1e4) * DAY),
            values.count("utc_offset_minutes", least=-1440, most=1440) * MINUTE,
        )

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`. A part is weighed when the first observation after it comes."""
        p: Any = parameters
        level = np.minimum(np.maximum(runs.result, QUIETEST), LOUDEST)
        energy = np.power(10.0, level / 10.0)
        number = runs.time // p["part"]
        n = len(level)
        score, high, facts = np.zeros(n), np.full(n, np.nan), np.full((2, n), np.nan)
        starts_at = runs.time.copy()
        for m, these in runs.rounds():
            rows = runs.rows[:m]
            begins = state["many"][rows] == 0
            state["begun"][rows] = np.where(
                begins & (state["parts"][rows] == 0), runs.time[these], state["begun"][rows]
            )
            ended = ~begins & (number[these] != state["part"][rows])
            if ended.any():
                of = {name: column[these][ended] for name, column in parameters.items()}
                _close(state, rows[ended], number[these][ended], of)
            state["energy"][rows] += energy[these]
            state["many"][rows] += 1
            state["part"][rows] = number[these]
            s = state["s"][rows]
            score[these] = s * s / (s * s + 1.0 / 9.0)
            starts_at[these] = np.where(s > 0, state["since"][rows] * p["part"][these], starts_at[these])
            known = state["parts"][rows] > 0
            high[these] = np.where(known, state["high"][rows], np.nan)
            facts[0, these] = np.where(known, state["leq"][rows], np.nan)
            facts[1, these] = np.where(known, state["above"][rows], np.nan)
        return Verdict(score, np.full(n, np.nan), high, starts_at, facts=facts)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)


def _close(state: Columns, rows: npt.NDArray[np.intp], now: Times, p: Columns) -> None:
    """A part is over: it is weighed with those before it, and learned; `now` is the part that begins."""
    part = state["part"][rows]
    begins = part * p["part"]
    level = 10.0 * np.log10(state["energy"][rows] / state["many"][rows])
    levels = np.concatenate([state["levels"][rows, 1:], level[:, None]], axis=1, dtype=np.float64)
    places, weights = _places(begins + p["offset"])
    share = np.minimum(p["part"] / float(HOUR), 1.0)  # of what an hour hears
    heard = [state["heard"][rows, place] for place in places]
    hours = [np.where(h > 0, state["usual"][rows, place], level) for h, place in zip(heard, places, strict=True)]
    usual = weights[0] * hours[0] + weights[1] * hours[1]
    scale = state["scale"][rows]
    limit = np.maximum(p["excess"], p["threshold"] * np.maximum(scale, LEAST_SCALE))
    # score
    whole = np.isfinite(levels[:, 0])
    leq = np.where(whole, _leq(levels), level)
    middle = np.sort(levels, axis=1)[:, MIDDLE]
    known = (np.minimum(heard[0], heard[1]) * share >= 0.5) & whole
    warm = known & (begins - state["begun"][rows].astype(np.float64) >= p["warm_up"])
    above = np.where(whole, np.minimum(leq, middle), level) - usual
    s = np.where(warm, np.minimum(np.maximum(above / limit, 0.0), 1e6), 0.0)
    first = np.argmax(levels - usual[:, None] >= 0.5 * limit[:, None], axis=1)
    since = np.where(state["s"][rows] >= 0.5, state["since"][rows], part - (PARTS - 1 - first))
    state["s"][rows], state["since"][rows] = s, since
    state["leq"][rows], state["above"][rows], state["high"][rows] = leq, leq - usual, usual + limit
    # learn
    miss = level - usual
    for hour, place, weight, many in zip(hours, places, weights, heard, strict=True):
        rate = np.minimum(np.maximum(HABIT * share, 1.0 / (many + 1.0)), 1.0)
        reach = np.where(many * share < 1.0, LOUDEST, limit)
        state["usual"][rows, place] = hour + weight * rate * np.minimum(np.maximum(miss, -reach), reach)
        state["heard"][rows, place] = np.minimum(many + weight, 1e6)
    size = 1.25 * np.minimum(np.abs(miss), 3.0 * scale)  # of a bell, 1.25 mean distances are a standard deviation
    rate = np.maximum(SLOWEST, 1.0 / (state["parts"][rows] + 20.0))
    state["scale"][rows] = np.maximum(scale + rate * (size - scale), LEAST_SCALE)
    state["levels"][rows] = np.where((now - part > PARTS)[:, None], np.nan, levels)
    state["parts"][rows] = np.minimum(state["parts"][rows] + 1, 1_000_000)
    state["energy"][rows], state["many"][rows] = 0.0, 0


def _leq(levels: Floats) -> Floats:
    """Of parts of the same length, dB."""
    energy = np.power(10.0, levels[:, 0] / 10.0)
    for column in range(1, PARTS):  # one after the other: the sum may not depend on the layout
        energy = energy + np.power(10.0, levels[:, column] / 10.0)
    leq: Floats = 10.0 * np.log10(energy / PARTS)
    return leq


def _places(local: Times) -> tuple[tuple[npt.NDArray[np.intp], ...], tuple[Floats, ...]]:
    """The full hours before and after, and how much each counts: a day has 24, from 24 on at weekends."""
    hour = local // HOUR
    part = (local - hour * HOUR) / float(HOUR)
    places = []
    for at in (hour, hour + 1):
        day = at // 24
        weekend = (day + 3) % 7 >= 5  # 1970-01-01 was a Thursday
        places.append((at - day * 24 + np.where(weekend, 24, 0)).astype(np.intp))
    return tuple(places), (1.0 - part, part)

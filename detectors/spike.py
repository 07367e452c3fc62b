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
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER, Declared, Floats, Times, Verdict, never
from detectors.core.runs import Runs
from detectors.core.words import Phrase, Words

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


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of each observation before any result is looked at; shapes `(n,)`, those of the places `(2, n)`."""

    warm: npt.NDArray[np.bool_]
    early: npt.NDArray[np.bool_]
    new: npt.NDArray[np.bool_]
    missed: Floats  # how far uncertainty has grown in silence
    widen: Floats  # 2 until one season was seen, else 1
    places: npt.NDArray[np.intp]  # where the full hours before and after stand in the flat tables of hours
    parts: Floats  # how much each of the two hours counts
    same: npt.NDArray[np.bool_]  # both are the same: no season
    rate: Floats  # of the scale
    habit: Floats  # of the two hours' spread


class Spike:
    """Robust seasonal baseline; 440 bytes a Datastream."""

    name: ClassVar[str] = "spike"
    kinds: ClassVar[tuple[str, ...]] = ("spike",)
    evidence: ClassVar[tuple[str, ...]] = ("own history",)
    facts: ClassVar[tuple[str, ...]] = ()
    names: ClassVar[Mapping[str, Phrase]] = {
        "own history": Phrase("its own history", "自身历史"),
    }
    words: ClassVar[Mapping[str, Words]] = {
        "spike": Words(Phrase("far from what was expected", "远离预期"), plain=True)
    }
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

    def fresh(self, n: int) -> Columns:
        """Nothing seen."""
        state = np.zeros(n, self.state)
        state["newest"] = NEVER
        return table(state, self.state)

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

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`.

        What does not depend on earlier results is worked out for all observations at once, what each result teaches
        the next one in rounds.
        """
        p: Any = parameters
        x = np.minimum(np.maximum(runs.result, -LARGEST), LARGEST)  # `clip` takes ten times as long on few
        known = _known(state, p, runs, x)
        expected, scale, z = _learn(state, p, runs, x, known)
        threshold, warm = p["threshold"], known.warm
        score = np.where(warm, z * z / (z * z + threshold * threshold / 19.0), 0.0)
        low = np.where(warm, np.maximum(expected - threshold * scale, p["lowest"]), np.nan)
        high = np.where(warm, np.minimum(expected + threshold * scale, p["highest"]), np.nan)
        return Verdict(score, low, high, runs.time)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)


def _known(state: Any, p: Any, runs: Runs, x: Floats) -> _Known:
    """Learns what needs no order as well: times, counts and the last result."""
    rows, time = runs.rows, runs.time
    # results before each one
    count = state["count"].take(runs.at)
    count = np.minimum(count + runs.round, 1_000_001)
    new = count == 0
    begun = state["begun"].take(rows)
    begun = np.where(state["count"].take(rows) == 0, time[: len(rows)], begun)
    moment = time.astype(np.float64)
    state["begun"][rows] = begun
    age = moment - state["begun"].take(runs.at)
    missed = (moment - runs.previous(state["newest"].take(rows), time)) / p["interval"]
    moved = ~new & (x != runs.previous(state["last"].take(rows), x))
    state["newest"][rows] = time.take(runs.last)
    state["last"][rows] = x.take(runs.last)
    state["count"][rows] = np.minimum(count.take(runs.last), 1_000_000) + 1
    places, part = _places(time, p["offset"], p["season"])
    parts = np.array([1.0 - part, part])
    visits = np.minimum(p["interval"] / float(HOUR), 1.0)  # a share of what an hour sees
    habit = np.where(moved, np.maximum(HABIT, 1.0 / (age / DAY + 2.0)) * visits, 0.0)
    return _Known(
        warm=count >= p["warm_up"],
        early=count < 10,
        new=new,
        missed=np.sqrt(np.minimum(np.maximum(missed, 1.0), LONGEST_GAP)),
        widen=np.where(age < p["season"] * float(DAY), 2.0, 1.0),
        places=places * len(state["level"]) + runs.at,
        parts=parts,
        same=places[0] == places[1],
        rate=np.where(moved, np.maximum(FAST, 1.0 / (count + 1.0)), 0.0),
        habit=parts * habit,
    )


def _learn(state: Any, p: Any, runs: Runs, x: Floats, known: _Known) -> tuple[Floats, Floats, Floats]:
    """What was expected of each result, the scale of surprise, and how many scales it was off; shapes `(n,)`."""
    rows = runs.rows
    profile, spread = (state[name].T.reshape(-1, copy=False) for name in ("profile", "spread"))
    level, season, scale, outside = (state[name].take(rows) for name in ("level", "season", "scale", "outside"))
    out_expected, out_scale, out_z = np.empty(len(x)), np.empty(len(x)), np.empty(len(x))
    threshold, floor, share, patience = p["threshold"], p["floor"], p["share"], p["patience"]
    grown, parts = known.missed, known.parts
    grown_usual = 1.25 * grown
    # what only this hour makes usual may not move the level out of the band of the next one
    reach_scales = np.where(known.warm, 0.625 * threshold * grown, np.inf)
    step_rate = np.where(known.warm & (p["season"] > 0), SEASON, 0.0)
    some_new, some_early, some_same = bool(known.new.any()), bool(known.early.any()), bool(known.same.any())
    learns = bool(step_rate.any())
    for m, part in runs.rounds():
        places, weights, now = known.places[:, part], parts[:, part], x[part]
        hours = profile.take(places)
        weighed = weights * hours
        season_now = weighed[0] + weighed[1]
        expected = level[:m] + (season_now - season[:m])
        if some_new:
            expected = np.where(known.new[part], now, expected)
        surprise = now - expected
        size = np.abs(surprise)
        # how far it usually is, and may be now
        scale_now = scale[:m]
        spreads = spread.take(places)
        spreads = np.where(spreads == 0, scale_now, np.minimum(spreads, LARGEST_SPREAD * scale_now))
        spreads = np.minimum(spreads, LARGEST).astype(np.float32)
        weighed = weights * spreads
        usual = 0.5 * (scale_now + (weighed[0] + weighed[1]))
        least = np.maximum(floor[part], share[part] * np.abs(expected)) + LEAST_SCALE
        usually = grown_usual[part] * np.maximum(usual, least)
        band = usually * known.widen[part]
        z = np.minimum(size / band, 1e6)
        out_expected[part], out_scale[part], out_z[part] = expected, band, z
        # learn
        is_outside = known.warm[part] & (z > threshold[part])
        reach = reach_scales[part] * np.maximum(scale_now, least)
        move = p["follow"][part] * np.minimum(np.maximum(surprise, -reach), reach)
        largest = 4.0 * usually
        if is_outside.any():
            in_a_row = np.where(is_outside, outside[:m] + 1, 0)
            taken = in_a_row >= patience[part]
            outside[:m] = np.where(taken, 0, in_a_row)
            move = np.where(taken, surprise, np.where(is_outside, 0.0, move))
            largest = np.where(is_outside, 1.25 * usually, largest)
        else:
            outside[:m] = 0
        level[:m] = expected + move
        if learns:
            twice = 2.0 * usually
            step = step_rate[part] * np.minimum(np.maximum(surprise, -twice), twice)
            hours = (hours + weights * step).astype(np.float32)
            profile[places] = hours
            weighed = weights * hours
            season_now = weighed[0] + weighed[1]
        season[:m] = season_now
        largest_habit = 8.0 * usually
        if some_early:
            early = known.early[part]
            largest = np.where(early, LARGEST, largest)
            largest_habit = np.where(early, LARGEST, largest_habit)
        scale[:m] += known.rate[part] * (np.minimum(size, largest) / grown[part] - scale_now)
        habit, size = known.habit[:, part], np.minimum(size, largest_habit) / grown[part]
        later = (spreads + habit * (size - spreads)).astype(np.float32)
        if some_same:  # the second hour is the first one: it learns on
            second = np.where(known.same[part], later[0], spreads[1])
            later[1] = second + habit[1] * (size - second)
        spread[places] = later
    state["level"][rows], state["season"][rows] = level, season
    state["scale"][rows], state["outside"][rows] = scale, outside
    return out_expected, out_scale, out_z


def _places(time: Times, offset: Times, season: Times) -> tuple[npt.NDArray[np.intp], Floats]:
    """The full hours before and after `(2, n)`, and how far between them `(n,)`: a day has 24, from 24 on at weekends."""
    local = time + offset
    hour = local // HOUR
    day = hour // 24
    before = hour - day * 24
    last = before == 23
    after = np.where(last, 0, before + 1)
    if (season != 1).any():
        for place, its_day in ((before, day), (after, day + last)):
            weekend = (its_day + 3) % 7 >= 5  # 1970-01-01 was a Thursday
            place[(season == 7) & weekend] += 24
            place[season == 0] = 0
    return np.array([before, after], np.intp), (local - hour * HOUR) / float(HOUR)

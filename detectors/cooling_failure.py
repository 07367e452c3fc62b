"""Cooling failure: a cold room that warms because its compressor stands still, told from one whose door is open.

A room without cooling nears the hall around it by Newton's law with a time constant of hours: nearly a straight line at
first. Through an open door warm air comes within minutes, and then the compressor holds its own:

      failure  ·               door   · · · ·
             ·                      ·         ·
           ·                      ·             ·
      · ·                     · ·                 · ·

The usual level is a slow mean that stands still while the room is warmer. An excursion begins when the room stands `rise`/3
above it and tells nothing until it stands `rise` above. Then two numbers tell its shape: how fast it got there, and, from the
first Observation of the excursion on, the share of its box that it fills,

    fill = mean climb so far / climb now:  1/2 on a straight line, near 1 when it rose at once and stands

By Newton's law with time constant τ it is (1 - (1 - e^-s)/s) / (1 - e^-s) after s = t/τ, wherever on its curve one begins to
look, so it does not matter when between two Observations it began. After `FIRST` minutes a fill up to `STRAIGHT` (s = 1.3) in
a room that still rises is a failure, one above `BENT` (s = 2.4) a door, and what lies between waits; below `LEAST` it is a
bump on a slow swell and nothing. What rose faster than `fastest` is a door at once. A room that does not come back for
`door_minutes` has failed whatever its shape. One that comes back is let alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER, Declared, Floats, Times, Verdict, never
from detectors.core.runs import Runs
from detectors.core.words import Phrase, Words

MINUTE = 60_000_000.0
HOUR = 60.0
FIRST = 59.0
"""Minutes of which the shape can be seen through what compressor and customers do."""
LEAST, STRAIGHT, BENT = 0.4, 0.6, 0.68
NEAR = 0.85
"""Of the highest: what is lower comes back."""
LEVEL_HOURS = 24.0
"""The usual level's memory."""
SETTLED_HOURS = 48.0
"""After so long an excursion is the new level."""
LARGEST = 1e4
"""K"""
NOTHING, DOOR, FAILURE = 0, 1, 2


class CoolingFailure:
    """Tells failures; 68 bytes a Datastream."""

    name: ClassVar[str] = "cooling_failure"
    kinds: ClassVar[tuple[str, ...]] = ("cooling_failure",)
    evidence: ClassVar[tuple[str, ...]] = ("height", "shape", "time")
    facts: ClassVar[tuple[str, ...]] = ("risen", "minutes", "fill")
    words: ClassVar[Mapping[str, Words]] = {
        "cooling_failure": Words(
            Phrase(
                "the cooling has failed[, {risen} warmer after {minutes} minutes]",
                "制冷失效[，{minutes} 分钟升温 {risen}]",
            )
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "height": Phrase("how far it rose", "升温幅度"),
        "shape": Phrase("the shape of the rise", "升温曲线"),
        "time": Phrase("how long it has lasted", "持续时间"),
        "risen": Phrase("how far it rose", "升温幅度"),
        "minutes": Phrase("minutes since it began", "持续分钟数"),
        "fill": Phrase("share of its box that the rise fills", "曲线填充率"),
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("rise", "f8"), ("fastest", "f8"), ("door", "f8"), ("warm_up", "i8")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("count", "i4"),
            ("newest", "i8"),
            ("level", "f8"),
            ("last", "f8"),  # K above the level
            ("begun", "i8"),  # the last calm Observation, NEVER outside of excursions
            ("calm", "f4"),  # K above the level, there
            ("first", "i8"),  # the Observation after it
            ("foot", "f4"),  # K above the level, there
            ("area", "f4"),  # K·min above the foot
            ("peak", "f4"),
            ("speed", "f4"),  # K/h up to `rise`; 0: not yet there
            ("cause", "i4"),
        ]
    )
    defaults: ClassVar[Mapping[str, Any]] = {"rise": 3.0, "fastest": 8.0, "door_minutes": 120.0, "warm_up": 24}
    _cause: ClassVar[int] = FAILURE

    def fresh(self, n: int) -> Columns:
        """Nothing seen."""
        state = np.zeros(n, self.state)
        state["newest"] = state["begun"] = state["first"] = NEVER
        return table(state, self.state)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """rise: K above the usual level that are more than what compressor, thawing and customers do. fastest: K/h that a
        closed room can warm. door_minutes: how long a door may stand open. warm_up: results that only teach."""
        values = Declared(self.name, self.defaults, declared)
        return (
            values.number("rise", above=0, most=1e3),
            values.number("fastest", above=0, most=1e6),
            values.number("door_minutes", above=0, most=1e6),
            values.count("warm_up", least=2, most=1_000_000),
        )

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`."""
        n, rows, p = len(runs), runs.rows, parameters
        its = {name: column.take(rows) for name, column in state.items()}
        moment, result = runs.time.astype(np.float64), np.minimum(np.maximum(runs.result, -LARGEST), LARGEST)
        score, high, begun = np.empty(n), np.empty(n), np.empty(n, np.int64)
        evidence, facts = np.empty((3, n)), np.empty((3, n))
        for m, part in runs.rounds():
            q = {name: column[part] for name, column in p.items()}
            held = {name: column[:m] for name, column in its.items()}
            fill, lasts = _follow(held, q, result[part], runs.time[part], moment[part])
            height, peak, cause = held["last"], held["peak"], held["cause"]
            out = held["begun"] != NEVER
            warm = held["count"] > q["warm_up"]
            risen = np.where(out & warm, np.minimum(np.maximum(height / q["rise"], 0.0), 10.0), 0.0)
            told = (cause == self._cause) & (risen > 0.4) & ((height >= NEAR * peak) | (self._cause == FAILURE))
            score[part] = np.where(told, 1.0 - 0.1 / np.maximum(risen, 1.0), 0.5 * np.minimum(risen, 1.0))
            high[part] = np.where(warm, held["level"] + q["rise"], np.nan)
            begun[part] = np.where(out, held["begun"], runs.time[part])
            facts[:, part] = np.where(out & warm, np.array([height, lasts, fill]), np.nan)
            evidence[0, part] = risen
            shape = (BENT - fill) if self._cause == FAILURE else (fill - STRAIGHT)
            evidence[1, part] = np.where(out & warm, np.maximum(10.0 * shape, 0.0), 0.0)
            evidence[2, part] = np.where(out & warm, np.minimum(lasts / q["door"], 10.0), 0.0)
        for name, column in its.items():
            state[name][rows] = column
        return Verdict(score, np.full(n, np.nan), high, begun, None, evidence, facts)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)


def _follow(held: Columns, q: Columns, now: Floats, time: Times, moment: Floats) -> tuple[Floats, Floats]:
    """Take one Observation of each of m rows; returns the fill of its box and the minutes of the excursion."""
    new = held["count"] == 0
    passed = np.where(new, 0.0, (moment - held["newest"].astype(np.float64)) / MINUTE)
    level = np.where(new, now, held["level"])
    height, before = now - level, np.where(new, 0.0, held["last"])
    was_out, warm = held["begun"] != NEVER, held["count"] >= q["warm_up"]
    starts = ~was_out & warm & (height > q["rise"] / 3.0)
    blind = starts & (passed > q["door"])  # nobody saw how it rose
    begun = np.where(starts, np.where(blind, time, held["newest"]), held["begun"])
    since = np.where(was_out | starts, (moment - begun.astype(np.float64)) / MINUTE, 0.0)
    ends = was_out & ((height < q["rise"] / 4.0) | (since > SETTLED_HOURS * HOUR))
    out = (was_out | starts) & ~ends
    calm = np.where(starts, before, held["calm"])
    first = np.where(starts, time, held["first"])
    looked = np.where(out, (moment - first.astype(np.float64)) / MINUTE, 0.0)
    foot = np.where(starts, height, held["foot"])
    area = held["area"] + np.where(starts, 0.0, ((before + height) / 2.0 - foot) * passed)
    peak = np.maximum(held["peak"], height)
    box = (height - foot) * looked
    fill = np.where(box > 0.0, area / np.where(box > 0.0, box, 1.0), 1.0)
    fill = np.minimum(np.maximum(fill, 0.0), 1.0)
    reached = out & (height >= q["rise"])
    per_hour = np.where(since > 0.0, (height - calm) * HOUR / np.where(since > 0.0, since, 1.0), 0.0)
    speed = np.where(reached & (held["speed"] == 0.0), per_hour, held["speed"])
    rising = height >= NEAR * peak
    cause = held["cause"]
    fast = speed > q["fastest"]
    door = reached & (fast | ((looked >= FIRST) & (fill > BENT)))
    straight = ~fast & (looked >= FIRST) & (fill <= STRAIGHT)
    failure = reached & rising & (fill >= LEAST) & (straight | (since > q["door"]))
    cause = np.where(failure, FAILURE, np.where(door & (cause == NOTHING), DOOR, cause))
    # the level rests in an excursion, and begins as a plain mean
    rate = np.maximum(-np.expm1(-passed / (LEVEL_HOURS * HOUR)), 1.0 / (np.minimum(held["count"], 1_000_000) + 1.0))
    settled = was_out & (since > SETTLED_HOURS * HOUR)
    moved = np.where(settled, now, np.where(out, level, level + np.where(warm, np.minimum(rate, 0.1), rate) * height))
    held["level"][:] = moved
    held["last"][:] = now - moved
    held["count"][:] = np.minimum(held["count"], 1_000_000) + 1
    held["newest"][:] = time
    held["begun"][:] = np.where(out, begun, NEVER)
    held["first"][:] = np.where(out, first, NEVER)
    for name, value in (("calm", calm), ("foot", foot), ("area", area), ("peak", peak), ("speed", speed)):
        held[name][:] = np.where(out, value, 0.0)
    held["cause"][:] = np.where(out, cause, NOTHING)
    return fill, since

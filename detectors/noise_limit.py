"""Noise limit: the level of a whole day or night lies above what is allowed.

    Leq of the period = 10 lg(mean of 10^(L/10)) of all its observations
    score             = 1 above the limit, else at most 0.5

Day and night are averaged apart, each against its own limit, as GB 3096-2008 has it: the day from 6 to 22 o'clock, the
night from 22 to 6, local time, the night named by the day on which it ends. The limits are declared, as they differ by
the class of the place and change with the years. A period is judged when it is over, and only if three quarters of the
observations came that were due; the finding stands until the next one is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns, table
from detectors.core.interface import Declared, Floats, Times, Verdict, never
from detectors.core.runs import Index, Runs
from detectors.core.words import Phrase, Words

MINUTE = 60_000_000
HOUR = 60 * MINUTE
MORNING, EVENING = 6, 22
CAPTURE = 0.75
"""Of the observations due."""
QUIETEST, LOUDEST = -100.0, 300.0
"""dB: levels are clipped here."""


class NoiseLimit:
    """Leq of days and nights; 40 bytes a Datastream."""

    name: ClassVar[str] = "noise_limit"
    kinds: ClassVar[tuple[str, ...]] = ("noise_limit",)
    evidence: ClassVar[tuple[str, ...]] = ("the rule",)
    facts: ClassVar[tuple[str, ...]] = ("leq_db", "limit_db")
    words: ClassVar[Mapping[str, Words]] = {
        "noise_limit": Words(
            Phrase(
                "louder than allowed[, {leq_db} dB on average][, {limit_db} dB allowed]",
                "噪声超标[，等效声级 {leq_db} dB][，限值 {limit_db} dB]",
            )
        )
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "the rule": Phrase("the rule", "限值规定"),
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("day", "f8"), ("night", "f8"), ("offset", "i8"), ("interval", "i8")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("period", "i8"),  # that is being heard; odd: a day
            ("energy", "f8"),  # summed over it
            ("many", "i8"),
            ("judged", "i8"),  # the last that was
            ("leq", "f8"),  # of it, dB; NaN: too little came
        ]
    )
    defaults: ClassVar[Mapping[str, Any]] = {"day_db": 1000.0, "night_db": 1000.0, "utc_offset_minutes": 0}

    def fresh(self, n: int) -> Columns:
        """Nothing heard."""
        state = np.zeros(n, self.state)
        state["leq"] = np.nan
        return table(state, self.state)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """What may be declared.

        day_db, night_db: the highest Leq allowed; nothing is that loud unless they are declared. utc_offset_minutes:
        of the local day. The declaration says of which rule and class they are, since when, and who has verified it.
        """
        values = Declared(self.name, self.defaults, declared)
        return (
            values.number("day_db", above=0, most=1000),
            values.number("night_db", above=0, most=1000),
            values.count("utc_offset_minutes", least=-1440, most=1440) * MINUTE,
            max(datastream.interval, 1),
        )

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`. A period is judged when the first observation after it comes."""
        p: Any = parameters
        energy = np.power(10.0, np.minimum(np.maximum(runs.result, QUIETEST), LOUDEST) / 10.0)
        period = _period(runs.time + p["offset"])
        n = len(energy)
        leq, judged = np.empty(n), np.empty(n, np.int64)
        for m, these in runs.rounds():
            rows = runs.rows[:m]
            ended = (state["many"][rows] > 0) & (period[these] != state["period"][rows])
            if ended.any():
                _judge(state, rows[ended], p["interval"][these][ended])
            state["energy"][rows] += energy[these]
            state["many"][rows] += 1
            state["period"][rows] = period[these]
            leq[these], judged[these] = state["leq"][rows], state["judged"][rows]
        known = np.isfinite(leq)
        limit = np.where(judged % 2 == 1, p["day"], p["night"])
        over = np.where(known, leq, QUIETEST) - limit
        return Verdict(
            np.where(over > 0, 1.0, 0.5 * np.power(10.0, np.minimum(over, 0.0) / 10.0)),
            np.full(n, np.nan),
            np.where(known, limit, np.nan),
            np.where(known, _begin(judged) - p["offset"], runs.time),
            facts=np.array([leq, np.where(known, limit, np.nan)]),
        )

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)


def _judge(state: Columns, rows: Index, interval: Times) -> None:
    """The period of these rows is over."""
    many, period = state["many"][rows], state["period"][rows]
    hours = np.where(period % 2 == 1, EVENING - MORNING, 24 - EVENING + MORNING)
    enough = many >= CAPTURE * hours * HOUR / interval
    leq: Floats = 10.0 * np.log10(state["energy"][rows] / many)
    state["leq"][rows] = np.where(enough, leq, np.nan)
    state["judged"][rows] = period
    state["energy"][rows], state["many"][rows] = 0.0, 0


def _period(local: Times) -> Times:
    """Two a day: 2 d the night that ends on day d since 1970, 2 d + 1 its day."""
    hour = local // HOUR
    day = hour // 24
    of_day = hour - 24 * day
    return 2 * day + (of_day >= MORNING) + (of_day >= EVENING)


def _begin(period: Times) -> Times:
    """When it began, local."""
    day = period // 2
    return (24 * day + np.where(period % 2 == 1, MORNING, EVENING - 24)) * HOUR

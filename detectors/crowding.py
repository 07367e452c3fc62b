"""Crowding: more people in a place than it has room for.

Counted are those who came in since the last Observation (`entering`), who came in less who left (`net`), or who are there
(`present`). Those who came in stay for `stay_minutes` on average, as if each left at any moment with the same chance:
the number present then nears arrivals a minute times minutes stayed (J. D. C. Little, A proof for the queuing formula
L = λW, Operations Research 9, 1961). Where comings and goings are both counted the miscounts would pile up; they are
forgotten with `forget_hours`, and nobody is fewer than none.

    density = present / area,    score = 0.9 at `most` persons a square metre

From two persons a square metre on one cannot walk as one likes, from four to five on a crowd may be crushed (J. J. Fruin,
Pedestrian planning and design, 1971; G. K. Still, Crowd dynamics, 2000): halls want a limit of their own from whoever
licensed them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER, Declared, Times, Verdict, never
from detectors.core.runs import Runs
from detectors.core.words import Phrase, Words

MINUTE = 60_000_000.0
COUNTS = {"entering": 0, "net": 1, "present": 2}
LARGEST = 1e12
"""Persons."""


class Crowding:
    """Knows how many are there; 24 bytes a Datastream."""

    name: ClassVar[str] = "crowding"
    kinds: ClassVar[tuple[str, ...]] = ("crowding",)
    evidence: ClassVar[tuple[str, ...]] = ("the rule",)
    facts: ClassVar[tuple[str, ...]] = ("present", "capacity")
    words: ClassVar[Mapping[str, Words]] = {
        "crowding": Words(
            Phrase(
                "more people than there is room for[, {present} where {capacity} have room]",
                "人数超过容量[，现有 {present} 人，可容 {capacity} 人]",
            ),
            normal=Phrase("[at most {capacity} people]", "[不超过 {capacity} 人]"),
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "the rule": Phrase("the rule", "限值规定"),
        "present": Phrase("people present", "现有人数"),
        "capacity": Phrase("people who have room", "可容人数"),
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("counts", "i8"), ("capacity", "f8"), ("minutes", "f8"), ("interval", "f8")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype([("present", "f8"), ("newest", "i8"), ("since", "i8")])
    defaults: ClassVar[Mapping[str, Any]] = {
        "counts": "entering",
        "area": np.inf,
        "most": 2.0,
        "stay_minutes": 30.0,
        "forget_hours": 6.0,
    }

    def fresh(self, n: int) -> Columns:
        """Nobody there."""
        state = np.zeros(n, self.state)
        state["newest"] = state["since"] = NEVER
        return table(state, self.state)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """counts: entering, net or present. area: m² that people have; without it nothing is found. most: persons a m².
        stay_minutes: how long those who came in stay. forget_hours: how long a miscount of the net lasts."""
        values = Declared(self.name, self.defaults, declared)
        counts = COUNTS[values.word("counts", COUNTS)]
        capacity = values.number("area", above=0) * values.number("most", above=0, most=100)
        stay = values.number("stay_minutes", above=0, most=1e6)
        forget = 60.0 * values.number("forget_hours", above=0, most=1e6)
        return counts, capacity, forget if counts == COUNTS["net"] else stay, max(datastream.interval, 1) / MINUTE

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`."""
        rows, p = runs.rows, parameters
        present, newest, since = (state[name].take(rows) for name in ("present", "newest", "since"))
        moment, counted = runs.time.astype(np.float64), np.minimum(np.maximum(runs.result, -LARGEST), LARGEST)
        share, there, begun = np.empty(len(runs)), np.empty(len(runs)), np.empty(len(runs), np.int64)
        for m, part in runs.rounds():
            before = newest[:m]
            passed = np.where(before == NEVER, p["interval"][part], (moment[part] - before.astype(np.float64)) / MINUTE)
            minutes, counts = p["minutes"][part], p["counts"][part]
            kept = np.exp(-passed / minutes)
            # who came in during the interval has left in part by its end; of net counts nobody has
            counts_in = np.minimum(passed, p["interval"][part])
            still = np.where(counts == COUNTS["entering"], -np.expm1(-counts_in / minutes) * minutes / counts_in, 1.0)
            now = present[:m] * kept + still * counted[part]
            now = np.minimum(np.maximum(np.where(counts == COUNTS["present"], counted[part], now), 0.0), LARGEST)
            share[part] = now / p["capacity"][part]
            calm = share[part] < 0.5
            since[:m] = np.where(calm, NEVER, np.where(since[:m] == NEVER, runs.time[part], since[:m]))
            begun[part], there[part] = np.where(calm, runs.time[part], since[:m]), now
            present[:m], newest[:m] = now, runs.time[part]
        state["present"][rows], state["newest"][rows], state["since"][rows] = present, newest, since
        score = np.where(share < 1.0, 0.9 * share, 1.0 - 0.1 / np.maximum(share, 1.0))
        unknown = np.full(len(runs), np.nan)
        capacity = np.where(np.isfinite(p["capacity"]), p["capacity"], np.nan)
        return Verdict(score, unknown, unknown.copy(), begun, facts=np.array([there, capacity]))

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)

"""Spike: a result far from what the hour of the day and the last hours let expect.

A seasonal profile (hour of the day, of weekdays and weekends) and a fast level of the deviation from it, both learned
by steps that are clipped at a few scales, so that a spike teaches little. z = |deviation| / scale; the score is
z² / (z² + t²/19), which is 0.95 at the threshold t.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from aedilis.vocabulary import Datastream
from detectors.interface import Floats, Table, Times, Verdict, merged, never

HOUR = 3_600_000_000
SEASONS = {"none": 0, "day": 1, "week": 2}
LARGEST = 1e30
"""Results are clipped here: the state is float32."""


class Spike:
    """Robust seasonal baseline; 600 bytes a Datastream."""

    name: ClassVar[str] = "spike"
    kind: ClassVar[str] = "spike"
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("threshold", "f8"), ("season", "i1"), ("warm_up", "i8"), ("offset", "i8"), ("floor", "f8")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [("profile", "f4", (48,)), ("seen", "i2", (48,)), ("level", "f8"), ("scale", "f8"), ("count", "i8")]
    )
    defaults: ClassVar[Mapping[str, Any]] = {
        "threshold": 8.0,
        "season": "day",
        "warm_up": 72,
        "utc_offset_minutes": 0,
        "floor": 0.01,
    }

    def fresh(self, n: int) -> Table:
        """Nothing seen."""
        return np.zeros(n, self.state)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """threshold (scales), season (none, day, week), warm_up (observations), utc_offset_minutes, floor (share of
        the value that the scale is at least)."""
        values = merged(self.defaults, declared, self.name)
        if values["season"] not in SEASONS:
            raise ValueError(f"detector spike: expected season of {', '.join(SEASONS)}, got {values['season']!r}")
        if not values["threshold"] > 0:
            raise ValueError(f"detector spike: expected threshold above 0, got {values['threshold']}")
        offset = values["utc_offset_minutes"] * 60_000_000
        return values["threshold"], SEASONS[values["season"]], values["warm_up"], offset, values["floor"]

    def update(self, state: Table, parameters: Table, time: Times, result: Floats) -> Verdict:
        """See `Detector.update`."""
        x = np.clip(result, -LARGEST, LARGEST)
        rows = np.arange(len(x))
        place = _bin(time, parameters)
        new = state["count"] == 0
        state["profile"] = np.where(new[:, None], x[:, None], state["profile"])
        seen = state["seen"][rows, place]
        # an hour that was never seen begins where the level is, or its first observation would look like a spike
        first = np.clip(x - state["level"], -LARGEST, LARGEST)
        profile = np.where(seen == 0, first, state["profile"][rows, place].astype(np.float64))
        state["profile"][rows, place] = profile
        deviation = x - profile
        surprise = deviation - state["level"]
        scale = np.maximum(1.25 * state["scale"], parameters["floor"] * np.abs(x - surprise) + 1e-12)
        z = np.minimum(np.abs(surprise) / scale, 1e6)
        threshold = parameters["threshold"]
        warm = state["count"] >= parameters["warm_up"]
        score = np.where(warm, z * z / (z * z + threshold * threshold / 19.0), 0.0)
        expected = x - surprise
        low = np.where(warm, expected - threshold * scale, np.nan)
        high = np.where(warm, expected + threshold * scale, np.nan)
        self._learn(state, rows, place, deviation, surprise, scale, seen, warm)
        return Verdict(score, low, high, time)

    def _learn(
        self,
        state: Table,
        rows: Any,
        place: Any,
        deviation: Floats,
        surprise: Floats,
        scale: Floats,
        seen: Any,
        warm: Any,
    ) -> None:
        young = np.maximum(0.04, 1.0 / (seen + 1.0))
        step = np.where(warm, np.clip(deviation, -4.0 * scale, 4.0 * scale), deviation)
        moved = young * step
        state["profile"][rows, place] += moved.astype(np.float32)
        state["seen"][rows, place] = np.minimum(seen + 1, 10_000)
        calm = np.where(warm, np.clip(surprise, -3.0 * scale, 3.0 * scale), surprise)
        state["level"] = state["level"] + 0.4 * calm
        rate = np.maximum(0.01, 1.0 / (state["count"] + 2.0))
        size = np.where(warm, np.minimum(np.abs(surprise), 4.0 * scale), np.abs(surprise))
        state["scale"] = state["scale"] + rate * (size - state["scale"])
        state["count"] += 1

    def deadline(self, state: Table, parameters: Table) -> Times:
        """It does not watch silence."""
        return never(state)


def _bin(time: Times, parameters: Table) -> Any:
    """The place in the profile: hour of the local day, from 24 on at weekends (1970-01-01 was a Thursday)."""
    hours = (time + parameters["offset"]) // HOUR
    hour = hours % 24
    weekend = ((hours // 24) + 3) % 7 >= 5
    place = np.where(parameters["season"] == 0, 0, hour)
    return np.where((parameters["season"] == 2) & weekend, place + 24, place).astype(np.intp)

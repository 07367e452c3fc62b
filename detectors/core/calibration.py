"""What a score means: of anomalies that say 0.9, about 9 in 10 are true ones.

Detectors score as they like, and a decision goes by that raw score; what an Anomaly says is how often such a one was true in
simulated cities. `calibration.json` beside this file has for each detector and kind a few points of two lines that never
fall, from how strong the score is to how likely; `aedilis calibrate` makes it. What stands in no line says its raw score.

Two lines, because a score that an anomaly opens with means something else than the same as the highest that it ever had.

The strength of a score is -log10(1 - score), 1 for 0.9, 2 for 0.99: scores crowd below 1, and what lies between 0.99 and
0.9999 tells more than what lies between 0.5 and 0.6.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Protocol

import msgspec

STRONGEST = 9.0
"""Of a score of 1, and of what is as near to it."""


class Line(msgspec.Struct, frozen=True):
    """Rising `strength` and never falling `probability` of as many points; before the first and after the last it is flat."""

    strength: tuple[float, ...]
    probability: tuple[float, ...]

    def at(self, strength: float) -> float:
        """The probability at a strength."""
        after = bisect_right(self.strength, strength)
        if after == 0 or after == len(self.strength):
            return self.probability[max(0, after - 1)]
        x0, x1 = self.strength[after - 1 : after + 1]
        y0, y1 = self.probability[after - 1 : after + 1]
        return y0 + (y1 - y0) * (strength - x0) / (x1 - x0)


class Lines(msgspec.Struct, frozen=True):
    """Of the score that an anomaly opened with, and of the highest that it had at its end; None: nobody knows."""

    opened: Line | None = None
    ended: Line | None = None


class Calibration(msgspec.Struct, frozen=True):
    """The file: how it was made, and detector → kind → lines."""

    made: str
    lines: dict[str, dict[str, Lines]]


class Calibrate(Protocol):
    """What an anomaly says for its raw score, as `calibrated` does."""

    def __call__(self, detector: str, kind: str, raw: float, *, ended: bool) -> float:
        """From 0 to 1."""


def strength(score: float) -> float:
    """Of a score from 0 to 1."""
    return min(STRONGEST, -math.log10(max(1.0 - score, 10**-STRONGEST)))


def calibrated(detector: str, kind: str, raw: float, *, ended: bool) -> float:
    """The probability that an anomaly of this raw score is true; the raw score where nobody knows."""
    lines = _lines().get(detector, {}).get(kind, _NONE)
    line = lines.ended if ended else lines.opened
    return raw if line is None else line.at(strength(raw))


_NONE = Lines()


@cache
def _lines() -> Mapping[str, Mapping[str, Lines]]:
    raw = (files("detectors.core") / "calibration.json").read_bytes()
    return msgspec.json.decode(raw, type=Calibration).lines

"""The simulated city: which of its incidents are found, and how much of what is found is true."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import numpy as np

from aedilis.vocabulary import Anomaly
from bench import power
from detectors.core.calibration import calibrated
from simulation.incidents import Label
from trial.calibration.city import Seen, watch
from trial.calibration.labels import NEVER, Truth
from trial.calibration.reliability import Judged, bins, expected_error

SEEDS = (201, 202)
"""Cities that no detector and no calibration was fitted on."""
DAYS = 28
_HOUR = 3_600_000_000


class IncidentFigure(msgspec.Struct, frozen=True):
    """One kind of incident. Delays count from its beginning."""

    kind: str
    incidents: int
    found: float
    median_delay_h: float | None


class TruthFigure(msgspec.Struct, frozen=True):
    """What one detector says."""

    detector: str
    kind: str
    anomalies: int
    true: float


class ReliabilityFigure(msgspec.Struct, frozen=True):
    """Anomalies whose score at the end lies from `low` to `high`, without those of detectors that know but one score."""

    low: float
    high: float
    anomalies: int
    said: float
    true: float


class PowerFigure(msgspec.Struct, frozen=True):
    """Weighings until a stall that gives short weight is found, at one false accusation in a thousand stall-years."""

    short_by: float
    weighings_a_day: int
    median: float
    most: float  # of nine in ten stalls
    median_days: float


class CityFigure(msgspec.Struct, frozen=True):
    """All of it."""

    incidents: list[IncidentFigure]
    detectors: list[TruthFigure]
    reliability: list[ReliabilityFigure]
    expected_error: float
    power: list[PowerFigure]


def run(say: Callable[[str], object], seeds: Sequence[int] = SEEDS, days: float = DAYS) -> CityFigure:
    """Watch some cities."""
    told: dict[str, list[float | None]] = defaultdict(list)
    true: dict[tuple[str, str], list[bool]] = defaultdict(list)
    judged: dict[str, list[Judged]] = defaultdict(list)
    for seed in seeds:
        say(f"simulated city {seed}")
        seen = watch(seed, days)
        truth = Truth(seen.labels, seen.zones)
        for kind, delay in _delays(seen):
            told[kind].append(delay)
        for one in seen.opened.values():
            if one.kind not in NEVER:
                holds = truth.holds(one)
                true[one.detector, one.kind].append(holds)
                score = calibrated(one.detector, one.kind, seen.last[one.id].score, ended=True)
                judged[one.detector].append(Judged(score, holds))
    graded = [each for all_of in judged.values() if len({one.score for one in all_of}) > 1 for each in all_of]
    say("detection power of scales")
    return CityFigure(
        [_incident(kind, delays) for kind, delays in sorted(told.items())],
        [TruthFigure(*key, len(holds), sum(holds) / len(holds)) for key, holds in sorted(true.items())],
        [ReliabilityFigure(*one) for one in bins(graded)],
        expected_error(graded),
        [PowerFigure(*line) for line in power.lines()],
    )


def _incident(kind: str, delays: Sequence[float | None]) -> IncidentFigure:
    known = [delay for delay in delays if delay is not None]
    return IncidentFigure(kind, len(delays), len(known) / len(delays), float(np.median(known)) if known else None)


def _delays(seen: Seen) -> list[tuple[str, float | None]]:
    """Kind of each incident, and hours until the first anomaly that it explains; None: it was not found."""
    by_incident: dict[str, list[Label]] = defaultdict(list)
    for label in seen.labels:
        by_incident[label["incident"]].append(label)
    by_zone: dict[str, list[Anomaly]] = defaultdict(list)
    for one in sorted(seen.opened.values(), key=lambda one: one.detected_at):
        by_zone[one.zone].append(one)
    out = []
    for labels in by_incident.values():
        truth = Truth(labels, seen.zones)
        zones = sorted({seen.zones[label["thing"]] for label in labels})
        begun = min(datetime.fromisoformat(label["starts_at"]).timestamp() for label in labels) * 1e6
        hits = [one.detected_at for zone in zones for one in by_zone[zone] if truth.holds(one)]
        out.append((labels[0]["kind"], (min(hits) - begun) / _HOUR if hits else None))
    return out

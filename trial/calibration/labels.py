"""Which anomalies of a simulated city are true: those that one of its incidents explains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from aedilis.vocabulary import Anomaly, Scope
from simulation.incidents import Label

AFTERMATH = 2 * 3_600_000_000
"""So long after an incident what is found is still its doing: the step when a sensor is freed (µs)."""
OF_KIND: Mapping[str, frozenset[str]] = {
    "gap": frozenset({"gap"}),
    "stuck": frozenset({"stuck"}),
    "drift": frozenset({"drift", "offset", "scale"}),
    "offset": frozenset({"offset", "scale", "drift"}),
    "noise": frozenset({"noise"}),
    "surge": frozenset({"surge", "unit"}),
    "short weight": frozenset({"short_weight", "short_bias", "short_stall"}),
    "short share": frozenset({"short_weight", "short_bias", "short_stall"}),
    "zero drift": frozenset({"short_bias", "short_stall", "zero_below"}),
    "digits": frozenset({"digits"}),
    "cooling": frozenset({"cooling_failure", "too_warm"}),
    "door": frozenset({"door", "too_warm"}),
    "crowd": frozenset({"crowding"}),
    "plume": frozenset({"plume", "episode"}),
}
"""Kind of an incident → the kinds of anomalies that name it."""
NEVER = frozenset(
    {
        *("clock", "decimal", "typo", "stale", "order", "coordinated", "over_bias", "zero_above", "too_cold"),
        *("noise_event", "contamination"),
    }
)
"""Kinds that name what never befalls the city, or is told by no label: it cannot tell how often they are true, so their
scores stay raw."""
_NAMED = NEVER.union(*OF_KIND.values())


def explains(incident: str, kind: str) -> bool:
    """Whether an anomaly of a kind may be said of an incident: where it names it, and where it names nothing in particular
    (range, spike, novelty, change) but that results are not as expected, which silence does not make so."""
    return kind in OF_KIND.get(incident, frozenset()) or (kind not in _NAMED and incident != "gap")


class Truth:
    """The incidents of a city, by whom they befell."""

    def __init__(self, labels: Sequence[Label], zones: Mapping[str, str]) -> None:
        self._of: dict[tuple[str, str], list[tuple[str, str, int, int]]] = defaultdict(list)
        for label in labels:
            told = (label["kind"], label["datastream"], _us(label["starts_at"]), _us(label["ends_at"]))
            self._of[Scope.THING, label["thing"]].append(told)
            self._of[Scope.ZONE, zones[label["thing"]]].append(told)

    def holds(self, anomaly: Anomaly) -> bool:
        """Whether it was known while an incident lasted that explains it, or shortly after."""
        by_zone = anomaly.scope is Scope.ZONE
        told = self._of.get((Scope.ZONE, anomaly.zone) if by_zone else (Scope.THING, anomaly.thing), ())
        return any(
            begins <= anomaly.detected_at <= ends + AFTERMATH
            and (anomaly.datastream_name == "*" or datastream in ("*", anomaly.datastream_name))
            and explains(kind, anomaly.kind)
            for kind, datastream, begins, ends in told
        )


def _us(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1e6)

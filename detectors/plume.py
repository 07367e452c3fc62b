"""Plume: a rise that crosses the Things of a zone one after the other; where it comes from, and how fast.

    for each Thing, in the last 24 bins   base   = median of the first eight
                                          height = highest since, less the base
                                          onset  = when it crossed half of the height, on a straight line between bins
    touched: the height is so many times the usual one of this Datastream
    onset = t + slowness · place          least squares over the touched Things, weighed by height

A front of smoke reaches each place at its time; a rush hour, or an episode, comes to all at once: then the slowness is
next to nothing. Told is what differs from nothing by `threshold` standard errors, when four Things or more were
touched and none was touched in the last three bins. The slowness is drawn a little towards nothing, as a prior of 3 m/s
would: across a narrow plume, where nothing tells it, it stays there. One onset far off is left out.
Wind and source are not needed. Not here: smoke at one Thing alone (`spike`) and what lies over the zone for hours
(`episode`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Scope
from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER, Declared, Floats, Verdict
from detectors.core.panel import Panel
from detectors.core.words import Phrase, Words

LARGEST = 1e30
LEAST = 1e-12
BINS = 24
BASE = 8
"""Bins that tell what was before."""
SETTLED = 3
"""Bins without a further onset."""
FEWEST = 4
"""Things touched: three always fit a plane."""
MEMORY = 2016.0
"""Bins in which the usual height is forgotten: a week of five minutes."""
CLOCK = 0.1
"""Intervals to which an onset is known at best."""
USUAL_S_PER_KM = 1000.0 / 3.0
"""Slowness that is supposed at first."""
FAR = 4.0
"""Usual misses of the others from which an onset is left out."""


class Plume:
    """Fronts over a zone, column by column; 112 bytes a Datastream and 72 a column."""

    name: ClassVar[str] = "plume"
    kinds: ClassVar[tuple[str, ...]] = ("plume",)
    evidence: ClassVar[tuple[str, ...]] = ("order of arrival",)
    facts: ClassVar[tuple[str, ...]] = (
        "from_direction_deg", "direction_error_deg", "speed_m_s", "speed_error_m_s", "things",
    )  # fmt: skip
    words: ClassVar[Mapping[str, Words]] = {
        "plume": Words(
            Phrase(
                "a plume crosses the zone[, from {from_direction_deg}°][, at {speed_m_s} m/s]",
                "烟羽过境[，来自 {from_direction_deg}°][，速度 {speed_m_s} m/s]",
            )
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "order of arrival": Phrase("the order of arrival", "到达次序"),
        "from_direction_deg": Phrase("from (degrees)", "来向（度）"),
        "direction_error_deg": Phrase("error of the direction (degrees)", "来向误差（度）"),
        "speed_m_s": Phrase("speed (m/s)", "速度（m/s）"),
        "speed_error_m_s": Phrase("error of the speed (m/s)", "速度误差（m/s）"),
        "things": Phrase("Things touched", "波及处数"),
    }
    scope: ClassVar[Scope] = Scope.ZONE
    schema: ClassVar[int] = 1
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("threshold", "f8"), ("rise", "f8"), ("floor", "f8"), ("warm_up", "f8")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("last", "f4", (BINS,)),  # results of the last bins, the newest at the end; NaN: none
            ("usual", "f8"),  # height
            ("learned", "f8"),  # bins
        ]
    )
    own: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("newest", "i8"),
            ("touched", "i8"),  # Things, when the front was fitted that is told
            ("sureness", "f8"),
            ("since", "i8"),
            ("facts", "f8", (5,)),
        ]
    )
    defaults: ClassVar[Mapping[str, Any]] = {"threshold": 4.0, "rise": 8.0, "floor": 0.0, "warm_up": 288}

    def fresh(self, n: int) -> Columns:
        """Nothing measured."""
        state = np.zeros(n, self.state)
        state["last"] = np.nan
        return table(state, self.state)

    def fresh_own(self, n: int) -> Columns:
        """Nothing seen."""
        own = np.zeros(n, self.own)
        own["newest"] = NEVER
        return table(own, self.own)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """What may be declared.

        threshold: standard errors by which the slowness differs from nothing. rise: times the usual height that touch.
        floor: the usual height is at least this, in the unit. warm_up: bins in which nothing is told.
        """
        values = Declared(self.name, self.defaults, declared)
        return (
            values.number("threshold", above=0, most=1e6),
            values.number("rise", above=0, most=1e6),
            values.number("floor", least=0, most=LARGEST),
            float(values.count("warm_up", least=BINS)),
        )

    def update(self, state: Columns, own: Columns, parameters: Columns, panel: Panel) -> Verdict:
        """See `PanelDetector.update`. A zone's threshold is that of its first Thing that has the column."""
        p: Any = parameters
        first = np.argmax(panel.there, axis=0)
        threshold = p["threshold"][first, np.arange(len(panel.columns))]
        placed = panel.there & np.isfinite(panel.east + panel.north)[:, None]
        shape = (len(panel.time), len(panel.columns))
        score, nothing = np.zeros(shape), np.full(shape, np.nan)
        facts = np.full((len(self.facts), *shape), np.nan)
        starts_at = np.repeat(panel.time[:, None], shape[1], axis=1)
        for b, time in enumerate(panel.time.tolist()):
            _push(state, own, time, panel.interval, panel.result[b])
            height, onset = _onsets(state["last"])
            usual = np.maximum(state["usual"], p["floor"]) + LEAST
            touched = placed & (state["learned"] >= p["warm_up"]) & (height >= p["rise"] * usual) & (onset >= 0)
            weight = np.where(touched, np.minimum(height / usual, 1e6), 0.0)
            many = touched.sum(axis=0)
            own["touched"][many == 0] = own["sureness"][many == 0] = 0
            settled = onset.max(axis=0, where=touched, initial=-1.0) <= BINS - 1 - SETTLED
            for column in np.flatnonzero(settled & (many >= FEWEST) & (many > own["touched"])).tolist():
                rows = np.flatnonzero(touched[:, column])
                times = onset[rows, column]
                front = _fit(panel.east[rows], panel.north[rows], times, weight[rows, column], panel.interval / 1e6)
                own["touched"][column], own["sureness"][column] = many[column], front.sureness
                own["since"][column] = time - round((BINS - 1 - float(times.min())) * panel.interval)
                own["facts"][column] = front.facts()
            told = own["touched"] > 0
            score[b] = own["sureness"] ** 2 / (own["sureness"] ** 2 + threshold**2 / 9.0)
            starts_at[b] = np.where(told, own["since"], time)
            facts[:, b] = np.where(told, own["facts"].T, np.nan)
            _learn(state, height)
        return Verdict(score, nothing, nothing.copy(), starts_at, facts=facts)


def _push(state: Columns, own: Columns, time: int, interval: int, result: Floats) -> None:
    """The bin is the newest of the last; bins that were left out are empty ones."""
    newest = float(own["newest"].max())
    left_out = int(min(max((time - newest) / interval - 1, 0.0), BINS))
    own["newest"][:] = time
    last = state["last"]
    kept = last[..., left_out + 1 :].copy() if left_out + 1 < BINS else last[..., :0].copy()
    last[..., : kept.shape[-1]] = kept
    last[..., kept.shape[-1] :] = np.nan
    last[..., -1] = np.minimum(np.maximum(result, -LARGEST), LARGEST)


def _onsets(last: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Height and onset (bins from the first of the last ones; -1: none) of each Datastream, `(t, c)`."""
    before = np.sort(last[..., :BASE], axis=-1).astype(np.float64)  # NaN goes to the end
    measured = np.isfinite(before).sum(axis=-1)
    middle = (np.maximum(measured, 1) - 1) // 2
    base = np.take_along_axis(before, middle[..., None], -1)[..., 0]
    since = last[..., BASE:].astype(np.float64)
    height = np.where(np.isfinite(since), since, -np.inf).max(axis=-1) - base
    height = np.where((measured >= BASE // 2) & np.isfinite(height), height, 0.0)
    half = (base + 0.5 * height)[..., None]
    earlier, later = last[..., BASE - 1 : -1].astype(np.float64), since
    crossed = (earlier < half) & (later >= half)
    place = np.argmax(crossed, axis=-1)[..., None]
    low, high = np.take_along_axis(earlier, place, -1)[..., 0], np.take_along_axis(later, place, -1)[..., 0]
    some = crossed.any(axis=-1)
    step = np.where(some, high - low, 1.0)
    part = np.where(some, (half[..., 0] - low) / step, 0.0)
    return height, np.where(some, BASE - 1 + place[..., 0] + part, -1.0)


def _learn(state: Columns, height: Floats) -> None:
    """The usual height; what is far above it teaches no more than three of them."""
    measured = np.isfinite(state["last"][..., -1])
    learned = state["learned"]
    rate = np.maximum(1.0 / MEMORY, 1.0 / (learned + 1.0))
    most = np.where(learned < 2 * BINS, LARGEST, 3.0 * state["usual"] + LEAST)
    step = rate * (np.minimum(np.maximum(height, 0.0), most) - state["usual"])
    state["usual"][:] += np.where(measured, step, 0.0)
    state["learned"][:] = np.where(measured, np.minimum(learned + 1.0, 1e9), learned)


@dataclass(frozen=True, slots=True)
class _Front:
    """Slowness in s/km towards east and north, its covariance, and how many Things it was seen at."""

    east: float
    north: float
    covariance: tuple[float, float, float]  # east east, east north, north north
    things: int

    @property
    def slowness(self) -> float:
        """s/km, never 0."""
        return max(math.hypot(self.east, self.north), 1e-6)

    def _error(self, east: float, north: float) -> float:
        """Standard error of the slowness that way; a unit vector."""
        ee, en, nn = self.covariance
        return math.sqrt(max(ee * east * east + 2.0 * en * east * north + nn * north * north, 1e-12))

    @property
    def sureness(self) -> float:
        """Standard errors from nothing."""
        return self.slowness / self._error(self.east / self.slowness, self.north / self.slowness)

    def facts(self) -> list[float]:
        """In the order of `Plume.facts`."""
        along, across = self.east / self.slowness, self.north / self.slowness
        speed = 1000.0 / self.slowness
        return [
            math.degrees(math.atan2(-self.east, -self.north)) % 360.0,
            min(math.degrees(self._error(-across, along) / self.slowness), 180.0),
            speed,
            speed * self._error(along, across) / self.slowness,
            float(self.things),
        ]


def _fit(east: Floats, north: Floats, onset: Floats, height: Floats, interval_s: float) -> _Front:
    """Slowness of the front that was at these places (km) at these times (bins)."""
    weights = [h * h / (h * h + 100.0) for h in height.tolist()]
    seconds = [interval_s * t for t in onset.tolist()]
    points = list(zip(east.tolist(), north.tolist(), seconds, weights, strict=True))
    front, misses = _plane(points, interval_s)
    worst = max(range(len(points)), key=lambda i: abs(misses[i]))
    others = [i for i in range(len(points)) if i != worst]
    usual = math.sqrt(sum(misses[i] ** 2 for i in others) / len(others))
    if len(others) < FEWEST or abs(misses[worst]) <= FAR * max(usual, CLOCK * interval_s):
        return front
    return _plane([points[i] for i in others], interval_s)[0]


def _plane(points: list[tuple[float, float, float, float]], interval_s: float) -> tuple[_Front, list[float]]:
    """Weighed least squares with a prior; the front, and how much later than it each Thing was touched (s)."""
    total = sum(w for *_, w in points)
    mean_x = sum(w * x for x, _, _, w in points) / total
    mean_y = sum(w * y for _, y, _, w in points) / total
    mean_t = sum(w * t for _, _, t, w in points) / total
    prior = (2.0 * CLOCK * interval_s / USUAL_S_PER_KM) ** 2
    xx = sum(w * (x - mean_x) ** 2 for x, _, _, w in points) + prior
    yy = sum(w * (y - mean_y) ** 2 for _, y, _, w in points) + prior
    xy = sum(w * (x - mean_x) * (y - mean_y) for x, y, _, w in points)
    xt = sum(w * (x - mean_x) * (t - mean_t) for x, _, t, w in points)
    yt = sum(w * (y - mean_y) * (t - mean_t) for _, y, t, w in points)
    size = xx * yy - xy * xy  # above 0: the prior
    east, north = (yy * xt - xy * yt) / size, (xx * yt - xy * xt) / size
    misses = [t - mean_t - east * (x - mean_x) - north * (y - mean_y) for x, y, t, _ in points]
    left = sum(w * miss * miss for miss, (*_, w) in zip(misses, points, strict=True))
    clock = (CLOCK * interval_s) ** 2
    variance = max((left + 2.0 * clock) / (len(points) - 1), clock)
    return _Front(east, north, (variance * yy / size, -variance * xy / size, variance * xx / size), len(points)), misses

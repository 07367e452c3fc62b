"""Sensor fault: a Datastream behaves as its neighbours, its past and its Thing's other properties say no device should.

Evidence of five kinds (`detectors.faults`) is divided by its threshold; the strongest names the fault. A fault is told once:
for `patience` bins, and not again until its evidence has fallen to half and two days have passed. What all neighbours do
together is never one, nor what several properties of one Thing do together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Scope
from detectors.core.columns import Columns
from detectors.core.interface import Declared, Floats, Verdict
from detectors.core.panel import Panel
from detectors.core.words import Phrase, Words
from detectors.faults import apart, late, observed, repeated, restless, returned
from detectors.faults.observed import Bin
from detectors.parts import expectation

SPIKE, STUCK, OFFSET, SCALE, DRIFT, NOISE, CLOCK = range(7)
NAMED = np.array([SPIKE, STUCK, OFFSET, NOISE, CLOCK])
"""What each kind of evidence is called; that of an offset is told apart from scale and drift by its shape."""
APART, EVIDENCE = 2, 5
PARTS = (expectation, observed, returned, repeated, apart, restless, late)
QUIET = 48  # bins before the same is told again
FALLEN = 0.5  # to what share of its threshold evidence must have fallen by then
MUTED = 0.35  # what old evidence counts at most, in thresholds
AGO = np.array([2, 0, 0, 12, 48])
"""Bins that each kind of evidence needs until it speaks, where it does not know itself."""


class SensorFault:
    """Spike, stuck, offset, scale, drift, noise and clock."""

    name: ClassVar[str] = "sensor_fault"
    kinds: ClassVar[tuple[str, ...]] = ("spike", "stuck", "offset", "scale", "drift", "noise", "clock")
    evidence: ClassVar[tuple[str, ...]] = ("up and back", "repeated", "apart", "restless", "late")
    facts: ClassVar[tuple[str, ...]] = ()
    words: ClassVar[Mapping[str, Words]] = {
        "spike": Words(Phrase("far from what was expected", "远离预期"), plain=True),
        "stuck": Words(
            Phrase("the same result again and again", "结果长时间不变"),
            normal=Phrase("a result that differs", "有变化的结果"),
        ),
        "offset": Words(Phrase("off by a steady amount", "存在恒定偏移")),
        "scale": Words(Phrase("too large or too small by a factor", "比例失准")),
        "drift": Words(Phrase("drifting away", "持续漂移")),
        "noise": Words(Phrase("noisier than it was", "噪声异常增大")),
        "clock": Words(Phrase("its clock is wrong", "设备时钟有误")),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "up and back": Phrase("it went and came back at once", "骤变后即恢复"),
        "repeated": Phrase("it repeats itself", "结果重复"),
        "apart": Phrase("it stands apart from its neighbours", "偏离邻站"),
        "restless": Phrase("it is more restless than its neighbours", "波动大于邻站"),
        "late": Phrase("it follows its neighbours late", "滞后于邻站"),
    }
    scope: ClassVar[Scope] = Scope.DATASTREAM
    schema: ClassVar[int] = 1
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("lowest", "f8"),
            ("floor", "f8"),
            ("warm_up", "i8"),
            ("neighbours", "i8"),
            ("patience", "i8"),
            ("lookback", "i8"),
            ("thresholds", "f8", (EVIDENCE,)),
        ]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [field for part in PARTS for field in part.STATE.descr] + [("told", "i4", (EVIDENCE,))]
    )
    own: ClassVar[np.dtype[np.void]] = np.dtype([])
    defaults: ClassVar[Mapping[str, Any]] = {
        "positive": False,
        "lowest": 0.0,
        "floor": 1.0,
        "warm_up": 336,
        "neighbours": 2,
        "patience": 6,
        "lookback": 12,
        # Of faults made into hourly air quality of eight stations (UCI 501, 2013 to 2015), these find 0.88 at 0.45 false alarms
        # a series-month, 15 % lower ones 0.90 at 0.80, 20 % higher ones 0.83 at 0.22.
        "spike": 0.68,
        "stuck": 33.0,
        "apart": 1.2,
        "noise": 1.75,
        "clock": 0.22,
    }

    def fresh(self, n: int) -> Columns:
        """Nothing known."""
        return {name: column for part in PARTS for name, column in part.fresh(n).items()} | {
            "told": np.zeros((n, EVIDENCE), np.int32)
        }

    def fresh_own(self, n: int) -> Columns:
        """It has no subjects but Datastreams."""
        return {}

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """positive: results have a lowest value, and what matters is a factor of their height above it.
        lowest: that value. floor: heights below it count alike, a few steps of the resolution.
        warm_up: results of a Datastream before it is judged.
        neighbours: how many must be there for offset, scale, drift and clock.
        patience: bins for which a fault is told. lookback: bins before that to which its beginning is put at most.
        spike, stuck, apart, noise, clock: the thresholds, in the measure of each kind of evidence.
        """
        own = Declared(self.name, self.defaults, declared)
        lowest = own.number("lowest", least=-1e150, most=1e150)
        return (
            lowest if own.truth("positive") else np.nan,
            own.number("floor", above=0, most=1e150),
            own.count("warm_up", least=expectation.FIRST),
            own.count("neighbours", least=1),
            own.count("patience", least=1, most=10_000),
            own.count("lookback", least=0, most=10_000),
            tuple(own.number(name, above=0, most=1e9) for name in ("spike", "stuck", "apart", "noise", "clock")),
        )

    def update(self, state: Columns, own: Columns, parameters: Columns, panel: Panel) -> Verdict:
        """Bin by bin; see `PanelDetector`."""
        shape = panel.result.shape
        verdict = Verdict(
            score=np.zeros(shape),
            expected_low=np.full(shape, np.nan),
            expected_high=np.full(shape, np.nan),
            starts_at=np.zeros(shape, np.int64),
            kind=np.zeros(shape, np.intp),
            evidence=np.zeros((EVIDENCE, *shape)),
        )
        lowest, floor = parameters["lowest"], parameters["floor"]
        result = np.clip(panel.result, -expectation.LARGEST, expectation.LARGEST)
        y = expectation.scaled(result, lowest, floor)
        with np.errstate(all="ignore"):
            for b, time in enumerate(panel.time.tolist()):
                seen = expectation.look(state, y[b], observed.slot_of(time), parameters["neighbours"])
                now = Bin(time, panel.interval, result[b], y[b], seen, lowest, floor)
                self._take(state, parameters, now, verdict, b)
        return verdict

    def _take(self, state: Columns, parameters: Columns, now: Bin, verdict: Verdict, b: int) -> None:
        """One bin: how strong, whether new, which kind, since when."""
        assert verdict.kind is not None
        assert verdict.evidence is not None
        seen, told = now.seen, state["told"]
        judged = seen.begun & (state["count"] >= parameters["warm_up"])
        observed.begin(state, now)
        strengths = (
            returned.strength(state, now),
            repeated.strength(state, now),
            apart.strength(state, now, np.logical_or.reduce(told > 0, axis=-1)),
            restless.strength(state, now),
            late.strength(state, now),
        )
        strongest = np.zeros(seen.size.shape)
        which = np.zeros(seen.size.shape, np.intp)
        for i, strength in enumerate(strengths):
            share = np.where(judged, np.clip(strength / parameters["thresholds"][..., i], 0.0, 1e6), 0.0)
            counted = self._tell(told[..., i], share, judged, parameters["patience"])
            which = np.where(counted > strongest, i, which)
            strongest = np.maximum(strongest, counted)
            verdict.evidence[i, b] = counted
        verdict.score[b] = 1 - 0.1**strongest
        since = np.zeros(seen.size.shape, np.int64)
        verdict.kind[b] = NAMED[which]
        opened = strongest >= 1
        if opened.any():
            self._name(state, now.lowest, which, opened, verdict.kind[b], since)
        since = np.minimum(since, parameters["lookback"])
        verdict.starts_at[b] = now.time - since * now.interval
        width = 3 * seen.size
        verdict.expected_low[b] = np.where(judged, now.result_of(seen.expected - width), np.nan)
        verdict.expected_high[b] = np.where(judged, now.result_of(seen.expected + width), np.nan)
        observed.remember(state, now)
        expectation.learn(state, seen, now.result, now.slot())

    @staticmethod
    def _tell(told: npt.NDArray[np.int32], share: Floats, judged: expectation.Grid, patience: Any) -> Floats:
        """What the evidence counts; `told`, bins since it was news, 0 for not yet, is changed in place."""
        told += judged & (told > 0)
        told[(told > QUIET) & (share < FALLEN)] = 0
        told[(told == 0) & (share >= 1)] = 1
        return np.where((told > 0) & (told <= patience), share, np.minimum(share, MUTED))

    @staticmethod
    def _name(state: Columns, lowest: Floats, which: Any, opened: Any, kind: Any, since: Any) -> None:
        """Tell the shapes of what stays apart, and how many bins ago each began; `kind` and `since` are changed in place."""
        ago = AGO[which]
        since[:] = np.where(opened, np.where(kind == STUCK, state["equal"], ago), 0)
        stays = opened & (which == APART)
        if stays.any():
            shapes, bins = apart.shape(state, stays, ~np.isnan(lowest))
            kind[stays] = OFFSET + shapes
            since[stays] = bins

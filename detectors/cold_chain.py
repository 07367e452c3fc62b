"""Cold chain: what lies in a room was too warm, or too cold, for too long.

Three questions, each answered as a share of what is allowed; the largest share is the score's:

- time: minutes on end beyond the limit, against `high_minutes` (`low_minutes`). Once beyond, it is over only when the result is
  `hysteresis` inside of the limit.
- dose: degree-minutes above the limit, against `degree_minutes`, since it was last inside. A little for long is as bad as a
  lot for short.
- warmth: the mean kinetic temperature of the last `days`, against `kinetic`. It is the one temperature at which as much
  would have spoiled as at all those that were measured, by Arrhenius with 83.144 kJ/mol (J. D. Haynes, Worldwide virtual
  temperatures for product stability testing, J. Pharm. Sci. 60, 1971, 927-929):

      Tk = (ΔH/R) / -ln(Σ wi exp(-ΔH/(R Ti)) / Σ wi),  T in kelvin, wi the time that Ti held; older time counts less.

A result holds until the next one, for an hour at most: what was not measured is not known. Limits are declared, in °C; for
vaccines the WHO's devices alarm above +8 °C for 10 h and at -0.5 °C and below for 60 min (PQS E006, quoted from memory:
provisional). A room that fails is told sooner by `detectors.cooling_failure`.
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
LONGEST = 60.0
"""Minutes that a result holds without another."""
DAY = 1440.0
KELVIN = 273.15
ACTIVATION = 83_144.0 / 8.314462618
"""ΔH/R, K: 83.144 kJ/mol over the gas constant (CODATA 2018)."""
COLDEST, WARMEST = -120.0, 120.0
"""°C: no room is beyond."""
OPEN = 0.9
"""The score of what just reaches what is allowed."""


def spoiling(celsius: Floats) -> Floats:
    """How fast goods spoil, as a share of what they would at 0 °C."""
    spoils: Floats = np.exp(ACTIVATION / KELVIN - ACTIVATION / (celsius + KELVIN))
    return spoils


def kinetic(mean_spoiling: Floats) -> Floats:
    """The mean kinetic temperature, °C, of what spoiled so fast on average."""
    celsius: Floats = ACTIVATION / (ACTIVATION / KELVIN - np.log(mean_spoiling)) - KELVIN
    return celsius


class ColdChain:
    """Counts what is beyond a limit; 57 bytes a Datastream."""

    name: ClassVar[str] = "cold_chain"
    kinds: ClassVar[tuple[str, ...]] = ("too_warm", "too_cold")
    evidence: ClassVar[tuple[str, ...]] = ("time", "dose", "warmth")
    facts: ClassVar[tuple[str, ...]] = ("minutes", "degree_minutes", "kinetic")
    words: ClassVar[Mapping[str, Words]] = {
        "too_warm": Words(
            Phrase("too warm for too long[, {minutes} minutes by now]", "过热时间过长[，已 {minutes} 分钟]")
        ),
        "too_cold": Words(
            Phrase("too cold for too long[, {minutes} minutes by now]", "过冷时间过长[，已 {minutes} 分钟]")
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "time": Phrase("minutes beyond the limit", "超限时间"),
        "dose": Phrase("degree-minutes", "超限度·分钟"),
        "warmth": Phrase("mean kinetic temperature", "平均动力学温度"),
        "minutes": Phrase("minutes beyond the limit", "超限分钟数"),
        "degree_minutes": Phrase("degree-minutes", "超限度·分钟"),
        "kinetic": Phrase("mean kinetic temperature (°C)", "平均动力学温度（°C）"),
    }
    schema: ClassVar[int] = 1
    sees_failed: ClassVar[bool] = False
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            (name, "f8")
            for name in (
                "high", "high_minutes", "low", "low_minutes", "hysteresis", "degree_minutes", "kinetic", "minutes",
            )
        ]
    )  # fmt: skip
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("newest", "i8"),
            ("last", "f8"),
            ("side", "i1"),  # 1 above the high limit, -1 below the low one
            ("since", "i8"),  # when it went beyond
            ("dose", "f8"),  # degree-minutes
            ("begun", "i8"),  # the first result
            ("weight", "f8"),  # minutes, older ones count less
            ("spoiled", "f8"),  # the mean of `spoiling`
        ]
    )
    defaults: ClassVar[Mapping[str, Any]] = {
        "high": np.inf,
        "high_minutes": 600.0,
        "low": -np.inf,
        "low_minutes": 60.0,
        "hysteresis": 0.5,
        "degree_minutes": np.inf,
        "kinetic": np.inf,
        "days": 7.0,
    }

    def fresh(self, n: int) -> Columns:
        """Nothing seen."""
        state = np.zeros(n, self.state)
        state["newest"] = state["since"] = state["begun"] = NEVER
        return table(state, self.state)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """high, low: limits in °C. high_minutes, low_minutes: how long it may be beyond them. hysteresis: K inside of the
        limit at which it is over. degree_minutes: K·min that it may collect above the high limit. kinetic: mean kinetic
        temperature, °C, that it may have over some days. days: how many, an exponential memory."""
        values = Declared(self.name, self.defaults, declared)
        low, high = values.number("low"), values.number("high")
        if not low < high:
            raise ValueError(f"detector cold_chain: expected low < high, got {low} and {high}")
        return (
            high,
            values.number("high_minutes", above=0, most=1e9),
            low,
            values.number("low_minutes", above=0, most=1e9),
            values.number("hysteresis", least=0, most=1e3),
            values.number("degree_minutes", above=0),
            values.number("kinetic"),
            DAY * values.number("days", above=0, most=1e4),
        )

    def update(self, state: Columns, parameters: Columns, runs: Runs) -> Verdict:
        """See `Detector.update`."""
        n, rows, p = len(runs), runs.rows, parameters
        its = {name: column.take(rows) for name, column in state.items()}
        result = np.minimum(np.maximum(runs.result, COLDEST), WARMEST)
        spoils, moment = spoiling(result), runs.time.astype(np.float64)
        shares, side = np.empty((3, n)), np.empty(n, np.int8)
        facts, since = np.empty((3, n)), np.empty(n, np.int64)
        for m, part in runs.rounds():
            now, time, q = result[part], runs.time[part], {name: column[part] for name, column in p.items()}
            new = its["newest"][:m] == NEVER
            passed = np.where(new, 0.0, (moment[part] - its["newest"][:m].astype(np.float64)) / MINUTE)
            holds = np.minimum(passed, LONGEST)
            # the memory of what it was like; one decay however long the silence
            its["begun"][:m] = np.where(new, time, its["begun"][:m])
            kept = its["weight"][:m] * np.exp(-passed / q["minutes"])
            weight = kept + holds
            before = its["last"][:m]
            held = spoiling(np.where(new, now, before))
            part_of = np.where(weight > 0.0, holds / np.maximum(weight, 1e-9), 0.0)
            its["spoiled"][:m] = np.where(
                weight > 0.0, its["spoiled"][:m] + part_of * (held - its["spoiled"][:m]), spoils[part]
            )
            its["weight"][:m] = weight
            # beyond a limit
            was = its["side"][:m]
            warm = (now > q["high"]) | ((was == 1) & (now > q["high"] - q["hysteresis"]))
            cold = ~warm & ((now <= q["low"]) | ((was == -1) & (now <= q["low"] + q["hysteresis"])))
            is_now = np.where(warm, 1, np.where(cold, -1, 0)).astype(np.int8)
            stays = (is_now == was) & (is_now != 0)
            its["since"][:m] = np.where(stays, its["since"][:m], time)
            above = np.maximum(before - np.where(np.isfinite(q["high"]), q["high"], WARMEST), 0.0)
            its["dose"][:m] = np.where(stays & (is_now == 1), its["dose"][:m] + above * holds, 0.0)
            lasts = np.where(stays, (moment[part] - its["since"][:m].astype(np.float64)) / MINUTE, 0.0)
            its["side"][:m], its["last"][:m], its["newest"][:m] = is_now, now, time
            # against what is allowed
            most = np.where(is_now == 1, q["high_minutes"], q["low_minutes"])
            shares[0, part] = lasts / most
            shares[1, part] = its["dose"][:m] / q["degree_minutes"]
            warmth = kinetic(its["spoiled"][:m])
            facts[0, part], facts[1, part], facts[2, part] = lasts, its["dose"][:m], warmth
            known = (moment[part] - its["begun"][:m].astype(np.float64)) / MINUTE >= q["minutes"]
            hot = known & (warmth > q["kinetic"])
            shares[2, part] = np.where(hot, 1.0 + (warmth - q["kinetic"]) / 10.0, 0.0)
            side[part] = np.where(hot & (is_now == 0), 1, is_now)
            since[part] = np.where(hot & (is_now == 0), its["begun"][:m], its["since"][:m])
        for name, column in its.items():
            state[name][rows] = column
        largest = np.maximum(np.maximum(shares[0], shares[1]), shares[2])
        score = np.where(largest < 1.0, 0.5 * largest, 1.0 - (1.0 - OPEN) / np.maximum(largest, 1.0))
        low, high = (np.where(np.isfinite(p[name]), p[name], np.nan) for name in ("low", "high"))
        return Verdict(score, low, high, since, (side < 0).astype(np.intp), shares, facts)

    def deadline(self, state: Columns, parameters: Columns) -> Times:
        """It does not watch silence."""
        return never(state)

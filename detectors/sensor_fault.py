"""Sensor fault: a Datastream that behaves as its neighbours, its own past and its Thing's other properties say no device should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Scope
from detectors.core.columns import Columns
from detectors.core.expectation import EXPECTATION_STATE, SLOTS, Seen, learn, look, scaled, unscaled
from detectors.core.interface import Declared, Floats, Verdict
from detectors.core.panel import Panel

DAY = 86_400_000_000
KINDS = ("spike", "stuck", "offset", "scale", "drift", "noise", "clock")
SPIKE, STUCK, OFFSET, SCALE, DRIFT, NOISE, CLOCK = range(7)
GROUPS = ("spike", "stuck", "shift", "noise", "clock")  # evidence is gathered for these
LAGS = (4, 6, 8, 10, 12)  # bins a device's clock may be late
RING = 16
PARTNERS = 16
BLOCK, BLOCKS = 6, 24

class SensorFault:
    name: ClassVar[str] = "sensor_fault"
    kinds: ClassVar[tuple[str, ...]] = KINDS
    evidence: ClassVar[tuple[str, ...]] = ("own history", "neighbours", "other properties")
    scope: ClassVar[Scope] = Scope.DATASTREAM
    schema: ClassVar[int] = 1
    facts: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("lowest", "f8"), ("floor", "f8"), ("warm_up", "i8"), ("neighbours", "i8"), ("patience", "i8"), ("lookback", "i8"),
         ("spike", "f8"), ("stuck", "f8"), ("shift", "f8"), ("noise", "f8"), ("clock", "f8")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [*((n, *EXPECTATION_STATE.fields[n][:1]) for n in EXPECTATION_STATE.names),
         ("residuals", "f8", (3,)), ("expecteds", "f8", (3,)), ("averages", "f8", (3,)), ("results", "f8", (3,)), ("jumps", "f8", (2,)),
         ("short", "f8"), ("fast", "f8"), ("slow", "f8"), ("rough", "f8"), ("usual_rough", "f8"), ("usual_slow", "f8"), ("usual_fast", "f8"),
         ("equal", "i8"), ("repeats", "f8"), ("repeat", "f8", (2,)), ("low", "f8"),
         ("clock", "f8", (len(LAGS),)), ("commons", "f4", (RING,)), ("bins", "i8", (RING,)),
         ("weights", "f4", (PARTNERS,)),
         ("block_u", "f8"), ("block_v", "f8"), ("block_n", "i8"), ("blocks_u", "f4", (BLOCKS,)), ("blocks_v", "f4", (BLOCKS,)),
         ("told", "i4", (len(GROUPS),)), ("calm", "?", (len(GROUPS),)),
         ]
    )
    own: ClassVar[np.dtype[np.void]] = np.dtype([("none", "?")])
    defaults: ClassVar[Mapping[str, Any]] = dict(lowest=np.nan, floor=1.0, warm_up=336, neighbours=2, patience=6, lookback=12,
        spike=.6, stuck=33., shift=1.1, noise=1.75, clock=.22)

    def fresh(self, n: int) -> Columns:
        out = {}
        for name in self.state.names:
            d = self.state[name]
            out[name] = np.zeros((n, *d.shape), d.base)
        for name in ("residuals", "expecteds", "averages", "results"):
            out[name][:] = np.nan
        out["repeat"][:] = .3
        out["low"][:]=np.nan
        out["usual_rough"][:]=1.; out["usual_slow"][:]=.3; out["usual_fast"][:]=.4
        out["bins"][:] = -1
        return out

    def parameters_of(self, declared, datastream):
        d = {**self.defaults, **declared}
        return tuple(d[n] for n in self.parameters.names)

    def update(self, state, own, parameters, panel):
        return self.walk(state, parameters, panel.time, panel.result, panel.interval)

    def walk(self, state, p, time, result, interval, debug=None):
        b = len(time)
        score = np.zeros(result.shape); kind = np.zeros(result.shape, np.intp); starts = np.zeros(result.shape, np.int64)
        low, high = np.full(result.shape, np.nan), np.full(result.shape, np.nan)
        y = scaled(result, p["lowest"], p["floor"])
        for i in range(b):
            slot = int(time[i] % DAY * SLOTS // DAY)
            k = int(time[i] // interval)
            with np.errstate(all="ignore"):
                q, parts = self.step(state, p, result[i], y[i], slot, k)
                score[i], kind[i], ago = self.tell(state, p, q, parts, np.isfinite(result[i]))
            starts[i] = time[i] + interval - np.minimum(ago, p["lookback"]) * interval
            if debug is not None: debug.append(q.astype('f4'))
        return Verdict(score, low, high, starts, kind)

    def step(self, s, p, x, y, slot, k):
        told = s["told"]
        trusted = (told[..., 2:] == 0).all(-1) if self.TRUST else np.ones(x.shape, bool)
        blamed = (told > self.OLD).any(-1)
        seen = look(s, y, slot, p["neighbours"], trusted)
        ok = seen.measured; size = seen.size
        r = seen.residual
        warm = ok & (s["count"] >= p["warm_up"])
        u = np.where(ok & (s['count'] >= 48), r / size, 0.)
        # ---- spike
        R, E, A, X = s["residuals"], s["expecteds"], s["averages"], s["results"]
        big = np.maximum(s["spread"], np.where(np.isnan(p["lowest"]), 0, s["middle"]))
        def excess(j, ref):
            lin = (X[..., j] - unscaled(E[..., j] + ref, p["lowest"], p["floor"])) / big
            return np.minimum(lin, (R[..., j] - ref) / size) / 3
        ref1 = np.maximum(np.maximum(R[..., 1], A[..., 1]), r)
        ref2 = np.maximum(np.maximum(R[..., 2], A[..., 2]), r)
        spike = np.fmax(excess(0, ref1), np.minimum(excess(0, ref2), excess(1, ref2)))
        jump = np.where(ok & (s["count"] >= 48), np.nan_to_num((r - R[..., 0]) / size), 0)
        J = s["jumps"].max(-1)
        other = np.full(x.shape, 0.)
        c = x.shape[-1]
        for q in range(1, c):
            other = np.maximum(other, np.roll(J, q, axis=-1))
        spike = np.where(np.isnan(spike), 0, spike) - self.W_OTHER * np.clip(other, 0, 6)
        # ---- stuck
        prev = X[..., 0]
        same = ok & (x == prev)
        is_low = x <= s["low"] + .5 * s["spread"]*self.LOWW
        rep = np.where(is_low, s["repeat"][..., 1], s["repeat"][..., 0])
        s["repeats"] = np.where(same, s["repeats"] - np.log(np.clip(rep, .02, .98)), np.where(ok, 0., s["repeats"]))
        s["equal"] = np.where(same, s["equal"] + 1, np.where(ok, 0, s["equal"]))
        learnt = ok & ~np.isnan(prev) & (s["equal"] < 8)
        for j in (0, 1):
            s["repeat"][..., j] += np.where(learnt & (is_low == j), .002 * (same - s["repeat"][..., j]), 0)
        s["low"] = np.where(np.isnan(s["low"]), x, s["low"] + np.where(ok, np.where(x < s["low"], -.95, .05) * .02 * s["spread"], 0))
        stuck = s["repeats"]
        # ---- shift
        near = ok & seen.neighbours & (s['count'] >= 48)
        unit = np.where(np.isnan(p['lowest']), size, np.sqrt(size * .2))
        cu = np.clip(u, -self.CLIP, self.CLIP) * size / unit
        s["fast"] += np.where(near, (cu - s["fast"]) / self.FAST, 0)
        s["slow"] += np.where(near, (cu - s["slow"]) / self.SLOW, 0)
        def unexplained(e):
            out = e.copy()
            for q in range(c):
                out -= s["weights"][..., q] * np.where(blamed[..., q:q+1],0,e[...,q:q+1])
            if not self.PART: return np.abs(e)
            return np.where(np.sign(out) == np.sign(e), np.minimum(np.abs(out), np.abs(e)), 0)
        ff, fs = unexplained(s["fast"]), unexplained(s["slow"])
        shift = np.maximum(ff / self.FASTW, fs)
        # weights learn
        v = np.where(near, np.clip(u, -3, 3) * size / unit, 0)
        err = v.copy()
        for q in range(c):
            err -= s["weights"][..., q] * v[..., q:q + 1]
        for q in range(c):
            dw = .001 * err * v[..., q:q + 1]
            dw[..., q] = 0
            s["weights"][..., q] += dw
        # ---- noise
        bent = x - unscaled(seen.expected + R[..., 0], p["lowest"], p["floor"])
        d = np.minimum(np.minimum(np.abs(jump), 6.), 4 * np.minimum(np.abs(np.nan_to_num(bent)) / s["spread"], 6))
        s["rough"] += np.where(ok & ~np.isnan(R[..., 0]), (d - s["rough"]) / self.ROUGH, 0)
        noise = s["rough"]
        # ---- clock
        usual_now = seen.expected - seen.common
        base = s["level"]
        clk = None
        for j, L in enumerate(LAGS):
            at = (k - L) % RING
            have = s["bins"][..., at] == k - L
            e = base + s["profile"][..., (slot - L) % SLOTS] + s["commons"][..., at]
            llr = np.clip((np.abs(r) - np.abs(y - e)) / size, -3, 3)
            s["clock"][..., j] += np.where(near & have, (llr - s["clock"][..., j]) / 48, 0)
        clock = s["clock"].max(-1)
        # ring of the common part
        at = k % RING
        s["commons"][..., at] = seen.common; s["bins"][..., at] = np.where(seen.neighbours, k, -1)
        # ---- blocks
        s["block_u"] += np.where(near, np.clip(u, -20, 20), 0)
        s["block_v"] += np.where(near, np.clip((x - unscaled(seen.expected, p["lowest"], p["floor"])) / s["spread"], -20, 20), 0)
        s["block_n"] += near
        full = s["block_n"] >= BLOCK
        for n in "uv":
            ring = s["blocks_" + n]
            ring[:] = np.where(full[..., None], np.concatenate([ring[..., 1:], s["block_" + n][..., None] / BLOCK], -1), ring)
            s["block_" + n][full] = 0
        s["block_n"][full] = 0
        # ---- lags
        s["short"] += np.where(ok, (np.where(ok, r, 0) - s["short"]) / 6, 0)
        for name, new in (("residuals", r), ("expecteds", seen.expected), ("averages", s["short"]), ("results", x)):
            ring = s[name]
            ring[:] = np.where(ok[..., None], np.concatenate([new[..., None], ring[..., :-1]], -1), ring)
        s["jumps"][:] = np.where(ok[..., None], np.concatenate([jump[..., None], s["jumps"][..., :-1]], -1), s["jumps"])
        learn(s, seen, x, slot)
        q = np.stack([spike / p["spike"], stuck / p["stuck"], shift / p["shift"], noise / p["noise"], clock / p["clock"]])
        q = np.where(warm, np.maximum(q, 0), 0)
        return q, None

    PART=1; W_OTHER=.2; LOWW=1.; CLIP=3.; FAST=16; SLOW=48; FASTW=1.6; TRUST=1; OLD=0; ROUGH=12
    HOLD=48

    def tell(self, s, p, q, parts, ok):
        best = np.zeros(ok.shape); kind = np.zeros(ok.shape, np.intp); ago = np.ones(ok.shape)
        new = np.zeros(ok.shape,bool)
        for g, name in enumerate(GROUPS):
            t = s["told"][..., g]
            t = np.where((t > 0) & ok, t + 1, t)
            t = np.where((t > self.HOLD) & (q[g] < .5), 0, t)
            t = np.where(ok & (t == 0) & (q[g] >= 1), 1, t)
            s["told"][..., g] = t
            # told since more than `patience` bins: nothing new
            live = (t > 0) & (t <= p["patience"])
            value = np.where(live, q[g], np.minimum(q[g], .5))
            better = value > best
            best = np.where(better, value, best); kind = np.where(better, g, kind)
        sc = best / (1 + best)
        shift = (kind == 2) & (best >= 1)
        out = np.array([SPIKE, STUCK, OFFSET, NOISE, CLOCK])[kind]
        ago = np.select([out == SPIKE, out == STUCK, out == NOISE], [2, s["equal"] + 1, 12], 24).astype(np.int64)
        if shift.any():
            name, on = self.shape(s["blocks_u"][shift], s["blocks_v"][shift], s["block_n"][shift])
            out[shift] = name; ago[shift] = on
        return sc, out, ago

    def shape(self, u, v, n):
        u = u.astype('f8'); v = v.astype('f8')
        def step(a):
            ca = np.cumsum(a[:, ::-1], 1); return ca ** 2 / np.arange(1, BLOCKS + 1) / (a ** 2).sum(1)[:, None].clip(1e-9)
        def ramp(a):
            out = np.empty(a.shape)
            for m in range(1, BLOCKS + 1):
                t = np.arange(1, m + 1) - .5
                w = a[:, BLOCKS - m:]
                out[:, m - 1] = np.maximum((w * t).sum(1), 0) ** 2 / (t ** 2).sum()
            return out / (a ** 2).sum(1)[:, None].clip(1e-9)
        su, sv, rv = step(u), step(v), ramp(v)
        f = np.stack([sv.max(1), su.max(1), rv[:, 5:].max(1)])
        w = f.argmax(0)
        on = (su.argmax(1) + 1) * BLOCK + n
        return np.array([OFFSET, SCALE, DRIFT])[w], on

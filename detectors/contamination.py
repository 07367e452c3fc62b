"""Contamination: several channels of one Thing leave their recent past together, for minutes to hours.

A foreign substance moves what a probe measures in a way of its own: here pH and redox, there chlorine and conductivity,
up or down. So nothing is asked of single channels and their values, only how unusual it is how far each has gone:

    way    = middle of the last five distances |result - level|, from a slow level (`memory` bins) and from a fast one
    scale  = what 99 of 100 ways of this channel stay below, learned while all is calm
    share  = log(way / scale) / 1.5, from 0 to 1; the mean of slow and fast
    moved  = the sum of the shares: so many channels' worth of the unusual
    score  = z⁴ / (z⁴ + 1/9), z = moved / channels: 0.9 at `channels`

One channel says no more than 1, so with `channels` above that a lost sensor or a dirty lens is no contamination. The
middle of five hides spikes and keeps what swings back and forth. Levels follow, but by no more than a scale at a time.

From a score of 0.9 on until it was below 0.5 three times the scales do not learn, and the levels of before are kept: a
channel has come back when it is near its level or near that of before. After `patience` bins what is then is taken for
the new state of things. A channel that does not move any more teaches its scale nothing, and after a long silence it
begins anew.

Not here: which substance it is, where it comes from, and whether one sensor is faulty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Scope
from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER, Declared, Floats, Times, Verdict
from detectors.core.panel import Grid, Panel
from detectors.core.words import Phrase, Words

LARGEST = 1e30
"""Results are clipped here."""
FASTER = 5.0
"""How much shorter the memory of the fast level is."""
BELOW = 0.99
"""Share of the ways that stay below the scale."""
PACE = 0.02
"""How much one way above it widens the scale."""
FIRST = 200
"""Bins whose longest way is the first scale; until then levels are means of all."""
FULL = 1.5
"""log(way / scale) that makes a whole share: 4.5 scales."""
STILL = 200
"""Equal results in a row after which a channel teaches its scale nothing."""
SILENCE = 60
"""Intervals of silence after which a channel begins anew."""
OPEN, CLOSE, N_CLOSE = 0.9, 0.5, 3
"""Between which scores it is open; the decision that goes with it has the same."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of each bin before any result is judged; shapes `(b, t, c)`, `rate` `(b, 2, t, c)`."""

    result: Floats
    seen: Grid
    anew: Grid
    warm: Grid
    early: Grid
    moving: Grid
    rate: Floats


class Contamination:
    """Joint departure of channels; 144 bytes a Datastream and 37 a Thing."""

    name: ClassVar[str] = "contamination"
    kinds: ClassVar[tuple[str, ...]] = ("contamination",)
    evidence: ClassVar[tuple[str, ...]] = ("*",)  # the share of each channel, by its name
    facts: ClassVar[tuple[str, ...]] = ()
    words: ClassVar[Mapping[str, Words]] = {
        "contamination": Words(Phrase("several channels depart together", "多项指标同时偏离近期水平，疑似受污染"))
    }
    scope: ClassVar[Scope] = Scope.THING
    schema: ClassVar[int] = 1
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [("channels", "f8"), ("memory", "f8"), ("warm_up", "i8"), ("patience", "i8")]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("level", "f8", (2,)),  # slow, fast
            ("before", "f8", (2,)),  # the levels when it opened
            ("scale", "f8", (2,)),
            ("past", "f8", (2, 4)),  # the last distances, the newest first
            ("last", "f8"),
            ("newest", "i8"),
            ("count", "i8"),  # results
            ("moved", "i8"),  # results before it last changed
        ]
    )
    own: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("open", "?"),
            ("low", "i4"),  # low scores in a row
            ("age", "i8"),
            ("score", "f8"),
            ("rises", "i8"),  # since when the score is not low; NEVER: it is
            ("newest", "i8"),
        ]
    )
    defaults: ClassVar[Mapping[str, Any]] = {"channels": 1.1, "memory": 100, "warm_up": 1440, "patience": 300}

    def fresh(self, n: int) -> Columns:
        """Nothing seen."""
        state = np.zeros(n, self.state)
        state["newest"] = NEVER
        return table(state, self.state)

    def fresh_own(self, n: int) -> Columns:
        """Calm."""
        own = np.zeros(n, self.own)
        own["rises"] = own["newest"] = NEVER
        return table(own, self.own)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """What may be declared; of a Thing's channels the largest `channels` and `patience` count.

        channels: so many channels' worth of the unusual make a score of 0.9; one channel alone never says more than 1.
        memory: bins that the slow level looks back. warm_up: results of a channel before it is heard. patience: bins
        after which an open one is taken for the new state of things.
        """
        values = Declared(self.name, self.defaults, declared)
        return (
            values.number("channels", above=0, most=1000),
            values.number("memory", least=10, most=1e6),
            values.count("warm_up", least=FIRST),
            values.count("patience", least=10),
        )

    def update(self, state: Columns, own: Columns, parameters: Columns, panel: Panel) -> Verdict:
        """See `PanelDetector.update`. What needs no order is worked out for all bins at once."""
        known = _known(state, parameters, panel)
        b, t, c = panel.result.shape
        limit = np.where(panel.there, parameters["channels"], 0.0).max(axis=1, initial=1e-9)
        patience = np.where(panel.there, parameters["patience"], 0).max(axis=1, initial=0)
        heard: npt.NDArray[np.bool_] = np.logical_or.reduce(known.seen, axis=2)
        some_anew: list[bool] = np.logical_or.reduce(known.anew, axis=(1, 2)).tolist()
        level, before, scale = (np.moveaxis(state[name], -1, 0).copy() for name in ("level", "before", "scale"))
        past = np.moveaxis(state["past"], (-1, -2), (0, 1)).copy()
        score, starts, shares = np.empty((b, t)), np.empty((b, t), np.int64), np.empty((b, t, c))
        for i, time in enumerate(panel.time.tolist()):
            x, seen, early = known.result[i], known.seen[i], known.early[i]
            if some_anew[i]:
                level = np.where(known.anew[i], x, level)
                past = np.where(known.anew[i], 0.0, past)
            off = x - level
            distance = np.abs(off)
            was_open = own["open"].copy()
            held = was_open[:, None]
            if was_open.any():
                distance = np.where(held, np.minimum(distance, np.abs(x - before)), distance)
            way = _middle(distance, past)
            past = np.where(seen, np.concatenate([distance[None], past[:-1]]), past)
            beyond = way > scale
            known_scale = scale > 0
            ratio = np.divide(way, scale, out=np.ones_like(way), where=beyond & known_scale & known.warm[i])
            share = np.minimum(np.log(ratio), FULL)
            shares[i] = (share[0] + share[1]) / (2.0 * FULL)
            moved = np.cumsum(shares[i], axis=1)[:, -1]  # in the order of the columns
            tired = _watch(own, moved, time, heard[i], limit, patience, SILENCE * panel.interval)
            score[i], starts[i] = own["score"], own["rises"]
            # learn
            reach = np.where(early, LARGEST, scale)
            level = np.where(seen, level + known.rate[i] * np.minimum(np.maximum(off, -reach), reach), level)
            wider = scale * np.where(beyond, 1.0 + PACE * BELOW, 1.0 - PACE * (1.0 - BELOW))
            wider = np.where(early | ~known_scale, np.maximum(scale, way), wider)
            scale = np.where(known.moving[i] & ~held, wider, scale)
            if (was_open != own["open"]).any():
                before = np.where((own["open"] & ~was_open)[:, None], level, before)
                closed = (was_open & ~own["open"])[:, None]
                nearer = np.where(np.abs(x - before) < np.abs(x - level), before, level)
                level = np.where(closed & seen, np.where(tired[:, None], x, nearer), level)
                past = np.where(tired[:, None], 0.0, past)
        for name, value in (("level", level), ("before", before), ("scale", scale)):
            state[name][...] = np.moveaxis(value, 0, -1)
        state["past"][...] = np.moveaxis(past, (0, 1), (-1, -2))
        unknown = np.full((b, t), np.nan)
        starts = np.where(starts == NEVER, panel.time[:, None], starts)
        return Verdict(score, unknown, unknown.copy(), starts, evidence=np.moveaxis(shares, -1, 0))


def _known(state: Columns, parameters: Columns, panel: Panel) -> _Known:
    """Learns what needs no order as well: counts, times and the last results."""
    seen = np.isfinite(panel.result) & panel.there
    x = np.where(seen, np.minimum(np.maximum(panel.result, -LARGEST), LARGEST), 0.0)
    b = len(x)
    time = np.broadcast_to(panel.time[:, None, None], x.shape)
    newest = _before(state["newest"], np.where(seen, time, NEVER))
    place = _before(np.zeros(x.shape[1:], np.int64), np.where(seen, np.arange(1, b + 1)[:, None, None], 0))
    values = np.concatenate([state["last"][None], x])
    last = np.take_along_axis(values, place, axis=0)
    count = np.cumsum(np.concatenate([state["count"][None], seen]), axis=0)
    moved = _before(state["moved"], np.where(seen & (x != last[:-1]), count[:-1], 0))
    late = time.astype(np.float64) - newest[:-1] > float(SILENCE) * panel.interval
    known = _Known(
        result=x,
        seen=seen,
        anew=seen & late,  # the first one, too
        warm=seen & (count[:-1] >= parameters["warm_up"]),
        early=count[:-1] < FIRST,
        moving=seen & (count[:-1] - moved[1:] < STILL),
        rate=np.maximum(np.array([1.0, FASTER])[:, None, None] / parameters["memory"], 1.0 / (count[:-1, None] + 1.0)),
    )
    state["newest"][...], state["last"][...] = newest[-1], last[-1]
    state["count"][...], state["moved"][...] = count[-1], moved[-1]
    return known


def _before(past: npt.NDArray[np.int64], values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The largest up to each bin without it, and at the end with all; shape `(b + 1, t, c)`."""
    largest: npt.NDArray[np.int64] = np.maximum.accumulate(np.concatenate([past[None], values]), axis=0)
    return largest


def _middle(newest: Floats, past: Floats) -> Floats:
    """The median of it and the four before, element by element."""
    a, b, c, d = past
    low = np.maximum(np.minimum(a, b), np.minimum(c, d))
    high = np.minimum(np.maximum(a, b), np.maximum(c, d))
    middle: Floats = np.maximum(np.minimum(low, high), np.minimum(np.maximum(low, high), newest))
    return middle


def _watch(
    own: Columns, moved: Floats, time: int, heard: npt.NDArray[np.bool_], limit: Floats, patience: Times, silence: int
) -> npt.NDArray[np.bool_]:
    """Opens and closes each Thing; tells which were open for too long. All shapes `(t,)`.

    A Thing of which nothing came stays as it was, for a while.
    """
    lost = float(time) - own["newest"] > silence
    if lost.any():
        own["open"][lost], own["score"][lost], own["rises"][lost] = False, 0.0, NEVER
    was_open = own["open"].copy()
    square = np.square(moved / limit)
    fourth = square * square
    age = np.where(was_open, own["age"] + 1, 0)
    tired: npt.NDArray[np.bool_] = heard & (age > patience)
    score = np.where(tired, 0.0, fourth / (fourth + 1.0 / 9.0))
    low = np.where(was_open & (score < CLOSE), own["low"] + 1, 0)
    now_open = np.where(was_open, (low < N_CLOSE) & ~tired, score >= OPEN)
    rises = np.where(score < CLOSE, NEVER, np.where(own["rises"] == NEVER, time, own["rises"]))
    later: dict[str, Any] = {"open": now_open, "low": low, "age": age, "score": score, "rises": rises, "newest": time}
    for name, value in later.items():
        own[name][...] = np.where(heard, value, own[name])
    return tired

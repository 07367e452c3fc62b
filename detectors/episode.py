"""Episode: all of a zone lies well above what hour, season and recent weeks make usual, for hours.

    median of the Things, bin by bin        usual = level of the last weeks + habit of the hour
    z     = (median - usual) / scale        scale: how far the median usually is from it
    sum  += (min(z, 4) - height) hours      not below 0: how long and how far above, in scale-hours
    score = sum / (sum + area / 9)          0.9 when the sum reaches `area`

So a short strong rise and a long moderate one both tell, and each once: from then on the sum only grows until the
median was next to usual for `quiet` hours, when all begins anew. An episode began when its sum left 0. Where fewer
than three Things, or than half of those that are there, measured, nothing is learned and nothing changes. One Thing,
or any few, cannot make an episode: more than half have to rise.

What is far off moves level, habit and scale by three scales at most, so that an episode does not become usual while it
lasts, and a new season does within weeks. In plain units, not in logarithms: those make nothing of what matters most.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Scope
from detectors.core.columns import Columns, table
from detectors.core.interface import Declared, Floats, Verdict
from detectors.core.panel import Panel
from detectors.core.words import Phrase, Words

HOUR = 3_600_000_000
LARGEST = 1e30
"""Results are clipped here: habits are float32."""
LEAST_SCALE = 1e-12
FEWEST = 3
"""Things that make a median worth the name."""
FAR = 3.0
"""Scales up to which a median teaches."""
TALLEST = 4.0
"""Scales up to which one hour counts."""
NEAR = 0.5
"""Scales up to which a median is next to usual."""
FIRST = 48.0
"""Hours in which whatever comes teaches."""
HABIT = 0.0125
"""Rate of an hour's habit: about eighty days."""


class Episode:
    """A zone, column by column, against its own past; 152 bytes a column."""

    name: ClassVar[str] = "episode"
    kinds: ClassVar[tuple[str, ...]] = ("episode",)
    evidence: ClassVar[tuple[str, ...]] = ("the zone's Things",)
    facts: ClassVar[tuple[str, ...]] = ("things", "things_above", "times_usual")
    words: ClassVar[Mapping[str, Words]] = {
        "episode": Words(
            Phrase(
                "all of the zone lies far above usual[, {times_usual} times as high][, at {things_above} of {things} Things]",
                "全区明显高于常态[，为常态的 {times_usual} 倍][，{things} 处中 {things_above} 处偏高]",
            )
        ),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "the zone's Things": Phrase("the Things of the zone", "区域内各站"),
        "things": Phrase("Things that measured", "参测处数"),
        "things_above": Phrase("Things above usual", "偏高处数"),
        "times_usual": Phrase("times the usual", "为常态的倍数"),
    }
    scope: ClassVar[Scope] = Scope.ZONE
    schema: ClassVar[int] = 1
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("height", "f8"),
            ("area", "f8"),
            ("quiet", "f8"),
            ("memory", "f8"),
            ("warm_up", "f8"),
            ("share", "f8"),
            ("floor", "f8"),
        ]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype([])
    own: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("habit", "f4", (24,)),  # what each hour of the day adds to the level
            ("level", "f8"),
            ("scale", "f8"),
            ("learned", "f8"),  # hours
            ("sum", "f8"),
            ("calm", "f8"),  # hours next to usual
            ("since", "i8"),  # when the sum left 0
            ("newest", "i8"),  # bin from which something was learned
        ]
    )
    defaults: ClassVar[Mapping[str, Any]] = {
        "height": 1.75,
        "area": 20.0,
        "quiet_h": 12.0,
        "memory_days": 100.0,
        "warm_up_days": 14.0,
        "share": 0.3,
        "floor": 0.0,
    }

    def fresh(self, n: int) -> Columns:
        """It keeps nothing of single Datastreams."""
        return {}

    def fresh_own(self, n: int) -> Columns:
        """Nothing seen."""
        return table(np.zeros(n, self.own), self.own)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """What may be declared.

        height: scales above usual from which an hour counts. area: scale-hours above it that make an episode.
        quiet_h: hours next to usual that end it. memory_days: in which the level forgets. warm_up_days: in which
        nothing is told. share: the scale is at least this share of what is usual. floor: and at least this, in the unit.
        """
        values = Declared(self.name, self.defaults, declared)
        return (
            values.number("height", above=0, most=TALLEST - 0.5),
            values.number("area", above=0, most=1e6),
            values.number("quiet_h", above=0, most=1e4),
            values.number("memory_days", above=0, most=1e5) * 24.0,
            values.number("warm_up_days", least=2, most=1e5) * 24.0,
            values.number("share", least=0, most=10),
            values.number("floor", least=0, most=LARGEST),
        )

    def update(self, state: Columns, own: Columns, parameters: Columns, panel: Panel) -> Verdict:
        """See `PanelDetector.update`. A zone's parameters are those of its first Thing that has the column."""
        first = np.argmax(panel.there, axis=0)
        each = np.arange(len(panel.columns))
        p = {name: column[first, each] for name, column in parameters.items()}
        x = np.minimum(np.maximum(panel.result, -LARGEST), LARGEST)
        measured, median = _medians(x)
        enough = measured >= np.maximum(FEWEST, 0.5 * panel.there.sum(axis=0))
        shape = (len(panel.time), len(each))
        score, high, above, times = (np.zeros(shape) for _ in range(4))
        starts_at = np.empty(shape, np.int64)
        for b, time in enumerate(panel.time.tolist()):
            usual, scale = _step(own, p, time, panel.interval / HOUR, median[b], enough[b])
            score[b] = own["sum"] / (own["sum"] + p["area"] / 9.0)
            starts_at[b] = np.where(own["sum"] > 0, own["since"], time)
            warm = own["learned"] > p["warm_up"]
            high[b] = np.where(warm, usual + p["height"] * scale, np.nan)
            above[b] = (x[b] > high[b]).sum(axis=0)
            times[b] = np.where(enough[b] & (usual > 0), median[b] / np.where(usual > 0, usual, 1.0), np.nan)
        facts = np.array([measured.astype(np.float64), above, times])
        return Verdict(score, np.full(shape, np.nan), high, starts_at, facts=facts)


def _medians(x: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
    """How many Things measured, and their median, the lower of two, each `(b, c)`: more than half have to rise."""
    measured = np.isfinite(x).sum(axis=1)
    middle = np.maximum(measured - 1, 0) // 2
    return measured, np.take_along_axis(np.sort(x, axis=1), middle[:, None], 1)[:, 0]  # NaN goes to the end


def _step(
    own: Any, p: Columns, time: int, hours: float, median: Floats, enough: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Score and learn one bin; what was usual, and the scale."""
    silent = (own["learned"] > 0) & ((time - own["newest"].astype(np.float64)) / HOUR > p["quiet"])
    fresh = enough & (own["learned"] == 0)
    own["level"][:] = np.where(fresh, median, own["level"])
    hour = time // HOUR % 24
    habit = own["habit"][:, hour]
    usual = own["level"] + habit
    scale = np.maximum(own["scale"], np.maximum(p["floor"], p["share"] * np.abs(usual)) + LEAST_SCALE)
    miss = np.where(enough, median - usual, 0.0)
    z = np.minimum(miss / scale, 1e6)
    # score
    warm = enough & (own["learned"] >= p["warm_up"])
    before = np.where(silent, 0.0, own["sum"])
    told = before >= p["area"]
    step = hours * (np.minimum(z, TALLEST) - p["height"])
    total = np.maximum(before + np.where(told, np.maximum(step, 0.0), step), 0.0)
    calm = np.where(enough, np.where(z < NEAR, own["calm"] + hours, 0.0), own["calm"])
    total = np.where(told & (calm >= p["quiet"]), 0.0, total)
    total = np.where(warm, np.minimum(total, 1e6 * p["area"]), before)
    own["since"][:] = np.where((before == 0) & (total > 0), time, own["since"])
    own["sum"][:] = total
    own["calm"][:] = np.where(silent, 0.0, calm)
    # learn
    rate = np.maximum(hours / p["memory"], hours / (own["learned"] + hours))
    rate = np.minimum(rate, 1.0)
    reach = np.where(own["learned"] < FIRST, LARGEST, FAR * scale)
    own["level"][:] += rate * np.minimum(np.maximum(miss, -reach), reach)
    size = 1.25 * np.minimum(np.abs(miss), reach)  # of a bell, 1.25 mean distances are a standard deviation
    own["scale"][:] += np.where(enough & ~fresh, rate, 0.0) * (size - own["scale"])
    days = own["learned"] / 24.0 + 2.0
    part = np.maximum(HABIT, 0.5 / days) * min(hours, 1.0)
    step = part * np.minimum(np.maximum(miss, -FAR * scale), FAR * scale)
    own["habit"][:, hour] = np.minimum(np.maximum(habit + step, -LARGEST), LARGEST)
    own["learned"][:] = np.where(enough, np.minimum(own["learned"] + hours, 1e9), own["learned"])
    own["newest"][:] = np.where(enough, time, own["newest"])
    return usual, scale

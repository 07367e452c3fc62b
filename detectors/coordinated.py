"""Coordinated: several Things raise one goods by the same step in a short time, while nothing else asks for it.

A rise is what a price gained since the beginning of the last window or the one before (windows of `within_s`, at the same time
for all), less what explains it: the middle rise of all goods at this Thing, that of all goods in the zone, and that of the same
goods at wholesale, where a column tells it (`price/Beans/Retail`, `price/Beans/Wholesale`) and is then not judged itself. What is
left counts when it is at least `step`; it is the same step when it lies within `similar` of the middle one of those that rose.

    sure = the least of   who rose by the same step / `share` of all, and / `least`
                          middle step / (`usual` times what the middle of all Things usually rises or falls in a window)

A season moves prices in many small steps and many goods together; a frost moves wholesale first. What is told is a question for
a person to ask: traders who watch each other look the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Scope
from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER, Declared, Floats, Verdict
from detectors.core.panel import Grid, Panel
from detectors.core.words import Phrase, Words

RATE = 0.05
"""Of what is usual: about the last 20 windows."""
GOODS = 4
"""So many goods at least tell of a common rise."""
HELD = 0.8
"""The score as long as a window shows what was told: between `close` and `open`."""
SMALLEST = 0.005
"""Nothing is calmer than half a percent a window."""


class Coordinated:
    """Rises of one column of a zone; 24 bytes a Datastream and 32 a column."""

    name: ClassVar[str] = "coordinated"
    kinds: ClassVar[tuple[str, ...]] = ("coordinated",)
    evidence: ClassVar[tuple[str, ...]] = ("stalls that raised it alike", "the size of the step")
    facts: ClassVar[tuple[str, ...]] = ()
    words: ClassVar[Mapping[str, Words]] = {
        "coordinated": Words(Phrase("several Things raised it by the same step", "多处同幅涨价")),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "stalls that raised it alike": Phrase("stalls that raised it alike", "同幅涨价的摊位"),
        "the size of the step": Phrase("the size of the step", "涨幅"),
    }
    scope: ClassVar[Scope] = Scope.ZONE
    schema: ClassVar[int] = 1
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("step", "f8"),
            ("similar", "f8"),
            ("least", "i8"),
            ("share", "f8"),
            ("usual", "f8"),
            ("within", "i8"),
            ("warm_up", "i8"),
        ]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("price", "f8"),  # logarithms, NaN: none yet
            ("before", "f8"),  # at the end of the last window
            ("long_before", "f8"),  # at the end of the one before it
        ]
    )
    own: ClassVar[np.dtype[np.void]] = np.dtype([("window", "i8"), ("windows", "i8"), ("usual", "f8"), ("told", "i8")])
    defaults: ClassVar[Mapping[str, Any]] = {
        "step": 0.08,
        "similar": 0.25,
        "least": 3,
        "share": 0.5,
        "usual": 4.0,
        "within_s": 172800.0,
        "warm_up": 20,
    }

    def fresh(self, n: int) -> Columns:
        """Nothing seen."""
        state = np.zeros(n, self.state)
        for name in ("price", "before", "long_before"):
            state[name] = np.nan
        return table(state, self.state)

    def fresh_own(self, n: int) -> Columns:
        """No window yet."""
        own = np.zeros(n, self.own)
        own["window"] = NEVER
        own["told"] = NEVER
        return table(own, self.own)

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """step: the least rise that counts, as a share. similar: how far steps may lie from the middle one, as a share of
        it. least, share: how many Things must have raised it alike. usual: how many times what is usual. within_s: length
        of a window. warm_up: windows that are not told of."""
        values = Declared(self.name, self.defaults, declared)
        return (
            float(np.log1p(values.number("step", above=0, most=10))),
            values.number("similar", above=0, most=1),
            values.count("least", least=2),
            values.number("share", above=0, most=1),
            values.number("usual", above=0, most=1e6),
            round(values.number("within_s", above=0, most=1e9) * 1e6),
            values.count("warm_up", least=1),
        )

    def update(self, state: Columns, own: Columns, parameters: Columns, panel: Panel) -> Verdict:
        """See `PanelDetector.update`."""
        shape = (len(panel.time), len(panel.columns))
        out = Verdict(
            np.zeros(shape),
            np.full(shape, np.nan),
            np.full(shape, np.nan),
            np.zeros(shape, np.int64),
            None,
            np.zeros((2, *shape)),
        )
        first = panel.there.argmax(axis=0)[None]
        p = {name: np.take_along_axis(column, first, axis=0)[0] for name, column in parameters.items()}
        inputs = _inputs(panel.columns)
        for name in ("price", "before", "long_before"):
            state[name][~panel.there] = np.nan
        for b, (time, result) in enumerate(zip(panel.time.tolist(), panel.result, strict=True)):
            _roll(state, own, p, time)
            price = np.log(np.where(np.isfinite(result) & (result > 0), result, np.nan))
            state["price"][...] = np.where(np.isnan(price), state["price"], price)
            _judge(state, own, p, time, _rises(state, inputs), out, b)
        out.score[:, sorted(set(inputs.values()))] = 0.0
        return out


def _roll(s: Columns, own: Columns, p: Any, time: int) -> None:
    """Windows end, and tell what is usual, explained or not."""
    window = time // p["within"]
    ends = (window != own["window"]) & (own["window"] != NEVER)
    if ends.any():
        middle = np.abs(_middle(s["price"] - s["long_before"], 0)[0])
        known = ends & ~np.isnan(middle)
        rate = np.maximum(RATE, 1.0 / (own["windows"] + 1.0))
        largest = np.where(own["windows"] > 5, 4.0 * np.maximum(own["usual"], SMALLEST), np.inf)
        learned = own["usual"] + rate * (np.minimum(middle, largest) - own["usual"])
        own["usual"][...] = np.where(known, learned, own["usual"])
        own["windows"][...] = np.minimum(own["windows"] + known, 1_000_000)
        s["long_before"][...] = np.where(ends, s["before"], s["long_before"])
        s["before"][...] = np.where(ends, s["price"], s["before"])
    own["window"][...] = window


def _judge(s: Columns, own: Columns, p: Any, time: int, rise: Floats, out: Verdict, b: int) -> None:
    """The verdict of bin `b`."""
    assert out.evidence is not None
    known = ~np.isnan(rise)
    rose = known & (rise >= p["step"])
    step = np.nan_to_num(_middle(np.where(rose, rise, np.nan), 0)[0])
    alike = (rose & (np.abs(rise - step) <= p["similar"] * step)).sum(axis=0)
    wanted = np.maximum(p["least"], p["share"] * known.sum(axis=0))
    together = alike / wanted
    large = step / (p["usual"] * np.maximum(own["usual"], SMALLEST))
    sure = np.where(own["windows"] >= p["warm_up"], np.minimum(together, large), 0.0)
    squared = np.minimum(sure, 1e3) ** 4
    known_already = own["told"] >= own["window"] - 1
    out.score[b] = np.where(known_already, HELD, squared / (squared + 1.0 / 19.0))
    own["told"][...] = np.where(~known_already & (sure >= 1.0), own["window"], own["told"])
    begun = (own["window"] - 1) * p["within"]
    out.starts_at[b] = np.where(alike > 0, np.minimum(np.maximum(begun, NEVER // 2), time), time)
    before = _middle(s["long_before"], 0)[0]
    out.expected_low[b] = _exp(before - p["step"])
    out.expected_high[b] = _exp(before + p["step"])
    out.evidence[0, b], out.evidence[1, b] = np.minimum(together, 1e6), np.minimum(large, 1e6)


def _rises(s: Columns, inputs: dict[int, int]) -> Floats:
    """What each price gained that nothing explains, `(t, c)`; NaN where it is not known."""
    rise = s["price"] - s["long_before"]
    here, enough = _middle(rise, 1)
    left = _without(rise, here[:, None], enough[:, None])
    flat = rise.reshape(1, -1)
    everywhere, _ = _middle(flat, 1)
    left = _without(left, everywhere, np.array(rise.shape[1] >= GOODS))
    for column, wholesale in inputs.items():
        theirs = rise[:, wholesale]
        left[:, column] = _without(left[:, column], theirs, ~np.isnan(theirs))
    return left


def _without(rise: Floats, explained: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """Less what is explained of it: never more than all, and nothing the other way."""
    part = np.where(known, explained, 0.0)
    left: Floats = rise - np.minimum(np.maximum(part, np.minimum(rise, 0.0)), np.maximum(rise, 0.0))
    return left


def _middle(values: Floats, axis: int) -> tuple[Floats, Grid]:
    """The median of what is known along an axis, NaN where nothing is; and whether there are `GOODS` at least."""
    values = np.sort(np.moveaxis(values, axis, -1), axis=-1)  # NaN goes to the end
    many = (~np.isnan(values)).sum(axis=-1)
    low, high = (
        np.take_along_axis(values, at[..., None], -1)[..., 0] for at in (np.maximum(many - 1, 0) // 2, many // 2)
    )
    return np.where(many > 0, 0.5 * (low + high), np.nan), many >= GOODS


def _inputs(columns: tuple[str, ...]) -> dict[int, int]:
    """Column → that of the same goods at wholesale."""
    places = {name: column for column, name in enumerate(columns)}
    found = {}
    for name, column in places.items():
        goods, _, trade = name.rpartition("/")
        for other, place in places.items():
            stem, _, word = other.rpartition("/")
            if stem == goods and word.lower() == "wholesale" and trade.lower() != "wholesale":
                found[column] = place
    return found


def _exp(price: Floats) -> Floats:
    return np.exp(np.minimum(np.maximum(price, -700.0), 700.0))

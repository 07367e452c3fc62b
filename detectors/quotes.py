"""Quotes: a price far from its own last ones, which neither the same goods elsewhere nor other goods here explain.

    move     = log price - log of the price before
    excused  = what moves of the same goods elsewhere, then the common move of all goods here, explain of it, never more
    off      = move - excused, against the price before it went off
    size     = half of |off|, half of the least of |off| and how far it stands apart from the same goods elsewhere

Others can excuse, never accuse: when they move and this price stands, nothing is off. A price that goes off its scale opens an
excursion; the price before it (moved along with the others) is kept as what it should be until it comes back, or until
`patience` quotes have made it the price. What an excursion is shows in its course, and each is told once:

    typo     one quote that went and came back: told by the next quote, which contradicts it
    surge    it stays: told by the second quote that says so
    unit     so far at once that no market does it: told at once, above and below alike

Moves past `GROSS` are slips of the decimal point (`decimal`), and not looked at here. A repeated price is news only after
`every_s`, so that a board which is read often does not confirm itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Scope
from detectors.core.columns import Columns, table
from detectors.core.interface import NEVER, Declared, Floats, Verdict
from detectors.core.panel import Grid, Panel
from detectors.core.words import Phrase, Words
from detectors.parts import elsewhere
from detectors.parts.sellers import Sellers

GROSS = 1.5
"""Logarithm of the move (a factor of 4.5) that is a slip, not a price; three in a row are a new price."""
OFF = 0.12
"""Logarithm of the least move that is off, however calm the price is."""
SCALES = (5.5, 4.5, 3.5)
"""Scales that a price must be off with no, one, and more other Things to ask."""
RATE = 0.04
"""Of the scale: about the last 25 quotes."""
LEAST_SCALE = 0.02
EARLY = 20
"""Quotes before anything is off: the scale is not known."""
GOODS = 4
"""So many goods of a Thing at least tell of a common move."""
TYPO, SURGE, UNIT = range(3)
HELD = 0.8
"""The score while what was told goes on: between `close` and `open`."""
THINGS = 24
"""So many at most are compared with each other."""
LARGEST = 700.0
"""Logarithms beyond are no numbers any more."""
SAME = 1e-6
"""Prices are kept in single precision."""


class Quotes:
    """Excursions of prices; 305 bytes a Datastream."""

    name: ClassVar[str] = "quotes"
    kinds: ClassVar[tuple[str, ...]] = ("typo", "surge", "unit")
    evidence: ClassVar[tuple[str, ...]] = ("own quotes", "the same goods elsewhere", "other goods here")
    facts: ClassVar[tuple[str, ...]] = ()
    words: ClassVar[Mapping[str, Words]] = {
        "typo": Words(Phrase("a quote that the next one contradicts", "单次报价有误，下一次报价已否定")),
        "surge": Words(Phrase("a price that left the others and stays", "价格偏离同类行情且未回落")),
        "unit": Words(Phrase("a price as if in another unit", "疑似计价单位有变")),
    }
    names: ClassVar[Mapping[str, Phrase]] = {
        "own quotes": Phrase("its own quotes", "自身报价"),
        "the same goods elsewhere": Phrase("the same goods elsewhere", "他处同种商品"),
        "other goods here": Phrase("other goods here", "本处其他商品"),
    }
    scope: ClassVar[Scope] = Scope.DATASTREAM
    schema: ClassVar[int] = 1
    parameters: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("at_once", "f8"),
            ("stays", "f8"),
            ("returned", "f8"),
            ("patience", "i8"),
            ("warm_up", "i8"),
            ("every", "i8"),
            ("unit", "f8"),
            ("by_trade", "?"),
        ]
    )
    state: ClassVar[np.dtype[np.void]] = np.dtype(
        [
            ("ring", "f4", (elsewhere.BINS,)),  # log prices as they should be, NaN: no quote
            ("begun", "i8"),
            ("taken", "i8"),  # when the newest quote was news
            ("scale", "f8"),
            ("off", "f8"),  # of the newest quote, while it is off
            ("least", "f8"),  # the smallest size of the excursion
            ("count", "i4"),
            ("outside", "i2"),  # quotes of the excursion
            ("slips", "i2"),  # in a row
            ("told", "?"),
        ]
    )
    own: ClassVar[np.dtype[np.void]] = np.dtype([])
    defaults: ClassVar[Mapping[str, Any]] = {
        "at_once": 0.42,
        "stays": 0.11,
        "returned": 0.2,
        "patience": 10,
        "warm_up": 60,
        "every_s": 0.0,
        "unit": 0.65,
        "by_trade": False,
    }

    def fresh(self, n: int) -> Columns:
        """Nothing seen."""
        state = np.zeros(n, self.state)
        state["ring"] = np.nan
        state["taken"] = NEVER
        return table(state, self.state)

    def fresh_own(self, n: int) -> Columns:
        """Its subjects are Datastreams."""
        return {}

    def parameters_of(self, declared: Mapping[str, Any], datastream: Datastream) -> tuple[Any, ...]:
        """What may be declared.

        at_once, stays, returned: sizes that are told at once, by the second quote, and when the price is back; as shares
        of the price: 0.5 is half more. patience: quotes off that make a new price. warm_up: quotes of which nothing is
        told. every_s: after so many seconds a repeated price is news. unit: the share from which on it is another unit rather
        than another price. by_trade: the last part of the name is the kind of trade, see `sellers`.
        """
        values = Declared(self.name, self.defaults, declared)
        at_once, stays, returned = (values.number(name, above=0, most=3) for name in ("at_once", "stays", "returned"))
        return (
            float(np.log1p(at_once)),
            float(np.log1p(stays)),
            float(np.log1p(returned)),
            values.count("patience", least=3, most=1000),
            values.count("warm_up", least=EARLY),
            round(values.number("every_s", least=0, most=1e9) * 1e6),
            float(np.log1p(values.number("unit", above=0, most=100))),
            values.truth("by_trade"),
        )

    def update(self, state: Columns, own: Columns, parameters: Columns, panel: Panel) -> Verdict:
        """See `PanelDetector.update`."""
        sellers = Sellers(panel, bool(np.any(parameters["by_trade"] & panel.there)))
        laid, p, results = sellers.columns(state), sellers.columns(parameters), sellers.results(panel.result)
        laid["ring"][~sellers.there] = np.nan
        shape = results.shape
        out = Verdict(
            np.zeros(shape),
            np.full(shape, np.nan),
            np.full(shape, np.nan),
            np.zeros(shape, np.int64),
            np.zeros(shape, np.intp),
            np.zeros((len(self.evidence), *shape)),
        )
        for b, (time, result) in enumerate(zip(panel.time.tolist(), results, strict=True)):
            seen = _look(laid, p, time, _log(result))
            _judge(laid, p, time, seen, out, b)
            _learn(laid, p, time, seen)
        sellers.keep(state, laid)
        return sellers.verdict(out)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is seen in one bin before anything is judged or learned; logarithms, shapes `(t, c)`."""

    there: Grid
    taken: Grid  # it is news
    price: Floats
    base: Floats  # what it should have been before
    expected: Floats  # what it should be now
    off: Floats
    limit: Floats
    gap: Floats  # how far it stands apart from the same goods elsewhere where it is off, 0 where there are none
    shared: Grid  # other goods here were asked
    was: Grid  # an excursion had begun
    same: Grid  # and goes on
    first: Grid  # one begins
    renewed: Grid  # out of one that was told, far beyond it
    size: Floats

    @property
    def back(self) -> Grid:
        """An excursion has ended."""
        return self.taken & self.was & ~self.same


def _look(s: Columns, p: Any, time: int, price: Floats) -> _Seen:
    there = ~np.isnan(price)
    last = elsewhere.last(s["ring"])
    base = np.where(np.isnan(last), price, last)
    news = np.isnan(last) | (np.abs(price - base - s["off"]) > SAME) | (time - p["every"] >= s["taken"])
    taken = there & news
    slip = taken & (np.abs(price - base) > GROSS)
    s["slips"][...] = np.where(slip, s["slips"] + 1, np.where(taken, 0, s["slips"]))
    moved = slip & (s["slips"] >= 3)  # a new price, or a new unit, for good
    _shift(s, moved, price - base)
    base = np.where(moved, price, base)
    taken &= ~slip | moved
    move = np.where(taken, price - base, 0.0)
    now, excused, others = np.where(taken, price, base), np.zeros(move.shape), np.zeros(move.shape, np.intp)
    parts = _compared(s["ring"], taken)
    for part in parts:
        asked = move[part.at] != 0  # of what did not move there is nothing to excuse
        excused[part.at] = _part(elsewhere.expected_moves(part.past, now[part.at], asked), move[part.at])
        others[part.at] = part.past.peers
    side = np.sign(move - excused)
    common, shared = _common(move - excused, taken)
    excused += _part(common, move - excused)
    off = move - excused
    limit = np.maximum(OFF, np.array(SCALES)[np.minimum(others, 2)] * np.maximum(s["scale"], LEAST_SCALE))
    was = s["outside"] > 0
    least = np.where(was & s["told"], 0.5 * limit, limit)  # what is told ends when it has come half way back
    outside = taken & (s["count"] >= EARLY) & (np.abs(off) > least)
    same = outside & was & ((off > 0) == (s["off"] > 0))
    renewed = same & s["told"] & (np.abs(off - s["off"]) >= p["at_once"]) & (np.abs(off) >= p["unit"])
    same &= ~renewed
    gap = np.zeros(move.shape)
    for part in parts:
        apart = elsewhere.standing_apart(part.past, now[part.at], side[part.at], outside[part.at])
        gap[part.at] = np.where(outside[part.at], np.minimum(np.abs(off[part.at]), np.maximum(apart, 0.0)), 0.0)
    return _Seen(
        there,
        taken,
        price,
        base,
        base + excused,
        off,
        limit,
        np.where(others > 0, gap, 0.0),
        shared,
        was,
        same,
        outside & ~same,
        renewed,
        np.where(outside, 0.5 * (np.abs(off) + gap), 0.0),
    )


def _judge(s: Columns, p: Any, time: int, seen: _Seen, out: Verdict, b: int) -> None:
    """The verdict of bin `b`."""
    assert out.kind is not None
    assert out.evidence is not None
    step = np.abs(seen.off - s["off"])
    contradicted = seen.back & ~seen.first & ~s["told"] & (s["outside"] <= 2) & (step > 0.5 * np.abs(s["off"]))
    typo = np.where(contradicted, s["least"] / p["returned"], 0.0)
    surge = np.where(seen.same & (s["outside"] == 1), np.minimum(s["least"], seen.size) / p["stays"], 0.0)
    unit = np.minimum(seen.size, step) / p["at_once"]
    # what was told ends first: the next quote tells of what came upon it
    ready = (s["count"] >= p["warm_up"]) & ~seen.renewed
    sure = np.where(ready, np.maximum(np.maximum(typo, surge), unit), 0.0)
    goes_on = s["told"] & np.where(seen.taken, seen.same, seen.was)
    score = np.where(goes_on, HELD, sure * sure / (sure * sure + 1.0 / 19.0))
    out.score[b] = np.where(seen.there, score, 0.0)
    s["told"][...] = goes_on | ((seen.same | seen.first) & (sure >= 1.0))
    # of the quote before, where this one contradicts it
    off = np.abs(np.where(contradicted, s["off"], seen.off))
    out.kind[b] = np.where(typo > np.maximum(surge, unit), TYPO, np.where(np.abs(seen.off) >= p["unit"], UNIT, SURGE))
    out.starts_at[b] = np.where((seen.same | seen.back) & ~seen.first, s["begun"], time)
    out.evidence[0, b] = np.where(seen.there, off, 0.0)
    out.evidence[1, b] = np.where(contradicted, np.maximum(2.0 * s["least"] - off, 0.0), seen.gap)
    out.evidence[2, b] = np.where(seen.shared, out.evidence[0, b], 0.0)
    warm = seen.there & (s["count"] >= p["warm_up"])
    out.expected_low[b] = np.where(warm, _exp(seen.expected - seen.limit), np.nan)
    out.expected_high[b] = np.where(warm, _exp(seen.expected + seen.limit), np.nan)


def _learn(s: Columns, p: Any, time: int, seen: _Seen) -> None:
    taken, on = seen.taken, seen.same | seen.first
    outside = np.where(seen.same, s["outside"] + 1, np.where(seen.first, 1, np.where(taken, 0, s["outside"])))
    settled = on & (outside >= p["patience"])  # it is the price now
    _shift(s, settled, seen.off)
    s["least"][...] = np.where(
        seen.same, np.minimum(s["least"], seen.size), np.where(seen.first, seen.size, s["least"])
    )
    s["begun"][...] = np.where(seen.first, time, s["begun"])
    s["off"][...] = np.where(on & ~settled, seen.off, np.where(taken, 0.0, s["off"]))
    s["outside"][...] = np.where(settled, 0, outside)
    s["told"] &= ~settled
    rate = np.maximum(RATE, 1.0 / (s["count"] + 1.0))
    scale = np.maximum(s["scale"], LEAST_SCALE)
    surprise = np.where(s["count"] < EARLY, np.abs(seen.off), np.minimum(np.abs(seen.off), 4.0 * scale))
    s["scale"][...] = np.where(taken, s["scale"] + rate * (surprise - s["scale"]), s["scale"])
    s["count"][...] = np.minimum(s["count"] + taken, 1_000_000)
    s["taken"][...] = np.where(taken, time, s["taken"])
    news = taken.any(axis=0)
    should = np.where(taken, np.where(on & ~settled, seen.expected, seen.price), np.nan)
    s["ring"][:, news, :-1] = s["ring"][:, news, 1:]
    s["ring"][:, news, -1] = should[:, news]


@dataclass(frozen=True, slots=True)
class _Compared:
    """Some Things and the columns in which something is new of them; their past before that."""

    at: tuple[slice, npt.NDArray[np.intp]]
    past: elsewhere.Ring


def _compared(quotes: Any, taken: Grid) -> list[_Compared]:
    """Things and columns that are looked at together: of columns in which something is new."""
    found = []
    for start in range(0, len(taken), THINGS):
        rows = slice(start, start + THINGS)
        columns = np.flatnonzero(taken[rows].any(axis=0))
        if len(columns):
            found.append(_Compared((rows, columns), elsewhere.ring(quotes[rows][:, columns])))
    return found


def _common(move: Floats, taken: Grid) -> tuple[Floats, Grid]:
    """The move of the middle one of all goods of each Thing, and whether there are enough of them; `(t, c)`."""
    many = taken.sum(axis=1, keepdims=True)
    order = np.sort(np.where(taken, move, np.inf), axis=1)
    low, high = (np.take_along_axis(order, np.maximum(at, 0), axis=1) for at in ((many - 1) // 2, many // 2))
    enough = np.broadcast_to(many >= GOODS, move.shape)
    with np.errstate(invalid="ignore"):
        return np.where(enough, 0.5 * (low + high), 0.0), enough & taken


def _part(explained: Floats, move: Floats) -> Floats:
    """What is explained of a move: no more than all of it, and nothing the other way."""
    part: Floats = np.minimum(np.maximum(explained, np.minimum(move, 0.0)), np.maximum(move, 0.0))
    return part


def _shift(s: Columns, where: Grid, move: Floats) -> None:
    """The past of some is told in new prices; what was off begins anew."""
    s["ring"][where] += move[where][:, None]
    for name in ("outside", "off", "slips", "told"):
        s[name][where] = 0


def _log(result: Floats) -> Floats:
    """Of prices; NaN of what is none."""
    price = np.where(np.isfinite(result) & (result > 0), result, np.nan)
    return np.log(price).astype(np.float32).astype(np.float64)


def _exp(price: Floats) -> Floats:
    return np.exp(np.minimum(np.maximum(price, -LARGEST), LARGEST))

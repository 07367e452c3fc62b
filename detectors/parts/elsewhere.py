"""What the same goods at other Things let expect of a price: how it should have moved, and where it should stand.

Prices are natural logarithms, so that a move is a share. A ring holds the last `BINS` of each Datastream, NaN where none was
quoted; it is all that is known, so nothing here depends on which Things lie beside each other, or on when they came.

Not here: what is odd, and what it is called (`quotes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.core.interface import Floats

BINS = 64
"""Of a ring: a quarter of a year of market days. A power of two, see `total`."""
PEERS = 3
"""At most so many others explain a move; the fourth one adds nothing that could be measured."""
FADING = 0.97
"""Weight of a move against that of the next one: what went together a quarter ago counts for a seventh."""
SHRINK = 2.0
"""How many times the variance of its error a peer must explain to be believed at all."""
RIDGE = 0.0064
"""Added to the squares of a peer's moves: one of 1 % in 64 bins."""
LARGEST = 0.3
"""No move of others speaks for more than this."""
COMMON = 20
"""Bins in which two were known, before their distance is known."""
QUARTER = 4
"""A price stands apart if it does so from all but a quarter of the others."""


@dataclass(frozen=True, slots=True)
class Ring:
    """The past of t Things and c columns, and what is looked up in it again and again."""

    filled: Floats  # (t, c, BINS), the last quote at each bin, NaN before the first
    quoted: npt.NDArray[np.bool_]  # (t, c, BINS), and there was one before
    before: npt.NDArray[np.intp]  # (t, c, BINS), where the quote before each bin stands
    newest: npt.NDArray[np.intp]  # (t, c), where the newest one stands

    @property
    def last(self) -> Floats:
        """The newest quote, NaN where there is none; (t, c)."""
        return self.filled[..., -1]


def ring(quotes: npt.NDArray[Any]) -> Ring:
    """Of quotes `(t, c, BINS)`, NaN where there was none."""
    quotes = np.ascontiguousarray(quotes, np.float64)
    known = ~np.isnan(quotes)
    newest = np.maximum.accumulate(np.where(known, np.arange(BINS), -1), axis=-1)
    before = np.concatenate([np.full_like(newest[..., :1], -1), newest[..., :-1]], axis=-1)
    filled = np.take_along_axis(quotes, np.maximum(newest, 0), axis=-1)
    return Ring(filled, known & (before >= 0), np.maximum(before, 0), np.maximum(newest[..., -1], 0))


def total(values: Floats) -> Floats:
    """The sum over the last axis, a ring: halves are added, so that no layout of memory changes a bit."""
    while values.shape[-1] > 1:
        half = values.shape[-1] // 2
        values = values[..., :half] + values[..., half:]
    return values[..., 0]


def expected_moves(past: Ring, now: Floats) -> Floats:
    """How each price should have moved since its newest quote, `(t, c)`; `now` are all newest prices.

    The peer whose moves explain most of its moves is taken first, then its way back to its usual distance from that one,
    then the next peer for what is left (stagewise least squares). Each weight is shrunk by what chance could have explained.
    """
    t = len(now)
    expected = np.zeros(now.shape)
    if t == 1:
        return expected
    weight = FADING ** (0.5 * np.arange(BINS - 1, -1, -1.0))
    many = np.maximum(past.quoted.sum(axis=-1), 1)
    back = np.take_along_axis(past.filled, past.before, axis=-1)
    moves = _known(past.quoted, weight * (past.filled - back))
    their_back = _at(past.filled, past.before)
    theirs = _known(past.quoted[:, None], weight * (past.filled[None] - their_back))
    their_last = _at(past.filled, past.newest[..., None])[..., 0]
    their_move = np.nan_to_num(now[None] - their_last)
    itself = np.arange(t)
    theirs[itself, itself] = 0.0
    for step in range(min(PEERS, t - 1)):
        along, size = total(theirs * moves[:, None]), total(theirs * theirs) + RIDGE
        best = (along * along / size).argmax(axis=1)
        peer, peer_move = _of(theirs, best), _of(their_move, best)
        slope = _slope(_of(along, best), _of(size, best), moves, many)
        expected += slope * peer_move
        moves = moves - slope[..., None] * peer
        if step == 0:
            apart = back - _of(their_back, best)
            usual = total(_known(past.quoted, apart)) / many
            apart = _known(past.quoted, weight * (apart - usual[..., None]))
            size_apart = total(apart * apart) + RIDGE
            homing = np.minimum(np.maximum(_slope(total(apart * moves), size_apart, moves, many), -1.0), 0.0)
            expected += homing * np.nan_to_num(past.last - _of(their_last, best) - usual)
            moves = moves - homing[..., None] * apart
        shared = total(theirs * peer[:, None]) / _of(size, best)[:, None]
        theirs = theirs - shared[..., None] * peer[:, None]
        their_move = their_move - shared * peer_move[:, None]
    return np.minimum(np.maximum(expected, -LARGEST), LARGEST)


def standing_apart(past: Ring, now: Floats, side: Floats) -> Floats:
    """How far each price `now` stands from where the others let expect it, to the `side` (1 above, -1 below); `(t, c)`.

    Each other Thing tells its own distance from the usual one of the two; that of the nearest counts, or of the nearest but
    for a quarter of them when there are many. Infinite where no other one is known.
    """
    t = len(now)
    distance = past.filled[:, None] - past.filled[None]
    known = ~np.isnan(distance)
    many = known.sum(axis=-1)
    usual = total(np.where(known, distance, 0.0)) / np.maximum(many, 1)
    apart = side[:, None] * (now[:, None] - now[None] - usual)
    itself = np.arange(t)
    apart[itself, itself] = np.inf
    apart = np.where(np.isnan(apart) | (many < COMMON), np.inf, apart)
    apart.sort(axis=1)
    peers = np.isfinite(apart).sum(axis=1)
    return _of(apart, peers // QUARTER)


def peers(past: Ring) -> npt.NDArray[np.intp]:
    """How many other Things are known of each column, `(t, c)`."""
    seen = ~np.isnan(past.last)
    return np.where(seen, seen.sum(axis=0) - 1, 0)


def _slope(along: Floats, size: Floats, moves: Floats, many: npt.NDArray[np.intp]) -> Floats:
    """Of least squares, shrunk by what chance explains."""
    explained = along * along / size
    error = np.maximum(total(moves * moves) - explained, 0.0) / many
    return along / size * np.maximum(0.0, 1.0 - SHRINK * error / np.maximum(explained, 1e-12))


def _known(where: npt.NDArray[np.bool_], values: Floats) -> Floats:
    """Zero elsewhere, and where one side was not known."""
    return np.where(where & ~np.isnan(values), values, 0.0)


def _at(filled: Floats, places: npt.NDArray[np.intp]) -> Floats:
    """The price of each Thing j at the places of each Thing i; `(i, j, c, …)`."""
    t, c, _ = filled.shape
    shape = (t, t, c)
    return np.take_along_axis(
        np.broadcast_to(filled[None], (*shape, BINS)), np.broadcast_to(places[:, None], (*shape, places.shape[-1])), -1
    )


def _of(values: Floats, best: npt.NDArray[np.intp]) -> Floats:
    """The values `(i, j, c, …)` of the Thing `best` `(i, c)` of each; `(i, c, …)`."""
    at: Any = best.reshape(best.shape[0], 1, best.shape[1], *(1,) * (values.ndim - 3))
    return np.take_along_axis(values, at, axis=1)[:, 0]

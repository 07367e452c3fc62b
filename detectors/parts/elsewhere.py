"""What the same goods at other Things let expect of a price: how it should have moved, and where it should stand.

Prices are natural logarithms, so that a move is a share. A ring holds the last `BINS` of each Datastream, NaN where none was
quoted; it is all that is known, so nothing here depends on which Things lie beside each other, or on when they came.

Not here: what is odd, and what it is called (`quotes`).
"""

from __future__ import annotations

from collections.abc import Iterator
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
BIN = np.arange(BINS)
WEIGHT = FADING ** (0.5 * (BINS - 1.0 - BIN))
"""Of the moves of each bin."""
COMMON = 20
"""Bins in which two were known, before their distance is known."""
QUARTER = 4
"""A price stands apart if it does so from all but a quarter of the others."""
PAIRS = 2_000
"""Prices times Things that are looked at together: 1 MB for all bins."""

Grid = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Ring:
    """The past of t Things and c columns, and what is looked up in it again and again."""

    filled: Floats  # (c, t, BINS), the last quote at each bin, NaN before the first
    quoted: Grid  # (c, t, BINS), and there was one before
    before: Index  # (c, t, BINS), where the quote before each bin stands
    moves: Floats  # (c, t, BINS), of `filled` since the bin before, weighed; 0 where not known
    newest: Index  # (c, t), where the newest one stands

    @property
    def peers(self) -> Index:
        """How many other Things are known of each column, `(t, c)`."""
        seen = ~np.isnan(self.filled[..., -1].T)
        return np.where(seen, seen.sum(axis=0) - 1, 0)


def ring(quotes: npt.NDArray[Any]) -> Ring:
    """Of quotes `(t, c, BINS)`, NaN where there was none."""
    quotes = np.ascontiguousarray(quotes.transpose(1, 0, 2), np.float64)
    known = ~np.isnan(quotes)
    newest = np.maximum.accumulate(np.where(known, BIN, -1), axis=-1)
    before = np.concatenate([np.full_like(newest[..., :1], -1), newest[..., :-1]], axis=-1)
    filled = np.take_along_axis(quotes, np.maximum(newest, 0), axis=-1)
    moves = np.zeros(filled.shape)
    moves[..., 1:] = WEIGHT[1:] * (filled[..., 1:] - filled[..., :-1])
    moves[np.isnan(moves)] = 0.0
    return Ring(filled, known & (before >= 0), np.maximum(before, 0), moves, np.maximum(newest[..., -1], 0))


def last(quotes: npt.NDArray[Any]) -> Floats:
    """The newest of quotes `(t, c, BINS)`, NaN where there is none; `(t, c)`."""
    ago = (~np.isnan(quotes[..., ::-1])).argmax(axis=-1)
    newest: Floats = np.take_along_axis(quotes, BINS - 1 - ago[..., None], axis=-1)[..., 0].astype(np.float64)
    return newest


def total(values: Floats) -> Floats:
    """The sum over the first axis, a ring: halves are added, so that no layout of memory changes a bit."""
    while len(values) > 1:
        half = len(values) // 2
        values = values[:half] + values[half:]
    whole: Floats = values[0]
    return whole


def expected_moves(past: Ring, now: Floats, asked: Grid) -> Floats:
    """How each price that is asked about should have moved since its newest quote, `(t, c)`; `now` are all newest prices.

    The peer whose moves explain most of its moves is taken first, then its way back to its usual distance from that one,
    then the next peer for what is left (stagewise least squares). Each weight is shrunk by what chance could have explained.
    """
    expected = np.zeros(now.shape)
    if len(now) > 1:
        for thing, column in _some(asked):
            expected[thing, column] = _expected(past, now, thing, column)
    return np.minimum(np.maximum(expected, -LARGEST), LARGEST)


def _expected(past: Ring, now: Floats, thing: Index, column: Index) -> Floats:
    """Of m prices. A peer is chosen by sums over all Things' moves that are kept up; what is taken of it, by its moves."""
    m = np.arange(len(thing))
    own, quoted, before = (_by_bin(one[column, thing]) for one in (past.filled, past.quoted, past.before))
    back = np.take_along_axis(own, before, axis=0)
    many = np.maximum(quoted.sum(axis=0), 1)
    weight = WEIGHT[:, None]
    moves = _known(quoted, weight * (own - back))
    theirs = _moves_of_others(past, thing, column)
    their_last = past.filled.transpose(0, 2, 1)[column, past.newest[column, thing]]
    their_move = np.nan_to_num(now.T[column] - their_last)
    size = _products(theirs, theirs) + RIDGE
    expected = np.zeros(len(m))
    taken: list[_Peer] = []
    steps = min(PEERS, len(now) - 1)
    for step in range(steps):
        along = _products(theirs, _by_row(moves))
        for other in taken:
            along -= other.share * total(other.moves * moves)[:, None]
        best = (along * along / size).argmax(axis=1)
        peer, peer_move = _by_bin(theirs[m, best]), their_move[m, best]
        for other in taken:
            shared = total(peer * other.moves) / other.size
            peer = peer - shared * other.moves
            peer_move = peer_move - shared * other.move
        peer_size = total(peer * peer) + RIDGE
        slope = _slope(total(peer * moves), peer_size, moves, many)
        expected += slope * peer_move
        moves = moves - slope * peer
        if step == 0:
            apart = back - past.filled[column, best, before]
            usual = total(_known(quoted, apart)) / many
            apart = _known(quoted, weight * (apart - usual))
            size_apart = total(apart * apart) + RIDGE
            homing = np.minimum(np.maximum(_slope(total(apart * moves), size_apart, moves, many), -1.0), 0.0)
            expected += homing * np.nan_to_num(own[-1] - their_last[m, best] - usual)
            moves = moves - homing * apart
        if step < steps - 1:
            share = _products(theirs, _by_row(peer))
            for other in taken:
                share -= other.share * total(other.moves * peer)[:, None]
            share /= peer_size[:, None]
            size -= share * share * (peer_size + RIDGE)[:, None]
            taken.append(_Peer(peer, peer_move, peer_size, share))
    return expected


@dataclass(frozen=True, slots=True)
class _Peer:
    """What was taken of one peer of each of m prices, without what the peers before it explain."""

    moves: Floats  # (BINS, m)
    move: Floats  # (m,), the newest one
    size: Floats  # (m,)
    share: Floats  # (m, t), how much of it is in the moves of each other Thing


def _moves_of_others(past: Ring, thing: Index, column: Index) -> Floats:
    """How every Thing moved between the quotes of each of m prices, weighed; `(m, t, BINS)`, 0 where not known."""
    theirs = past.moves.take(column, axis=0)
    quoted, before = past.quoted[column, thing], past.before[column, thing]
    m, k = np.nonzero(~quoted)
    theirs[m, :, k] = 0.0
    m, k = np.nonzero(quoted & (before < BIN - 1))
    by_bin = past.filled.transpose(0, 2, 1)
    longer = WEIGHT[k, None] * (by_bin[column[m], k] - by_bin[column[m], before[m, k]])
    theirs[m, :, k] = np.where(np.isnan(longer), 0.0, longer)
    theirs[np.arange(len(thing)), thing] = 0.0
    return theirs


def standing_apart(past: Ring, now: Floats, side: Floats, asked: Grid) -> Floats:
    """How far each price `now` that is asked about stands from where the others let expect it, to the `side` (1 above, -1
    below); `(t, c)`.

    Each other Thing tells its own distance from the usual one of the two; that of the nearest counts, or of the nearest but
    for a quarter of them when there are many. Infinite where no other one is known.
    """
    out = np.full(now.shape, np.inf)
    for thing, column in _some(asked):
        m = np.arange(len(thing))
        distance = (past.filled[column, thing][:, None] - past.filled[column]).transpose(2, 0, 1)
        known = ~np.isnan(distance)
        many = known.sum(axis=0)
        usual = total(np.where(known, distance, 0.0)) / np.maximum(many, 1)
        apart = side[thing, column][:, None] * (now[thing, column][:, None] - now.T[column] - usual)
        apart[m, thing] = np.inf
        apart = np.where(np.isnan(apart) | (many < COMMON), np.inf, apart)
        apart.sort(axis=1)
        out[thing, column] = apart[m, np.isfinite(apart).sum(axis=1) // QUARTER]
    return out


def _some(asked: Grid) -> Iterator[tuple[Index, Index]]:
    """Thing and column of some prices, so few at once that what belongs to them stays in the processor's cache."""
    column, thing = np.nonzero(asked.T)
    many = max(1, PAIRS // len(asked))
    for start in range(0, len(thing), many):
        part = slice(start, start + many)
        yield thing[part], column[part]


def _products(theirs: Floats, moves: Floats) -> Floats:
    """The sum over bins of the moves of each Thing times those of each price `(m, BINS)`, or their own; `(m, t)`.

    Each is the sum over one unbroken ring, always in the same order.
    """
    products: Floats = np.einsum("mjk,mjk->mj" if moves.ndim == 3 else "mjk,mk->mj", theirs, moves)
    return products


def _by_bin(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`(m, BINS)` to `(BINS, m)`, in that order in memory: long rows are quickly added."""
    return np.ascontiguousarray(rows.T)


def _by_row(bins: Floats) -> Floats:
    """And back."""
    return np.ascontiguousarray(bins.T)


def _slope(along: Floats, size: Floats, moves: Floats, many: npt.NDArray[np.intp]) -> Floats:
    """Of least squares, shrunk by what chance explains."""
    explained = along * along / size
    error = np.maximum(total(moves * moves) - explained, 0.0) / many
    return along / size * np.maximum(0.0, 1.0 - SHRINK * error / np.maximum(explained, 1e-12))


def _known(where: npt.NDArray[np.bool_], values: Floats) -> Floats:
    """Zero elsewhere, and where one side was not known."""
    return np.where(where & ~np.isnan(values), values, 0.0)

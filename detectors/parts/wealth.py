"""Evidence by betting: a test that may be looked at after each Observation, for as long as one likes.

A gain is a number from some lower bound to 1 whose mean, given all that came before, is not below 0 while all is well. A
gambler stakes a share of what he owns on that it is below, and is handed one unit a day, bit by bit as time passes:

    wealth = (wealth + days since the last one) · (1 - stake · gain)

While all is well his wealth is on average no more than the days that have passed. So the mean time until it first reaches T
is at least T days, by optional stopping: whatever the distribution of the gains, and however many of them a day brings.
Several stakes are tried side by side and their mean is taken, which changes nothing about that. An alarm lasts until all
that was won lately is lost again; then they begin anew with nothing.

The form is a Shiryaev-Roberts e-detector (J. Shin, A. Ramdas, A. Rinaldo, E-detectors: a nonparametric framework for
sequential change detection, arXiv:2203.03532, 2022), with bets on bounded means (I. Waudby-Smith, A. Ramdas, Estimating
means of bounded random variables by betting, J. R. Stat. Soc. B 86, 2024). That the units are dealt out by time is ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.core.columns import Columns
from detectors.core.interface import NEVER, Floats, Times

DAY = 86_400_000_000
DAYS_A_YEAR = 365.25
STAKES = (0.2, 0.5, 0.8, 0.95)
SCORE = 0.9
"""At the threshold."""
_ODDS = (1.0 - SCORE) / SCORE
_FURTHEST = 10.0
"""Gains that anyone can be ahead by: so much must be lost again before an alarm is over."""
_TOLD = 2.0
"""Times the threshold that is told while an alarm lasts, so that its score lies clearly above."""
_LEAST = 1e-30


def fields(gamblers: int = len(STAKES)) -> list[tuple[Any, ...]]:
    """What a row of state holds: `wealth` of each gambler, how far they are ahead and since when, how many bets there were
    since and the `mean` result, the time of the last bet, and whether the threshold was reached."""
    plain = [("ahead", "f4"), ("mean", "f4"), ("since", "i8"), ("newest", "i8"), ("count", "i4"), ("reached", "?")]
    return [("wealth", "f4", (gamblers,)), *plain]


def threshold(years: float) -> float:
    """The wealth that it takes on average at least so many years to reach while all is well."""
    return years * DAYS_A_YEAR


def held(state: Columns, rows: npt.NDArray[np.intp]) -> Columns:
    """What is needed of some rows; `wealth` has the shape (gamblers, rows)."""
    taken = {name: column.take(rows, axis=0) for name, column in state.items()}
    taken["wealth"] = np.ascontiguousarray(taken["wealth"].T)
    return taken


def put_back(state: Columns, rows: npt.NDArray[np.intp], taken: Columns) -> None:
    """After the bets."""
    for name, column in taken.items():
        state[name][rows] = column.T


def bet(
    taken: Columns,
    gains: Floats,
    stakes: tuple[float, ...],
    time: Times,
    result: Floats,
    limit: Floats,
    where: npt.NDArray[np.bool_],
) -> tuple[Floats, Times]:
    """One bet on each of the first m rows held, but where not; returns score and since when they win.

    `gains` has the shape `(questions, m)`; the gamblers of a question stand together, one for each stake. `limit` `(m,)`
    is the threshold.
    """
    m = gains.shape[1]
    leading = richest(taken, m, len(stakes))
    newest = taken["newest"][:m]
    passed = (time.astype(np.float64) - newest.astype(np.float64)) / DAY
    days = np.where(newest == NEVER, 1.0, np.minimum(np.maximum(passed, 0.0), 1.0))
    total = np.zeros(m)
    for question, gain in enumerate(gains):
        for number, stake in enumerate(stakes, question * len(stakes)):
            wealth = taken["wealth"][number, :m]
            own = (wealth + days) * (1.0 - stake * gain)
            own = np.where(where, np.where(own < _LEAST, 0.0, own), wealth)
            taken["wealth"][number, :m] = own
            total = total + own
    total = total / (len(gains) * len(stakes))
    # where the cumulative sum of what the leading question won began (E. S. Page, Biometrika 41, 1954)
    won = -np.take_along_axis(gains, leading[None], 0)[0]
    ahead, since = taken["ahead"][:m], taken["since"][:m]
    begins = where & (ahead == 0.0)
    since = np.where(begins, time, since)
    count = np.where(begins, 1, np.minimum(taken["count"][:m] + where, 1_000_000))
    mean = np.where(begins, result, taken["mean"][:m])
    mean = np.where(where, mean + (result - mean) / np.maximum(count, 1), mean)
    ahead = np.where(where, np.minimum(np.maximum(ahead + won, 0.0), _FURTHEST), ahead)
    # accused until all that they were ahead by is lost
    accused = taken["reached"][:m]
    over = accused & (ahead == 0.0)
    reached = (accused | (total >= limit)) & ~over
    scaled = np.where(over, 0.0, np.where(total > limit, limit / np.maximum(total, limit), 1.0))
    taken["wealth"][:, :m] *= scaled
    total = np.where(reached, _TOLD * limit, np.where(over, 0.0, total))
    for name, value in (("ahead", ahead), ("since", since), ("count", count), ("mean", mean), ("reached", reached)):
        taken[name][:m] = value
    taken["newest"][:m] = np.where(where, time, newest)
    return total / (total + _ODDS * limit), np.where(since == NEVER, time, since)


def richest(taken: Columns, m: int, stakes: int) -> npt.NDArray[np.intp]:
    """Which question the richest gambler of each of the first m rows is at."""
    found = np.zeros(m, np.intp)
    most = taken["wealth"][0, :m]
    for number in range(1, len(taken["wealth"])):
        wealth = taken["wealth"][number, :m]
        found = np.where(wealth > most, number // stakes, found)
        most = np.maximum(most, wealth)
    return found

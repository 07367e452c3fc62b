"""Detection power of the test for biased scales: how many weighings until a stall is found that gives short weight.

Stalls are those of the simulated city: bags of 250 to 3,000 g, scales that round to 5 g and have a zero and a gain of their
own. Each is honest for some days, then gives less by a share; weighings are counted from there. The bound on false
accusations is the detector's default, one in a thousand stall-years.

    python -m bench.power
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Thing
from detectors.core.columns import table
from detectors.core.runs import runs
from detectors.parts.wealth import DAY, SCORE
from detectors.short_bias import ShortBias
from simulation.chance import Chance
from simulation.markets import deviation

SHARES = (0.01, 0.02, 0.05)
A_DAY = (96, 20, 3)
"""Weighings: the simulated city's, a busy public scale's of one stall, and those of an inspector."""
HONEST_DAYS = 10
MOST = 400
"""Weighings after which a stall goes free here."""
STALLS = 400
START = 1_767_571_200

Floats = npt.NDArray[np.float64]


def weighings_until(share: float, a_day: int, *, stalls: int = STALLS, seed: int = 1, most: int = MOST) -> Floats:
    """How many weighings of short bags each stall had until it was accused, infinite if it was not; shape `(stalls,)`."""
    honest = HONEST_DAYS * a_day
    seconds = START + np.arange(honest + most) * (86_400 // a_day)
    short = np.where(np.arange(len(seconds)) >= honest, share, 0.0)[:, None]
    told = deviation(Chance(seed), np.arange(stalls), np.int64(1), seconds[:, None], short)  # type: ignore[arg-type]
    accused = scores(np.rint(told * 10.0) / 10.0, a_day) >= SCORE
    if accused[:honest].any():
        raise AssertionError("an honest stall was accused")
    after = accused[honest:]
    return np.where(after.any(axis=0), after.argmax(axis=0) + 1.0, np.inf)


def scores(deviations: Floats, a_day: int, **declared: float | str) -> Floats:
    """What the detector says of each weighing, evenly spread over the days; shapes `(weighings, stalls)`, g."""
    many, stalls = deviations.shape
    detector = ShortBias()
    datastream = Datastream(
        1, Thing(1, "bench", "hall", "zone", 0), "scale", "weight_bias", "g", "hall", 1, DAY // a_day
    )
    parameters = table([detector.parameters_of(declared, datastream)] * (many * stalls), detector.parameters)
    rows = np.tile(np.arange(stalls), many)
    time = np.repeat((START * 1_000_000 + np.arange(many) * (DAY // a_day)).astype(np.int64), stalls)
    laid = runs(rows, time, deviations.ravel())
    out = np.empty(many * stalls)
    out[laid.order] = detector.update(detector.fresh(stalls), parameters, laid).score
    return out.reshape(many, stalls)


def lines() -> list[tuple[float, int, float, float, float]]:
    """(share, weighings a day, median weighings, those of the 90th percentile, median days) for each."""
    found = []
    for share in SHARES:
        for a_day in A_DAY:
            needed = weighings_until(share, a_day)
            half, most = np.quantile(needed, (0.5, 0.9), method="higher").tolist()
            found.append((share, a_day, half, most, half / a_day))
    return found


def text() -> str:
    """The table, in Markdown."""
    head = ["| short by | weighings a day | weighings until found: median | 90 % | days: median |", "| --- " * 5 + "|"]
    return "\n".join(
        [
            *head,
            *(
                f"| {share:.0%} | {a_day} | {half:.0f} | {most:.0f} | {days:.1f} |"
                for share, a_day, half, most, days in lines()
            ),
        ]
    )


if __name__ == "__main__":
    print(text())

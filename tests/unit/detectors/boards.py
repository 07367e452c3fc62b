"""Made-up boards of prices, and what a detector of neighbours says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Scope, Thing
from detectors.core.columns import table
from detectors.core.interface import Floats, Verdict
from detectors.core.panel import Panel, PanelDetector

DAY = 86_400_000_000
MONDAY = 1_767_571_200_000_000
OPEN = 0.95
DATASTREAM = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, DAY)


def board(days: int = 160, things: int = 4, goods: int = 6, *, noise: float = 0.02, seed: int = 1) -> Floats:
    """Daily prices `(days, things, goods)`: each goods wanders, alike at all Things but for a noise of its own."""
    chance = np.random.default_rng(seed)
    zone = np.cumsum(chance.normal(0, 0.06, (days, 1, goods)), axis=0)
    price = 100 * np.exp(zone + chance.normal(0, noise, (days, things, goods)) + 0.2 * np.arange(things)[:, None])
    return np.round(price, 2)


@dataclass
class Told:
    """What was said: `verdict` as it came, `opened` the subjects and days in which a score first opens."""

    detector: PanelDetector
    verdict: Verdict

    def opened(self, *subject: int) -> list[tuple[int, str]]:
        """(day, kind) of each opening of a subject; what is held open opens nothing."""
        score, kinds, found, is_open = self.verdict.score, self.detector.kinds, [], False
        for day in range(len(score)):
            value = score[(day, *subject)]
            if value >= OPEN and not is_open:
                kind = 0 if self.verdict.kind is None else int(self.verdict.kind[(day, *subject)])
                found.append((day, kinds[kind]))
            is_open = value >= OPEN or (is_open and value >= 0.7)
        return found

    def anywhere(self) -> list[tuple[int, ...]]:
        """(day, subject …) of all scores that open."""
        return [tuple(int(i) for i in one) for one in np.argwhere(self.verdict.score >= OPEN)]


def tell(
    detector: PanelDetector, prices: npt.NDArray[Any], columns: tuple[str, ...] | None = None, **declared: Any
) -> Told:
    """Of a board, day by day."""
    days, things, goods = prices.shape
    names = columns or tuple(f"price/{i}" for i in range(goods))
    rows = [detector.parameters_of(declared, DATASTREAM)] * (things * goods)
    cells = (things, goods)
    parameters = {name: column.reshape(cells) for name, column in table(rows, detector.parameters).items()}
    state = {
        name: np.ascontiguousarray(column).reshape(cells + column.shape[1:])
        for name, column in detector.fresh(things * goods).items()
    }
    own = detector.fresh_own(goods) if detector.scope is Scope.ZONE else {}
    nowhere = np.full(things, np.nan)
    time = MONDAY + np.arange(days) * DAY
    panel = Panel(time, prices, np.ones(cells, bool), names, names, nowhere, nowhere, DAY)
    return Told(detector, detector.update(state, own, parameters, panel))

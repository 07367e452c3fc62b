"""One zone handed to a detector that looks at all of it: verdicts bin by bin, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Thing
from detectors.core.columns import Columns, records, table
from detectors.core.interface import Floats, Times
from detectors.core.panel import Panel, PanelDetector

MONDAY = 1_767_571_200_000_000
HOUR = 3_600_000_000


@dataclass
class Watched:
    """Verdicts on b bins and c columns: `score`, `starts_at` `(b, c)`, `facts` `(k, b, c)`; what is kept at the end."""

    time: Times
    score: Floats
    starts_at: Times
    facts: Floats
    kept: bytes

    def opened(self, column: int = 0, at: float = 0.9, close: float = 0.6) -> list[tuple[int, int, int]]:
        """(bin in which it began, bin in which it opened, bin in which it closed) of each anomaly of a column."""
        found: list[tuple[int, int, int]] = []
        open_ = False
        for b, score in enumerate(self.score[:, column].tolist()):
            if not open_ and score >= at:
                found.append((int(np.searchsorted(self.time, self.starts_at[b, column])), b, len(self.time)))
                open_ = True
            elif open_ and score < close:
                found[-1] = (*found[-1][:2], b)
                open_ = False
        return found


def watch(
    detector: PanelDetector,
    result: npt.NDArray[Any],
    *,
    interval: int = HOUR,
    east: Any = 0.0,
    north: Any = 0.0,
    columns: tuple[str, ...] = ("PM2.5", "PM10", "SO2", "NO2", "CO", "O3"),
    time: Times | None = None,
    at_once: int | None = None,
    **declared: Any,
) -> Watched:
    """Hand over results `(b, t, c)`, so many bins at once."""
    bins, things, many = result.shape
    time = MONDAY + np.arange(bins) * interval if time is None else time
    datastream = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, interval)
    rows = table([detector.parameters_of(declared, datastream)] * (things * many), detector.parameters)
    parameters: Columns = {name: column.reshape(things, many) for name, column in rows.items()}
    state = {
        name: column.reshape(things, many, *column.shape[1:]).copy()
        for name, column in detector.fresh(things * many).items()
    }
    own = detector.fresh_own(many)
    verdicts = []
    for begin in range(0, bins, at_once or bins):
        part = slice(begin, begin + (at_once or bins))
        panel = Panel(
            time[part], result[part], np.ones((things, many), bool), columns[:many], columns[:many],
            np.broadcast_to(np.asarray(east, np.float64), things), np.broadcast_to(np.asarray(north, np.float64), things),
            interval,
        )  # fmt: skip
        verdicts.append(detector.update(state, own, parameters, panel))
        # what is kept can be written down and read again at any time
        own = table(np.frombuffer(records(own, detector.own, slice(None)).tobytes(), detector.own), detector.own)
    return Watched(
        time,
        np.concatenate([verdict.score for verdict in verdicts]),
        np.concatenate([verdict.starts_at for verdict in verdicts]),
        np.concatenate([verdict.facts for verdict in verdicts if verdict.facts is not None], axis=1),
        b"".join(column.tobytes() for columns_ in (state, own) for column in columns_.values()),
    )

"""Datastreams handed to a detector that looks at each alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Datastream, Thing
from detectors.core.columns import table
from detectors.core.interface import Detector, Floats, Verdict
from detectors.core.runs import Runs, runs

MONDAY = 1_767_571_200_000_000
MINUTE = 60_000_000
HOUR = 60 * MINUTE


def watch(
    detector: Detector, values: npt.ArrayLike, *, every: int = 15 * MINUTE, time: Any = None, **declared: Any
) -> Verdict:
    """What is said of the values of one Datastream, in their order; the first comes on a Monday."""
    results = np.asarray(values, np.float64)
    return _update(detector, results[:, None], every, time, declared)[0]


def scores(detector: Detector, values: npt.ArrayLike, *, every: int = 15 * MINUTE, **declared: Any) -> Floats:
    """Those of many Datastreams, one a column; `(n, rows)`."""
    results = np.asarray(values, np.float64)
    verdict, laid = _update(detector, results, every, None, declared)
    out = np.empty(results.size)
    out[laid.order] = verdict.score
    return out.reshape(results.shape)


def _update(
    detector: Detector, results: Floats, every: int, time: Any, declared: dict[str, Any]
) -> tuple[Verdict, Runs]:
    n, many = results.shape
    moments = MONDAY + np.arange(n) * every if time is None else np.asarray(time, np.int64)
    datastream = Datastream(1, Thing(1, "demo", "t", "demo/z", 0), "x", "x", "1", "type", 1, every)
    parameters = table([detector.parameters_of(declared, datastream)] * results.size, detector.parameters)
    laid = runs(np.tile(np.arange(many), n), np.repeat(moments, many), results.ravel())
    return detector.update(detector.fresh(many), parameters, laid), laid


def opened(verdict: Verdict, at: float = 0.9) -> int | None:
    """The first Observation that opens; None: none does."""
    high = np.flatnonzero(verdict.score >= at)
    return int(high[0]) if len(high) else None

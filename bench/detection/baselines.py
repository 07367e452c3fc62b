"""Simple detectors to hold ours against: a windowed Gaussian, the seasonal profile, and river's HalfSpaceTrees one by one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from aedilis.errors import BenchError

Floats = npt.NDArray[np.float64]
Scorer = Callable[[Floats, Floats, int], Floats]
"""(values, seconds since 1970, rows of warm-up) → scores, all `(n,)`."""


def river_tree() -> Any:
    """A HalfSpaceTrees with the settings that detection.md of the design measured: 25 trees, height 8, window 250.

    Raises:
        BenchError: river is not installed.
    """
    try:
        from river.anomaly import HalfSpaceTrees
    except ImportError as error:
        mend = "install it with: .venv/bin/uv sync --inexact --group baselines"
        raise BenchError(problem="the baseline river is not there", mend=mend) from error
    return HalfSpaceTrees(n_trees=25, height=8, window_size=250, seed=42)


def half_space_trees(values: Floats, seconds: Floats, warm_up: int) -> Floats:
    """River's scores. It wants values from 0 to 1: the range is that of the warm-up, with half of it on either side."""
    tree = river_tree()
    low, high = float(values[:warm_up].min(initial=0.0)), float(values[:warm_up].max(initial=1.0))
    span = max(high - low, 1e-9)
    scores = np.empty(len(values))
    for i, value in enumerate(values.tolist()):
        x = {"x": min(max((value - low + 0.5 * span) / (2.0 * span), 0.0), 1.0)}
        scores[i] = tree.score_one(x)
        tree.learn_one(x)
    return scores


def windowed_gaussian(values: Floats, seconds: Floats, warm_up: int) -> Floats:
    """How far each value lies from the mean of the 6,400 before it, in their deviations, as a probability."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    squares = np.concatenate([[0.0], np.cumsum(values * values)])
    end = np.arange(len(values))
    begin = np.maximum(end - 6_400, 0)
    many = np.maximum(end - begin, 1)
    mean = (total[end] - total[begin]) / many
    deviation = np.sqrt(np.maximum((squares[end] - squares[begin]) / many - mean * mean, 1e-12))
    z = np.abs(values - mean) / deviation
    scores: Floats = np.array([math.erf(one / math.sqrt(2.0)) for one in z.tolist()])
    scores[: min(warm_up, 2)] = 0.0
    return scores


def seasonal_profile(values: Floats, seconds: Floats, warm_up: int) -> Floats:
    """How far each value lies from what its hour of the week has been, in running absolute deviations."""
    hours = (seconds // 3600).astype(np.int64) % 168
    usual, spread, seen = np.zeros(168), 0.0, np.zeros(168, bool)
    scores = np.zeros(len(values))
    for i, (hour, value) in enumerate(zip(hours.tolist(), values.tolist(), strict=True)):
        if not seen[hour]:
            usual[hour], seen[hour] = value, True
            continue
        off = abs(value - usual[hour])
        z = off / spread if spread > 0 else 0.0
        scores[i] = z / (z + 5.0)
        spread = spread + 0.01 * (min(off, 5.0 * spread) - spread) if spread > 0 else off
        usual[hour] += 0.05 * (value - usual[hour])
    return scores


BASELINES: dict[str, Scorer] = {
    "river HalfSpaceTrees": half_space_trees,
    "windowed Gaussian": windowed_gaussian,
    "seasonal profile": seasonal_profile,
}


def rested(scores: Floats, rows: int) -> Floats:
    """A score only counts where it beats all of the last `rows`, else it is 0: without that nearly no pointwise one says
    anything on NAB."""
    if rows < 1 or not len(scores):
        return scores
    padded = np.concatenate([np.full(rows, -np.inf), scores[:-1]])
    before = np.lib.stride_tricks.sliding_window_view(padded, rows).max(axis=1)
    return np.where(scores > before, scores, 0.0)

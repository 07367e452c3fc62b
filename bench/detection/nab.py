"""The rule of the Numenta Anomaly Benchmark, version 1: rewards for finding a window early, costs of false alarms.

Lavin and Ahmad, Evaluating Real-time Anomaly Detection Algorithms, 2015, and numenta/NAB (nab/sweeper.py, config/profiles.json).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
PROFILES = {"standard": (1.0, 0.11, 1.0), "low FP": (1.0, 0.22, 1.0), "low FN": (1.0, 0.11, 2.0)}
"""Weights of a true positive, a false positive and a false negative."""
PUBLISHED = {
    "ARTime": (74.85, 65.15, 80.36),
    "Numenta HTM": (70.10, 63.12, 74.32),
    "CAD OSE": (69.90, 66.98, 73.18),
    "earthgecko Skyline": (58.20, 46.20, 63.80),
    "KNN CAD": (57.99, 43.41, 64.81),
    "Random Cut Forest": (51.72, 38.36, 59.75),
    "Windowed Gaussian": (39.65, 20.87, 47.41),
}
"""numenta/NAB, README and results/final_results.json at ea702d75 (2024-12-03), by profile. The first three receive the file's
minimum and maximum, ARTime its length too."""
PUBLISHED_HALVES = {"ARTime": (72.3, 3.4), "CAD OSE": (68.7, 2.3), "Numenta HTM": (66.8, 3.4), "KNN CAD": (58.0, 2.7)}
"""Mean and deviation of the published scores over 12 random halves, the threshold from the other half."""


@dataclass(frozen=True)
class Series:
    """One file of the corpus; `windows` are first and last rows."""

    category: str
    name: str
    path: Path
    values: Floats
    seconds: Floats  # since 1970
    windows: tuple[tuple[int, int], ...]

    @property
    def probation(self) -> int:
        """Rows at the beginning that are not scored."""
        return min(int(0.15 * len(self.values)), 750)


def corpus(folder: Path) -> list[Series]:
    """All files under the folder, with the windows of its `labels/combined_windows.json`."""
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text())
    found = []
    for name, windows in sorted(labels.items()):
        category, _, file = name.partition("/")
        with (folder / name).open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        times = np.array([row["timestamp"] for row in rows], "datetime64[us]")
        edges = np.array(windows, "datetime64[us]").reshape(-1, 2)
        places = tuple((int(np.argmax(times == first)), int(np.argmax(times == last))) for first, last in edges)
        values = np.array([float(row["value"]) for row in rows])
        seconds = times.astype(np.int64) / 1e6
        found.append(Series(category, file, folder / name, values, seconds, places))
    return found


def _falling(y: Floats) -> Floats:
    """2/(1 + exp(5 y)) - 1, and -1 beyond 3."""
    curve: Floats = 2.0 / (1.0 + np.exp(np.clip(5.0 * y, -700.0, 700.0))) - 1.0
    return np.where(y > 3.0, -1.0, curve)


def rewards(n: int, windows: Sequence[tuple[int, int]]) -> tuple[npt.NDArray[np.intp], Floats]:
    """The window of each row, -1 outside of all, and what a detection there is worth before weights; both `(n,)`."""
    row = np.arange(n, dtype=np.float64)
    window, worth = np.full(n, -1), np.full(n, -1.0)
    for first, last in windows:  # after a window a false alarm costs less for a while
        after = row > last
        width = last - first
        worth[after] = _falling((row[after] - last) / width) if width else -1.0
    full = float(_falling(np.array([-1.0]))[0])
    for number, (first, last) in enumerate(windows):
        inside = slice(first, last + 1)
        worth[inside] = _falling(-(last - row[inside] + 1.0) / (last - first + 1.0)) / full
        window[inside] = number
    return window, worth


class Scorer:
    """Scores of some series, for every threshold that matters. `scores` are those of `aedilis detect`, 0 to 1."""

    def __init__(self, series: Sequence[Series]) -> None:
        self._parts = []
        for one in series:
            window, worth = rewards(len(one.values), one.windows)
            kept = np.arange(len(one.values)) >= one.probation
            self._parts.append((window[kept], worth[kept], kept, len(one.windows)))

    def sweep(self, scores: Sequence[Floats], profile: str, chosen: Sequence[int]) -> tuple[Floats, Floats]:
        """Thresholds, falling, and the score from 0 (nothing found) to 100 (all at once) with each."""
        hit, false, missed = PROFILES[profile]
        values, gains, windows = [], [], 0
        for number in chosen:
            window, worth, kept, many = self._parts[number]
            score = scores[number][kept]
            order = np.argsort(-score, kind="stable")
            gain = np.where(window < 0, worth * false, 0.0)[order]
            for one in range(many):
                at = np.flatnonzero(window[order] == one)
                best = np.maximum.accumulate(np.concatenate([[-missed], worth[order][at] * hit]))
                gain[at] = np.diff(best)
            values.append(score[order])
            gains.append(gain)
            windows += many
        value, gain = np.concatenate(values), np.concatenate(gains)
        order = np.argsort(-value, kind="stable")
        value, total = value[order], np.cumsum(gain[order])
        last = np.append(value[1:] != value[:-1], True)
        scaled = 100.0 * np.concatenate([[0.0], total[last]]) / (windows * (hit + missed))
        return np.concatenate([[np.inf], value[last]]), scaled

    def best(self, scores: Sequence[Floats], profile: str, chosen: Sequence[int]) -> tuple[float, float]:
        """The highest score, and its threshold."""
        thresholds, scaled = self.sweep(scores, profile, chosen)
        at = int(np.argmax(scaled))
        return float(scaled[at]), float(thresholds[at])

    def at(self, scores: Sequence[Floats], threshold: float, profile: str, chosen: Sequence[int]) -> float:
        """The score with a threshold that was chosen elsewhere."""
        thresholds, scaled = self.sweep(scores, profile, chosen)
        return float(scaled[np.flatnonzero(thresholds >= threshold)[-1]])


def halves(series: Sequence[Series], seed: int) -> tuple[list[int], list[int]]:
    """Two halves of the files, each category cut in two at random."""
    chance = np.random.default_rng(seed)
    first: list[int] = []
    for category in sorted({one.category for one in series}):
        members = [number for number, one in enumerate(series) if one.category == category]
        mixed = chance.permutation(members).tolist()
        half = len(mixed) // 2 + (int(chance.integers(2)) if len(mixed) % 2 else 0)
        first += mixed[:half]
    return sorted(first), sorted(set(range(len(series))) - set(first))

"""Hands the frames of a file to the engine, and keeps what it says of each row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from aedilis.vocabulary import Anomaly, Datastream, Quality
from detectors.core.discovery import all_detectors
from streams.detecting.engine import Engine
from streams.detecting.uses import Use
from trial.detect.pipeline import Watched
from trial.detect.series import Series

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """`score` and `quality` of each row `(n,)`; the anomalies in the order in which they were detected, each as it opened,
    but for its end and its score."""

    score: Floats
    quality: npt.NDArray[np.uint8]
    anomalies: list[Anomaly]
    repeated: int  # rows of a time that its Datastream had already: they are not evaluated


def run(series: Series, watched: Watched, advance: Callable[[int], object] = lambda _: None) -> Found:
    """Watch a file; `advance` is told of rows."""
    scores = _Scores(series, watched.datastreams)

    def pipeline(one: Datastream) -> tuple[tuple[Use, ...], int]:
        return watched.uses(one), 0

    engine = Engine(all_detectors(), pipeline, scores.take)
    found: dict[int, tuple[Anomaly, Anomaly]] = {}

    def keep(changes: list[Anomaly]) -> None:
        for one in changes:
            found[one.id] = (found.get(one.id, (one, one))[0], one)

    for frame in series.frames(watched.datastreams, watched.quality, watched.tests):
        keep(engine.apply([frame]))
        advance(len(frame))
    keep(engine.close(series.last))
    quality = watched.quality.copy()
    quality[scores.repeated & (quality != Quality.MISSING)] = Quality.NOT_EVALUATED
    return Found(scores.score, quality, _in_order(found, series.last), int(np.count_nonzero(scores.repeated)))


def _in_order(found: dict[int, tuple[Anomaly, Anomaly]], last: int) -> list[Anomaly]:
    """What is open at the end ends there."""
    ended = [
        replace(opened, ends_at=last if now.ends_at is None else now.ends_at, score=now.score)
        for opened, now in found.values()
    ]
    return sorted(ended, key=lambda one: (one.detected_at, one.starts_at, one.thing, one.datastream_name, one.kind))


class _Scores:
    """The highest score of each row. Rows are found by Datastream and time."""

    def __init__(self, series: Series, datastreams: list[Datastream]) -> None:
        self.score = np.zeros(len(series.time))
        ids = np.array([one.id for one in datastreams], np.int64)
        self._codes = np.argsort(ids)
        self._ids = ids[self._codes]
        self._times = np.unique(series.time)
        keys = self._key(series.series.astype(np.int64), series.time)
        by_key = np.argsort(keys, kind="stable")
        self._keys = keys[by_key]
        self._rows = series.order[by_key]
        self.repeated = np.zeros(len(keys), bool)
        self.repeated[self._rows[1:]] = self._keys[1:] == self._keys[:-1]

    def _key(self, codes: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return codes * len(self._times) + np.searchsorted(self._times, times)

    def take(self, _: str, datastreams: npt.NDArray[np.int64], times: npt.NDArray[np.int64], scores: Floats) -> None:
        """What one detector said of some Observations; shapes `(n,)`."""
        codes = self._codes[np.searchsorted(self._ids, datastreams)]
        # of several rows with one key the first in the file is the one that was watched
        rows = self._rows[np.searchsorted(self._keys, self._key(codes, times))]
        np.maximum.at(self.score, rows, scores)

"""The sections of `aedilis bench detectors`, in the order of their run: each gives figures by running `aedilis detect`."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import numpy.typing as npt

from aedilis.vocabulary import Anomaly
from bench.detection import baselines, injection, nab, scoring
from bench.detection.scoring import EventFigure, FaultFigure, Finding
from trial.detect import pipeline
from trial.detect.rows import read
from trial.detect.run import Found, run
from trial.detect.series import Series
from trial.detect.times import Times

Floats = npt.NDArray[np.float64]
Say = Callable[[str], object]
REST = 150
"""Rows of rest of the baselines that have one."""
CITY_LIKE = {"nyc_taxi.csv", "ambient_temperature_system_failure.csv", "machine_temperature_system_failure.csv"}
HALVES = 12


class NabFigure(msgspec.Struct, frozen=True):
    """One detector on the corpus: the best threshold for each profile, and 12 halves scored with the other's."""

    detector: str
    standard: float
    low_fp: float
    low_fn: float
    halves_mean: float | None = None
    halves_deviation: float | None = None
    city_like: float | None = None  # traffic, taxi and temperatures, at the threshold of the corpus
    categories: dict[str, float] = {}


def detect(path: Path, warm_up: int | None = None) -> Found:
    """What `aedilis detect --input PATH` finds."""
    series = Series(read(path, Times(None), lambda _: None))
    return run(series, pipeline.of_form(series, warm_up))


def findings(anomalies: Sequence[Anomaly]) -> list[Finding]:
    """As the scorers want them."""
    return [
        Finding(
            one.thing,
            one.datastream_name,
            one.kind,
            *(np.datetime64(time, "us") for time in (one.starts_at, one.detected_at, one.ends_at or one.detected_at)),
        )
        for one in anomalies
    ]


# ---------------------------------------------------------------- one series


def of_nab(folder: Path, say: Say) -> list[NabFigure]:
    """Ours, told the length of the warm-up and not told it; the baselines; the published ones."""
    series = nab.corpus(folder)
    scorer = nab.Scorer(series)

    def ours(told: bool) -> list[Floats]:
        found = []
        for one in series:
            say(f"NAB: {one.name}")
            found.append(detect(one.path, one.probation if told else None).score)
        return found

    out = [
        _nab_figure("ours, warm-up told", series, scorer, ours(True)),
        _nab_figure("ours, nothing told", series, scorer, ours(False)),
    ]
    for name, baseline in baselines.BASELINES.items():
        say(f"NAB: {name}")
        scores = [baseline(one.values, one.seconds, one.probation) for one in series]
        out.append(_nab_figure(name, series, scorer, scores))
        rested = [baselines.rested(each, REST) for each in scores]
        out.append(_nab_figure(f"{name}, rest {REST}", series, scorer, rested))
    for name, (standard, low_fp, low_fn) in nab.PUBLISHED.items():
        mean, deviation = nab.PUBLISHED_HALVES.get(name, (None, None))
        out.append(NabFigure(f"{name} (published)", standard, low_fp, low_fn, mean, deviation))
    return out


def _nab_figure(name: str, series: Sequence[nab.Series], scorer: nab.Scorer, scores: Sequence[Floats]) -> NabFigure:
    every = list(range(len(series)))
    standard, threshold = scorer.best(scores, "standard", every)
    scored = []
    for seed in range(HALVES):
        first, second = nab.halves(series, seed)
        _, chosen = scorer.best(scores, "standard", first)
        scored.append(scorer.at(scores, chosen, "standard", second))
    city = [i for i, one in enumerate(series) if one.category == "realTraffic" or one.name in CITY_LIKE]
    by_category = {
        category: [i for i, one in enumerate(series) if one.category == category]
        for category in sorted({one.category for one in series if one.windows})
    }
    return NabFigure(
        name,
        standard,
        scorer.best(scores, "low FP", every)[0],
        scorer.best(scores, "low FN", every)[0],
        float(np.mean(scored)),
        float(np.std(scored)),
        scorer.at(scores, threshold, "standard", city),
        {category: scorer.at(scores, threshold, "standard", members) for category, members in by_category.items()},
    )


# ---------------------------------------------------------------- faults


def of_air(folder: Path, say: Say, cases: Sequence[tuple[int, int]]) -> list[FaultFigure]:
    """(year, seed) each, all stations."""
    return [_faults(f"air {year}, seed {seed}", injection.air(folder, year, seed), say) for year, seed in cases]


def of_prices(folder: Path, say: Say, cases: Sequence[tuple[str, int]]) -> list[FaultFigure]:
    """(first day, seed) each."""
    return [
        _faults(f"prices from {since}, seed {seed}", injection.prices(folder, since, seed), say)
        for since, seed in cases
    ]


def _faults(name: str, case: injection.Case, say: Say) -> FaultFigure:
    found = []
    with TemporaryDirectory() as folder:
        for which, values in (("faulty", case.faulty), ("clean", case.clean)):
            say(f"{name}: {which}")
            path = Path(folder) / f"{which}.csv"
            case.write(values, path)
            found.append(findings(detect(path).anomalies))
    return scoring.faults(name, case, *found)


# ---------------------------------------------------------------- water


def of_water(folder: Path, say: Say) -> list[EventFigure]:
    """The drinking water of GECCO 2018, whole and in halves."""
    say("water")
    with (folder / "gecco2018_train.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    channels = [name for name in rows[0] if name not in ("Time", "EVENT")]
    times = np.array([row["Time"] for row in rows], "datetime64[us]")
    labelled = np.array([row["EVENT"] in ("1", "True", "TRUE") for row in rows])
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / "water.csv"
        with path.open("w") as out:
            out.write("time,thing,property,value\n")
            for row in rows:
                out.writelines(
                    f"{row['Time']},water,{name},{row[name]}\n" for name in channels if row[name] not in ("", "NA")
                )
        found = findings(detect(path).anomalies)
    half = len(times) // 2
    parts = (("whole", slice(None)), ("first half", slice(0, half)), ("second half", slice(half, None)))
    return [scoring.events(f"GECCO 2018 train, {name}", times[part], labelled[part], found) for name, part in parts]

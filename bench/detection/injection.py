"""Labelled faults in real series: hourly air quality, and daily prices.

The faults, their sizes and lengths, and the order in which chance is asked are those of the project's scorer of detection
(design, tools/faults.py), so that one seed gives the same faults here and there.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.datetime64]
Chance = np.random.Generator

POLLUTANTS = ("PM2.5", "PM10", "SO2", "NO2", "CO", "O3")
AIR_LENGTHS = {
    "spike": (1, 3),
    "stuck": (12, 72),
    "offset": (72, 240),
    "scale": (96, 288),
    "drift": (168, 384),
    "noise": (36, 120),
    "gap": (6, 48),
    "clock": (120, 240),
}
"""Hours, the upper end not included."""
PRICE_QUOTES = {"decimal": 1, "typo": 1, "surge": 7, "stale": 20, "unit": 5}
_PRICE_KINDS = ("decimal", "typo", "surge", "stale", "unit")


@dataclass(frozen=True)
class Fault:
    """A labelled one; `ends_at` is the time of its last Observation."""

    thing: str
    property: str
    kind: str
    starts_at: np.datetime64
    ends_at: np.datetime64


@dataclass(frozen=True)
class Case:
    """Series before and after faults were put in. Values `(times, series)`, NaN where there is none."""

    domain: str
    times: Times
    series: tuple[tuple[str, str], ...]  # Thing and property
    clean: Floats
    faulty: Floats
    faults: tuple[Fault, ...]
    test_from: np.datetime64
    test_until: np.datetime64
    places: dict[str, tuple[float, float]]

    def write(self, values: Floats, path: Path) -> None:
        """As `aedilis detect` reads it, in the order of time."""
        names = [f"{thing},{name}" for thing, name in self.series]
        where = [",".join(map(repr, self.places.get(thing, ()))) or "," for thing, _ in self.series]
        with path.open("w") as out:
            out.write("time,thing,property,value,longitude,latitude\n")
            for time, row in zip(np.datetime_as_string(self.times, "s"), values, strict=True):
                here = np.flatnonzero(~np.isnan(row))
                out.writelines(
                    f"{time},{names[i]},{value},{where[i]}\n" for i, value in zip(here, row[here].tolist(), strict=True)
                )


def air(folder: Path, year: int, seed: int, stations: Iterable[str] | None = None) -> Case:
    """Faults in a year; the year before it is history. All stations of the folder, or some."""
    first, last = np.datetime64(f"{year}-01-01T00", "s"), np.datetime64(f"{year + 1}-01-01T00", "s")
    wanted = None if stations is None else set(stations)
    times, parts, names = None, [], []
    for file in sorted(folder.glob("*.csv")):
        if wanted is None or file.stem in wanted:
            station, times, values = _station(file)
            parts.append(values)
            names += [(station, pollutant) for pollutant in POLLUTANTS]
    assert times is not None
    kept = (times >= np.datetime64(f"{year - 1}-01-01T00", "s")) & (times < last)
    times, clean = times[kept], np.concatenate(parts, axis=1)[kept]
    faulty, faults, chance = clean.copy(), [], np.random.default_rng(seed)
    begin, end = int(np.searchsorted(times, first)), int(np.searchsorted(times, last))
    kinds = tuple(AIR_LENGTHS)
    for column, (thing, name) in enumerate(names):
        x = clean[:, column]
        level = float(np.nanmedian(x[begin:end]))
        spread = 1.4826 * float(np.nanmedian(np.abs(x[begin:end] - level))) + 1e-6
        at = begin + 24 * 7 + int(chance.integers(0, 24 * 14))
        while at < end - 24 * 18:
            kind = kinds[chance.integers(len(kinds))]
            new = _air_fault(kind, x, at, spread, level, chance)
            faulty[at : at + len(new), column] = new
            faults.append(Fault(thing, name, kind, times[at], times[at + len(new) - 1]))
            at += len(new) + 24 * 9 + int(chance.integers(0, 24 * 9))
    stations_file = folder / "stations.json"
    places = json.loads(stations_file.read_text()) if stations_file.exists() else {}
    return Case("air", times, tuple(names), clean, faulty, tuple(faults), first, last, places)


def _station(file: Path) -> tuple[str, Times, Floats]:
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    stamps = [f"{row['year']}-{int(row['month']):02}-{int(row['day']):02}T{int(row['hour']):02}:00:00" for row in rows]
    values = [[float("nan") if row[name] == "NA" else float(row[name]) for name in POLLUTANTS] for row in rows]
    return rows[0]["station"], np.array(stamps, "datetime64[s]"), np.array(values)


def _air_fault(kind: str, x: Floats, start: int, spread: float, level: float, chance: Chance) -> Floats:
    """What stands instead of the results from `start` on."""
    length = int(chance.integers(*AIR_LENGTHS[kind]))
    part = x[start : start + length]
    if kind == "spike":
        return part + float(chance.choice([3, 5, 8])) * max(spread, level)
    if kind == "stuck":
        return np.full(length, x[start] if np.isfinite(x[start]) else level)
    if kind == "offset":
        return part + float(chance.choice([1.5, 2.5, 4])) * spread
    if kind == "scale":
        return part * float(chance.choice([0.4, 0.6, 1.7, 2.5]))
    if kind == "drift":
        return part + np.linspace(0, float(chance.choice([2, 3, 5])) * spread, length)
    if kind == "noise":
        return np.maximum(0, part + chance.normal(0, float(chance.choice([1, 2])) * spread, length))
    if kind == "gap":
        return np.full(length, np.nan)
    late = int(chance.choice([6, 8, 12]))  # clock: hours
    return x[start - late : start - late + length]


def prices(folder: Path, since: str, seed: int) -> Case:
    """Faults from a day on."""
    quoted: dict[tuple[str, str], dict[np.datetime64, list[float]]] = {}
    for file in sorted(folder.glob("*.csv")):
        with file.open(newline="") as lines:
            for row in csv.DictReader(lines):
                if row["Price"]:
                    by_day = quoted.setdefault((f"{row['Market']}/{row['Type']}", row["Item"]), {})
                    by_day.setdefault(np.datetime64(row["Date"], "D"), []).append(float(row["Price"]))
    days = np.array(sorted({day for by_day in quoted.values() for day in by_day}))
    names = tuple(sorted(name for name, by_day in quoted.items() if len(by_day) > 600))
    clean = np.full((len(days), len(names)), np.nan)
    for column, name in enumerate(names):
        for day, values in quoted[name].items():
            middle = float(np.median(values))
            if middle > 0:
                clean[np.searchsorted(days, day), column] = middle
    first, chance = np.datetime64(since, "D"), np.random.default_rng(seed)
    faulty, faults = clean.copy(), []
    for column, (thing, goods) in enumerate(names):
        at = np.flatnonzero((days >= first) & ~np.isnan(clean[:, column]))
        i = 20
        while i < len(at) - 30:
            kind = _PRICE_KINDS[chance.integers(len(_PRICE_KINDS))]
            span = at[i : i + PRICE_QUOTES[kind]]
            old = clean[span, column]
            slip, typo = 10.0 ** chance.choice([-1, 1]), 1.35 ** chance.choice([-1, 1])
            factors = {"decimal": slip, "typo": typo, "surge": 1.25, "unit": 0.5}
            faulty[span, column] = old[0] if kind == "stale" else old * factors[kind]
            faults.append(Fault(thing, goods, kind, days[span[0]], days[span[-1]]))
            i += 40 + int(chance.integers(0, 60))
    times = days.astype("datetime64[s]")
    last = (days[-1] + 1).astype("datetime64[s]")
    return Case("prices", times, names, clean, faulty, tuple(faults), first.astype("datetime64[s]"), last, {})

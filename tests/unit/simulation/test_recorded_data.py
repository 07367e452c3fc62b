"""The recorded files of a real city are read to the last cell: value, unit, UTC time, and what is missing."""

from __future__ import annotations

import csv
import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aedilis.vocabulary import Quality
from sensors.compile import compile_type
from sensors.registry import one
from simulation.replay import Recording, Summary

DATA = Path(__file__).parents[4] / "shared" / "data"
NOW = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1e6)
WORDS = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"]
AIR_UNITS = {
    **dict.fromkeys(("PM2.5", "PM10", "SO2", "NO2", "CO", "O3"), "ug/m3"),
    "TEMP": "Cel", "PRES": "hPa", "DEWP": "Cel", "RAIN": "mm", "wd": "deg", "WSPM": "m/s",
}  # fmt: skip

Cells = Counter[tuple[str, str, str, int, float | None]]
"""(Thing, Datastream, unit, µs UTC, result or None) → how often."""


def file(*parts: str) -> Path:
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the recorded data are not here: {path}")
    return path


def utc(local: datetime, offset: timedelta) -> int:
    return (local.replace(tzinfo=UTC) - offset - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def through_replay(path: Path, sensor_type: str) -> tuple[Cells, Summary]:
    declared = one(sensor_type)
    compiled = compile_type(declared)
    summary = Summary()
    recording = Recording(path, declared, "demo", {})
    recording.survey(summary)
    found: Cells = Counter()
    for item in recording:
        summary.add(item)
        fields = compiled.matches(item.topic)
        assert fields is not None
        decoded = compiled.decode(fields, item.payload, NOW)
        assert not decoded.rejects, decoded.rejects
        assert len(decoded.observations) == item.observations
        for read in decoded.observations:
            missing = math.isnan(read.result)
            assert missing == (read.quality == Quality.MISSING)
            result = None if missing else read.result
            found[decoded.thing, read.datastream_name, read.unit, read.phenomenon_time, result] += 1
    return found, summary


def differing(found: Cells, wanted: Cells) -> list[object]:
    return [*(found - wanted).items(), *(wanted - found).items()][:5]


def test_air() -> None:
    path = file("air", "Changping.csv")
    wanted: Cells = Counter()
    with path.open(newline="") as lines:
        for row in csv.DictReader(lines):
            time = utc(datetime(*(int(row[name]) for name in ("year", "month", "day", "hour"))), timedelta(hours=8))
            for name, unit in AIR_UNITS.items():
                cell = row[name]
                value = None if cell == "NA" else WORDS.index(cell) * 22.5 if name == "wd" else float(cell)
                wanted[row["station"], name, unit, time, value] += 1
    found, summary = through_replay(path, "air-station")
    assert not differing(found, wanted)
    assert summary.observations == wanted.total() == 24_864 * 12
    assert summary.missing == sum(number for cell, number in wanted.items() if cell[4] is None) > 0
    assert not summary.malformed


def test_prices() -> None:
    path = file("prices", "srilanka_vegetables.csv")
    wanted: Cells = Counter()
    with path.open(newline="") as lines:
        for row in csv.DictReader(lines):
            time = utc(datetime.fromisoformat(row["Date"]), timedelta(hours=5, minutes=30))
            value = float(row["Price"]) if row["Price"] else None
            wanted[row["Market"], f"price/{row['Item']}/{row['Type']}", "LKR/kg", time, value] += 1
    found, summary = through_replay(path, "price-board")
    assert not differing(found, wanted)
    assert summary.observations == wanted.total() == 73_008
    assert summary.missing == sum(number for cell, number in wanted.items() if cell[4] is None) > 0
    assert not summary.malformed

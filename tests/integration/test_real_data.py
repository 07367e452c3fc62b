"""Recorded data of a real city through the whole line: each value of the files stands in the database exactly once."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.installation import ROOT, Installation, aedilis

DATA = ROOT.parent / "shared" / "data"
AIR = DATA / "air" / "Dongsi.csv"
PRICES = DATA / "prices" / "srilanka_vegetables.csv"
WORDS = {  # degrees, clockwise from north
    word: 22.5 * number
    for number, word in enumerate(
        ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")
    )
}
UNITS = {"TEMP": "Cel", "DEWP": "Cel", "PRES": "hPa", "RAIN": "mm", "wd": "deg", "WSPM": "m/s"}
Value = tuple[str, str, datetime, str, float | None]


def air() -> Iterator[Value]:
    """(thing, name, UTC time, unit, value) as the file has it, read on its own, not by the line's reader."""
    with AIR.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            local = datetime(int(row["year"]), int(row["month"]), int(row["day"]), int(row["hour"]), tzinfo=UTC)
            for name, cell in row.items():
                if name in ("No", "year", "month", "day", "hour", "station"):
                    continue
                value = None if cell == "NA" else WORDS[cell] if name == "wd" else float(cell)
                yield row["station"], name, local - timedelta(hours=8), UNITS.get(name, "ug/m3"), value


def prices() -> Iterator[Value]:
    with PRICES.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            local = datetime.fromisoformat(row["Date"]).replace(tzinfo=UTC)
            name = f"price/{row['Item']}/{row['Type']}"
            value = None if row["Price"] in ("NA", "") else float(row["Price"])
            yield row["Market"], name, local - timedelta(hours=5, minutes=30), "LKR/kg", value


@pytest.mark.skipif(not AIR.exists() or not PRICES.exists(), reason=f"the recorded data are not at {DATA}")
def test_each_value_of_the_files_is_stored_once(installation: Installation) -> None:
    wanted = sorted([*air(), *prices()], key=lambda value: value[:3])
    assert len({value[:3] for value in wanted}) == len(wanted), "the files repeat no key"
    installation.line()
    said = []
    for file, sensor_type in ((AIR, "air-station"), (PRICES, "price-board")):
        told = aedilis("replay", str(file), "--sensor-type", sensor_type, "--json", env=installation.env)
        said.append(json.loads(told.stdout))
    installation.settle(len(wanted), seconds=200)
    stored = installation.rows(
        'select thing, name, phenomenon_time, unit, result from observations order by thing collate "C",'
        ' name collate "C", phenomenon_time'
    )
    assert stored == wanted
    counts = json.loads(aedilis("counts", "--json", env=installation.env).stdout)
    missing = sum(1 for value in wanted if value[4] is None)
    assert (
        sum(one["observations"] for one in said) == len(wanted) == sum(row["published"] for row in counts["processes"])
    )
    assert sum(one["missing"] for one in said) == missing == sum(row["missing"] for row in counts["processes"])
    assert sum(one["messages"] for one in said) == sum(row["messages"] for row in counts["processes"])
    assert counts["rejects"] == {}
    assert all(one["malformed"] == {} for one in said)


def test_what_is_malformed_in_a_file_is_counted_with_its_reason(installation: Installation, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    lines = [
        "Date,Market,Item,Type,Price",
        "2016-08-01,Dambulla,Beans,Retail,165",
        "2016-08-01,Dambulla,Carrot,Retail,NA",  # missing
        "2016-08-01,Dambulla,Leeks,Retail,cheap",  # published as it stands, refused by ingest
        '2016-08-02,Dambulla,"Beans,Retail,165',  # an open quote
        "2016-08-03,Dambulla,Beans,Retail",  # too few cells
        "2016-13-04,Dambulla,Beans,Retail,165",  # no such month
        "2016-08-05,,Beans,Retail,165",  # no Thing
        "2016-08-06,Dambulla,Beans,Retail,170",
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    installation.line()
    told = aedilis("replay", str(file), "--sensor-type", "price-board", "--json", env=installation.env)
    said = json.loads(told.stdout)
    assert (said["messages"], said["missing"], sum(said["malformed"].values())) == (4, 1, 4)
    assert [line.split(":")[1] for line in said["lines"]] == ["5", "6", "7", "8"]
    installation.settle(3)
    counts = json.loads(aedilis("counts", "--json", env=installation.env, check=False).stdout)
    assert counts["rejects"] == {"not_a_number": 1}

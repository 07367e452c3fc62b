"""The page docs/times-and-units.md says what the code does."""

import json
import tomllib
from datetime import datetime, timedelta
from pathlib import Path

from sensors.declaration import Gas, Time
from sensors.times import time_reader
from sensors.units import alias, conversion

PAGE = (Path(__file__).parents[3] / "docs" / "times-and-units.md").read_text(encoding="utf-8")


def rows(cells: int) -> list[list[str]]:
    """The rows of tables with so many cells, without their heads."""
    found = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if line[:1] == "|"]
    return [row for row in found if len(row) == cells and row[-1][:1] == "`" and row[-1] != "`unit`"]


def test_times() -> None:
    assert len(rows(3)) >= 12
    for declared, value, time in rows(3):
        fields = tomllib.loads("\n".join(one.strip("`") for one in declared.split("`, `")))
        moment = datetime.fromisoformat(time.strip("`"))
        read = time_reader(Time(**fields))(json.loads(value.strip("`")), "time")
        assert read == (moment - datetime.fromisoformat("1970-01-01T00:00:00Z")) // timedelta(microseconds=1), value


def test_units() -> None:
    assert len(rows(4)) >= 7
    for cells in rows(4):
        value, of, to, result = (cell.strip("`") for cell in cells)
        times, plus, over = conversion(of, to)
        assert (float(value) * times + plus) / over == float(result), cells


def test_spellings() -> None:
    assert len(rows(2)) >= 8
    for spelt, code in rows(2):
        assert {alias(one.strip("`")) for one in spelt.split(", ")} == {code.strip("`")}


def test_gas() -> None:
    (declared,) = tomllib.loads(PAGE.split("```toml")[1].split("```")[0])["properties"]
    assert conversion(declared["payload_unit"], declared["unit"], Gas(**declared["gas"]))[2] > 0

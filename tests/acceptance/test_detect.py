"""`aedilis detect` as a user calls it, on a small file and on real series where they are."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.acceptance.own_home import OwnHome
from tests.unit.trial.detect import city

NAB = Path(__file__).parents[3] / "shared" / "data" / "nab"


@pytest.fixture
def home(tmp_path: Path) -> OwnHome:
    return OwnHome(tmp_path / "home")


def test_a_file_of_unknown_origin(home: OwnHome, tmp_path: Path) -> None:
    source, scores, found = (tmp_path / name for name in ("city.csv", "scores.csv", "found.csv"))
    source.write_text("\n".join([city.HEADER, *city.rows()]) + "\n")
    said = home.ok("detect", "--input", str(source), "--scores", str(scores), "--anomalies", str(found))
    assert "watched as network" in said
    with found.open() as file:
        assert {"gap"} <= {row["kind"] for row in csv.DictReader(file)}
    assert len(scores.read_text().splitlines()) == len(city.rows()) + 1
    assert not home.folder.exists(), "it needs no installation"


def test_a_mistake_is_one_message_and_exit_code_2(home: OwnHome, tmp_path: Path) -> None:
    done = home.run("detect", "--input", str(tmp_path / "absent.csv"))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("aedilis: Detect ")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not NAB.exists(), reason="../shared/data/nab is not there")
@pytest.mark.parametrize(
    "name",
    [
        "realTraffic/speed_t4013",
        "realKnownCause/machine_temperature_system_failure",
    ],  # some times stand twice; not in order
)
def test_a_real_series(home: OwnHome, tmp_path: Path, name: str) -> None:
    source, scores = NAB / f"{name}.csv", tmp_path / "scores.csv"
    home.ok("detect", "--input", str(source), "--scores", str(scores))
    with source.open() as before, scores.open() as after:
        old, new = list(csv.DictReader(before)), list(csv.DictReader(after))
    assert [{key: row[key] for key in ("timestamp", "value")} for row in new] == old
    assert {row["quality"] for row in new} <= {"1", "2"}
    assert all(0 <= float(row["score"]) <= 1 for row in new)
    assert any(float(row["score"]) > 0 for row in new)

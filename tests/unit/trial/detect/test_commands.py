"""`aedilis detect` from the command line: files in, files out, and every mistake told with how to mend it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner

from aedilis.errors import AedilisError
from tests.unit.trial.detect import city
from trial.detect.commands import detect


def run(*arguments: object) -> str:
    done = CliRunner().invoke(detect, [str(one) for one in arguments])
    if done.exception is not None:
        raise done.exception
    return done.stdout


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "city.csv"
    lines = city.rows()
    lines[7:7] = ["2015-01-01T01:00:00,A,no2,broken,,,0", '2015-01-01T01:00:00,"A,no2,5,,,0']
    path.write_text("\n".join([city.HEADER, *lines]) + "\n")
    return path


def test_scores_stand_beside_the_rows_as_they_were(source: Path, tmp_path: Path) -> None:
    out, found = tmp_path / "scores.csv", tmp_path / "found.csv"
    said = run("--input", source, "--scores", out, "--anomalies", found)
    before = [line for line in source.read_text().splitlines() if '"' not in line]
    after = out.read_text().splitlines()
    assert after[0] == before[0] + ",quality,score"
    assert [line.rsplit(",", 2)[0] for line in after] == before
    told = {line.rsplit(",", 2)[0]: line.rsplit(",", 2)[1:] for line in after}
    assert told["2015-01-01T01:00:00,A,no2,broken,,,0"] == ["4", "0.0"]
    missing = next(line for line in before if ",NA," in line)
    assert told[missing] == ["9", "0.0"]
    spike = next(line for line in before if ",400," in line)
    assert told[spike][0] == "1"
    back = next(line for line in before if line.startswith("2015-01-30T09:00:00,A,no2,"))  # one hour later
    assert 0.9 < float(told[back][1]) <= 1
    n = len(before) - 2
    assert f"{n + 2:,} rows = {n:,} scored (among them 1 without a value) + 2 refused; 6 series" in said
    assert "city.csv:9: expected a number in column value, got 'broken'; write" in said
    with found.open() as file:
        rows = list(csv.DictReader(file))
    columns = "thing,property,kind,starts_at,detected_at,ends_at,severity,score,explanation"
    assert list(rows[0]) == columns.split(",")
    gap = next(row for row in rows if (row["kind"], row["thing"], row["property"]) == ("gap", "B", "*"))
    assert (gap["starts_at"], gap["ends_at"]) == ("2015-01-31T03:00:00", "2015-02-01T00:00:00")
    assert [row["detected_at"] for row in rows] == sorted(row["detected_at"] for row in rows)


def test_one_series_alone_has_the_score_of_its_detector(tmp_path: Path) -> None:
    source, out, alone = tmp_path / "one.csv", tmp_path / "scores.csv", tmp_path / "alone.csv"
    lines = [line.split(",") for line in city.rows() if ",A,no2," in line]
    source.write_text("timestamp,value\n" + "".join(f"{cells[0].replace('T', ' ')},{cells[3]}\n" for cells in lines))
    assert "watched as series" in run("--input", source, "--scores", out)
    named = run("--input", source).splitlines()[1].rpartition(" by ")[2]
    run("--input", source, "--scores", alone, "--detector", named)
    assert out.read_bytes() == alone.read_bytes()
    assert "2015-01-30 08:00:00,400,1," in out.read_text()


def test_a_sensor_type_brings_its_limits_and_its_zone(tmp_path: Path) -> None:
    source, out, found = tmp_path / "air.csv", tmp_path / "scores.csv", tmp_path / "found.csv"
    source.write_text(
        "time,thing,property,value\n"
        "2015-01-01T00:00:00,A,PM2.5,40\n2015-01-01T01:00:00,A,PM2.5,950\n2015-01-01T02:00:00,A,PM2.5,2000\n"
    )
    run("--input", source, "--sensor-type", "air-station", "--scores", out, "--anomalies", found)
    assert [line.split(",")[4] for line in out.read_text().splitlines()] == ["quality", "1", "3", "4"]
    assert "A,PM2.5,range,2015-01-01T01:00:00,2015-01-01T01:00:00,2015-01-01T02:00:00,major,1.0," in found.read_text()


def test_rows_that_only_teach(tmp_path: Path) -> None:
    source, out = tmp_path / "one.csv", tmp_path / "scores.csv"
    lines = [line.split(",") for line in city.rows() if ",A,no2," in line]
    source.write_text("timestamp,value\n" + "".join(f"{cells[0]},{cells[3]}\n" for cells in lines))
    run("--input", source, "--detector", "spike", "--warm-up", "250", "--scores", out)
    scores = [float(line.rpartition(",")[2]) for line in out.read_text().splitlines()[1:]]
    assert not any(scores[:250])
    assert any(scores[250:])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--input", "absent.csv"], "there is no such file. Mend"),
        (["--input", "city.csv", "--detector", "spyke"], "detector 'spyke' is not there. Mend: name one of .*spike"),
        (["--input", "city.csv", "--sensor-type", "air"], "'air' is not declared. Declared are: .*air-station"),
        (["--input", "city.csv", "--sensor-type", "cold-room"], "cold-room does not declare no2, o3; declared are "),
        (["--input", "city.csv", "--detector", "spike", "--sensor-type", "air-station"], "exclude each other"),
        (
            ["--input", "city.csv", "--detector", "spike", "--warm-up", "5"],
            "expected warm_up to be a whole number from 10",
        ),
        (["--input", "city.csv", "--scores", "city.csv"], "it is the input"),
        (["--input", "city.csv", "--scores", "no/where.csv"], "no folder no"),
        (["--input", "city.csv", "--anomalies", "."], "it is a folder"),
        (["--input", "scored.csv", "--scores", "out.csv"], "a column score already"),
    ],
)
def test_a_mistake_is_told(source: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str) -> None:
    monkeypatch.chdir(source.parent)
    Path("scored.csv").write_text("timestamp,value,score\n2015-01-01,1,2\n")
    before = source.read_bytes()
    with pytest.raises(AedilisError, match=told):
        run(*arguments)
    assert source.read_bytes() == before

"""`aedilis types infer`, `try`, `check --samples` and `new --format` on files, without any server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from registry.commands import types
from sensors.format import all_formats
from tests.unit.trial.lamps import TEXT

LINES = "".join(
    json.dumps({"topic": f"plant/unit{i % 2}/data", "payload": {"tempC": 20 + i}, "received_at": f"2026-01-05T00:0{i}:00Z"})
    + "\n"
    for i in range(6)
)  # fmt: skip


def run(*arguments: object, given: str | None = None) -> Result:
    return CliRunner().invoke(types, [str(one) for one in arguments], input=given)


def test_a_proposal_is_checked_and_tried_as_it_was_written(tmp_path: Path) -> None:
    lines, out = tmp_path / "lines.txt", tmp_path / "plant.toml"
    lines.write_text(LINES)
    inferred = run("infer", lines, "--name", "plant", "--out", out)
    assert inferred.exit_code == 0, inferred.output
    assert "6 samples: 6 observations, 0 rejects, 0 refused whole" in inferred.stdout
    checked = run("check", out, "--samples", lines)
    assert "plant@1 is well declared" in checked.stdout
    assert "6 samples: 6 observations" in checked.stdout
    tried = run("try", out, "--input", lines, "--against", "none", "--json")
    told = json.loads(tried.stdout)
    assert (told["new"]["messages"], told["new"]["observations"], told["old"]) == (6, 6, None)
    assert run("infer", lines, "--out", out).exit_code == 1, "a file that is there is not written over"


def test_what_is_printed_to_be_kept_is_the_declaration_alone() -> None:
    told = run("infer", "-", given=LINES)
    assert told.stdout.startswith("# Proposed")
    assert "6 samples: 6 observations" in told.stderr
    assert "6 samples: 6 observations" not in told.stdout
    as_json = json.loads(run("infer", "-", "--json", given=LINES).stdout)
    assert (as_json["ok"], as_json["format"], len(as_json["samples"])) == (True, "json", 6)
    assert {"path", "value", "confidence", "why"} == set(as_json["guesses"][0])


def test_what_cannot_be_read_is_said() -> None:
    assert run("infer", "-", given='a/b {"name": "x"}').exit_code == 1
    wrong = run("infer", "-", "--format", "jsn", given=LINES)
    assert wrong.exit_code == 2
    assert "home-assistant" in wrong.stderr


def test_a_trial_stands_beside_another_version_and_tells_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEDILIS_KAFKA", "127.0.0.1:1")  # only what the files say
    monkeypatch.setenv("AEDILIS_SENSOR_TYPES", str(tmp_path))
    (tmp_path / "lamp.toml").write_text(TEXT)
    new, lines = tmp_path / "new.txt", tmp_path / "lines.txt"
    new.write_text(TEXT.replace("version = 1", "version = 2").replace("fail = [0, 1000]", "fail = [0, 5]"))
    lines.write_text('city/demo/x/lamp {"time": "2026-01-05T00:00:00Z", "light": 7}\n')
    tried = run("try", new, "--input", lines)
    assert "lamp@2, next to @1: 1 messages" in tried.stdout, tried.output
    assert "fail: 1" in tried.stdout
    new.write_text(TEXT.replace("interval_s = 60", "intervall_s = 60"))
    faulty = run("try", new, "--input", lines, "--json")
    assert faulty.exit_code == 2
    assert len(json.loads(faulty.stdout)["faults"]) == 2


@pytest.mark.parametrize("name", sorted(all_formats()))
def test_the_first_text_of_each_format_is_well_declared(name: str, tmp_path: Path) -> None:
    file = tmp_path / "first.toml"
    assert run("new", "first", "--format", name, "--to", file).exit_code == 0
    checked = run("check", file)
    assert checked.exit_code == 0, checked.output

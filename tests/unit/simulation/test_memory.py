"""A city remembers when it began and how far it is published, and goes on ten seconds before that."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aedilis.errors import SettingError
from aedilis.settings import Settings
from simulation import memory
from simulation.memory import Memory, memory_file

START = datetime(2026, 1, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(memory.time, "monotonic", lambda: now[0])
    return now


def test_a_later_run_goes_on_where_the_first_was_ten_seconds_before(tmp_path: Path, clock: list[float]) -> None:
    file = tmp_path / "deep" / "demo-1.json"
    first = Memory(file, START)
    assert (first.start, first.go_on_from) == (START, START)
    for minute in range(1, 31):
        clock[0] += 1
        first.keep(START + minute * MINUTE)
    later = Memory(file, START + 999 * MINUTE)
    assert (later.start, later.go_on_from) == (START, START + 20 * MINUTE)
    assert json.loads(file.read_text())["published_until"] == (START + 30 * MINUTE).isoformat()
    assert [path.name for path in file.parent.iterdir()] == ["demo-1.json"]


def test_what_was_published_stays_so_while_it_is_sent_again(tmp_path: Path, clock: list[float]) -> None:
    file = tmp_path / "demo-1.json"
    Memory(file, START).keep(START + 60 * MINUTE)
    later = Memory(file, START)
    assert (later.go_on_from, later.published_until) == (START, START + 60 * MINUTE)
    later.keep(START + MINUTE)
    assert later.published_until == Memory(file, START).published_until == START + 60 * MINUTE
    clock[0] += 11
    later.keep(START + 2 * MINUTE)
    assert Memory(file, START).go_on_from == START + MINUTE


def test_one_that_was_calm_for_long_goes_on_where_it_was(tmp_path: Path, clock: list[float]) -> None:
    file = tmp_path / "demo-1.json"
    first = Memory(file, START)
    clock[0] += 300
    first.keep(START + 5 * MINUTE)
    assert Memory(file, START).go_on_from == START
    clock[0] += 11
    first.keep(START + 5 * MINUTE)
    assert Memory(file, START).go_on_from == START + 5 * MINUTE


def test_without_a_file_nothing_is_kept(tmp_path: Path, clock: list[float]) -> None:
    Memory(None, START).keep(START + MINUTE)
    assert Memory(None, START).go_on_from == START


NAIVE = json.dumps(dict.fromkeys(("start", "published_until", "again_from"), "2026-01-05"))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"start":1,"published_until":2,"again_from":3}', NAIVE])
def test_a_file_that_cannot_be_read_says_how_to_mend_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "demo-1.json"
    file.write_text(text)
    with pytest.raises(SettingError, match=r"demo-1\.json.*delete the file"):
        Memory(file, START)


def test_each_city_has_its_own_file() -> None:
    settings = Settings(home="/h")
    files = {
        memory_file(settings, agency, seed, size, calm=calm)
        for agency in ("demo", "a/b", "..")
        for seed in (1, 2)
        for size in (1_500, 10_000)
        for calm in (False, True)
    }
    assert len(files) == 24
    assert {file.parent for file in files} == {Path("/h/simulation")}
    assert memory_file(settings, "demo", 1) == Path("/h/simulation/demo-1.json")

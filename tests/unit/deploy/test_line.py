"""The line is ready when the processes that were started say so, and no others."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aedilis.errors import ServerError
from aedilis.settings import Settings
from deploy import line
from deploy.process import Guarded
from deploy.supervisor import Supervisor

SERVE = """
import asyncio, sys
from pathlib import Path
from aedilis.health import HealthServer
from aedilis.settings import Settings
home = Path(sys.argv[1])
async def check():
    return None if (home / "well").exists() else "no partitions assigned"
async def main():
    await HealthServer(Settings(home=str(home)), "worker-detect", {"partitions": check}).start()
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    made = Supervisor()
    yield made
    made.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path))


def serving(settings: Settings) -> Guarded:
    log = settings.home_path / "x.log"
    return Guarded("worker-detect", [sys.executable, "-c", SERVE, settings.home], log, grace=2.0)


def test_each_role_is_a_process_of_its_own() -> None:
    names = {"api", "ingest", "worker-detect", "worker-store", "worker-alert", "worker-notify"}
    assert set(line.LINE) == names
    assert set(line.CITY) == {"simulate"}


def test_what_a_process_lacks_is_said_until_it_is_ready(settings: Settings, supervisor: Supervisor) -> None:
    process = supervisor.add(serving(settings))
    deadline = time.monotonic() + 30
    while "no partitions assigned" not in line.problem(settings, process):
        assert time.monotonic() < deadline, process.tail()
        time.sleep(0.02)
    assert line.problem(settings, process, "/health/live") == ""
    (settings.home_path / "well").touch()
    said: list[str] = []
    line.wait_ready(settings, supervisor, {"worker-detect": process}, said.append)
    assert said == ["worker-detect  ready"]


def test_another_process_of_the_same_name_does_not_count(settings: Settings, supervisor: Supervisor) -> None:
    (settings.home_path / "well").touch()
    other = supervisor.add(serving(settings))
    line.wait_ready(settings, supervisor, {"worker-detect": other}, lambda _: None)
    process = supervisor.add(Guarded("worker-detect", ["sleep", "600"], settings.home_path / "y.log"))
    assert line.problem(settings, process) == "it does not serve its health yet"


def test_one_that_is_late_is_named_with_what_it_lacks(
    settings: Settings, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = supervisor.add(serving(settings))
    monkeypatch.setattr(line, "READY_SECONDS", 3.0)
    with pytest.raises(ServerError, match=r"worker-detect: is not ready: .*Mend: read .*x\.log"):
        line.wait_ready(settings, supervisor, {"worker-detect": process}, lambda _: None)


def test_api_is_asked_where_the_settings_say(tmp_path: Path) -> None:
    process = Guarded("api", ["sleep", "600"], tmp_path / "api.log")
    wrong = line.problem(Settings(home=str(tmp_path), api="127.0.0.1:1"), process)
    assert wrong.startswith("/health/ready does not answer")

"""Nothing outlives its parent, however the parent or the guard ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy import guard

PARENT = """
import sys, time
from pathlib import Path
from deploy.process import Guarded
process = Guarded("x", sys.argv[2:], Path(sys.argv[1]) / "log", grace=1.0)
process.start()
print(process.pid, flush=True)
time.sleep(600)
"""

PLAIN = "echo $$ > command; exec sleep 600"
DEAF = "trap '' TERM; echo $$ > command; while true; do sleep 600; done"
ESCAPED = "setsid sh -c 'echo $$ > grandchild; exec sleep 600' & echo $$ > command; exec sleep 600"
ORPHANED = (
    "(setsid sh -c 'trap \"\" TERM; echo $$ > grandchild; sleep 600; sleep 600' &); echo $$ > command; exec sleep 600"
)


class Family:
    """A parent, its guard, the command, and what the command started."""

    def __init__(self, folder: Path, script: str) -> None:
        command = [sys.executable, "-c", PARENT, str(folder), "sh", "-c", f"cd {folder}; {script}"]
        self.parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.parent.stdout is not None
        self.guard = psutil.Process(int(self.parent.stdout.readline()))
        names = ["command"] + (["grandchild"] if "grandchild" in script else [])
        self.below = [psutil.Process(self._pid(folder / name)) for name in names]

    @staticmethod
    def _pid(file: Path) -> int:
        until(lambda: file.exists() and file.read_text().strip() != "")
        return int(file.read_text())

    def close(self) -> None:
        self.parent.kill()
        self.parent.communicate()


def until(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Callable[[str], Family]]:
    made: list[Family] = []

    def make(script: str) -> Family:
        made.append(Family(tmp_path, script))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("script", [PLAIN, DEAF, ESCAPED, ORPHANED])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_parent_leaves_nothing(family: Callable[[str], Family], script: str, number: signal.Signals) -> None:
    one = family(script)
    one.parent.send_signal(number)
    one.parent.wait()
    until(lambda: all(gone(process) for process in [one.guard, *one.below]))


def test_a_killed_guard_takes_its_command_along(family: Callable[[str], Family]) -> None:
    one = family(PLAIN)
    one.guard.kill()
    until(lambda: gone(one.below[0]))


def test_a_command_is_not_disturbed(family: Callable[[str], Family]) -> None:
    one = family(ESCAPED)
    time.sleep(0.5)
    assert not any(gone(process) for process in [one.guard, *one.below])


def run_guard(*command: str) -> subprocess.CompletedProcess[str]:
    with subprocess.Popen(["sleep", "600"], stdout=subprocess.PIPE) as open_end:
        try:
            arguments = [sys.executable, guard.__file__, "SIGTERM", "1", *command]
            return subprocess.run(
                arguments, stdin=open_end.stdout, capture_output=True, text=True, timeout=30, check=False
            )
        finally:
            open_end.kill()


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_the_exit_code_is_that_of_the_command(script: str, code: int) -> None:
    assert run_guard("sh", "-c", script).returncode == code


def test_a_command_that_is_not_there_is_named() -> None:
    ended = run_guard("/nowhere/program")
    assert ended.returncode == 127
    assert "cannot start /nowhere/program" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_a_command_leaves_behind_is_swept(tmp_path: Path) -> None:
    file = tmp_path / "left"
    assert run_guard("sh", "-c", f"(setsid sh -c 'echo $$ > {file}; exec sleep 600' &); sleep 0.3").returncode == 0
    assert not psutil.pid_exists(int(file.read_text()))

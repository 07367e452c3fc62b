"""Processes are started again when they end or hang, with pauses and a limit, and stopped in layers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from aedilis.errors import ServerError
from deploy.process import Guarded
from deploy.supervisor import ASK_SECONDS, HANG_SECONDS, RESTARTS, STARTING_SECONDS, WINDOW_SECONDS, Supervisor


class Clock:
    """Goes on when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def supervisor(clock: Clock) -> Iterator[Supervisor]:
    made = Supervisor(clock)
    yield made
    made.stop()


def shell(folder: Path, name: str, script: str) -> Guarded:
    return Guarded(name, ["sh", "-c", f"cd {folder}; {script}"], folder / f"{name}.log", grace=2.0)


def until(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def ended(process: Guarded) -> None:
    until(lambda: process.poll() is not None)


def test_what_ends_is_started_again(tmp_path: Path, supervisor: Supervisor) -> None:
    process = supervisor.add(shell(tmp_path, "x", "echo started; exit 4"))
    ended(process)
    assert supervisor.tend() == ["x ended with code 4; starts again now"]
    supervisor.tend()
    ended(process)
    assert process.tail() == "started\nstarted"


def test_what_runs_is_left_alone(tmp_path: Path, supervisor: Supervisor) -> None:
    process = supervisor.add(shell(tmp_path, "x", "exec sleep 600"))
    pid = process.pid
    assert supervisor.tend() == []
    assert process.pid == pid


def end_again_and_again(supervisor: Supervisor, clock: Clock, process: Guarded, step: float) -> list[float]:
    """Let it end as often as it may; the pauses before each start."""
    pauses = []
    for _ in range(RESTARTS):
        ended(process)
        supervisor.tend()
        ended_at, guard = clock.now, process.pid
        while process.pid == guard:
            supervisor.tend()
            clock.now += step if process.pid == guard else 0
        pauses.append(clock.now - ended_at)
    return pauses


def test_pauses_grow_and_then_it_gives_up(tmp_path: Path, supervisor: Supervisor, clock: Clock) -> None:
    process = supervisor.add(shell(tmp_path, "x", "echo because; exit 4"))
    assert end_again_and_again(supervisor, clock, process, 0.5) == [0, 1, 2, 4, 8]
    ended(process)
    with pytest.raises(ServerError, match=r"(?s)x: ended 6 times in five minutes, last with code 4:.*because"):
        supervisor.tend()


def test_old_ends_are_forgotten(tmp_path: Path, supervisor: Supervisor, clock: Clock) -> None:
    process = supervisor.add(shell(tmp_path, "x", "exit 4"))
    end_again_and_again(supervisor, clock, process, 0.5)
    ended(process)
    clock.now += WINDOW_SECONDS
    assert supervisor.tend() == ["x ended with code 4; starts again now"]


def test_what_hangs_is_started_again(tmp_path: Path, supervisor: Supervisor, clock: Clock) -> None:
    answers = [True]
    process = supervisor.add(shell(tmp_path, "x", "exec sleep 600"), answers=lambda: answers[0])
    pid = process.pid
    clock.now += HANG_SECONDS + 1
    assert supervisor.tend() == []
    answers[0] = False
    clock.now += HANG_SECONDS - 1
    assert supervisor.tend() == []
    clock.now += ASK_SECONDS + 1
    assert supervisor.tend() == [f"x has not answered for {HANG_SECONDS:.0f} s; stopped"]
    ended(process)
    assert len(supervisor.tend()) == 1
    supervisor.tend()
    assert process.pid != pid
    assert process.poll() is None


def test_what_starts_has_longer(tmp_path: Path, supervisor: Supervisor, clock: Clock) -> None:
    supervisor.add(shell(tmp_path, "x", "exec sleep 600"), answers=lambda: False)
    clock.now += STARTING_SECONDS - 1
    assert supervisor.tend() == []
    clock.now += ASK_SECONDS + 1
    assert supervisor.tend() == [f"x has not answered for {STARTING_SECONDS:.0f} s; stopped"]


def test_what_hangs_again_and_again_is_given_up(tmp_path: Path, supervisor: Supervisor, clock: Clock) -> None:
    """A real process, stopped as a debugger or a dead disk would: its guard waits for its grace and kills it."""
    process = supervisor.add(
        Guarded("x", ["sleep", "600"], tmp_path / "x.log", grace=0.1),
        answers=lambda: psutil.Process(process.commands()[0]).status() != psutil.STATUS_STOPPED,
    )

    def hang() -> None:
        until(lambda: any(psutil.Process(pid).name() == "sleep" for pid in process.commands()))
        clock.now += ASK_SECONDS
        assert supervisor.tend() == []
        os.kill(process.commands()[0], signal.SIGSTOP)
        until(lambda: psutil.Process(process.commands()[0]).status() == psutil.STATUS_STOPPED)
        clock.now += HANG_SECONDS + 1
        assert supervisor.tend() == [f"x has not answered for {HANG_SECONDS:.0f} s; stopped"]
        ended(process)

    for _ in range(RESTARTS):
        hang()
        supervisor.tend()
        clock.now += 10
        supervisor.tend()
    hang()
    with pytest.raises(ServerError, match=r"x: ended 6 times"):
        supervisor.tend()


def test_a_killed_guard_is_replaced_after_its_command(tmp_path: Path, supervisor: Supervisor) -> None:
    """The command ignores the signal, and its child has left the session: both are gone before the next start."""
    script = "trap '' TERM; (setsid sleep 600 & echo $! >> pids); echo $$ >> pids; while true; do sleep 600; done"
    process = supervisor.add(shell(tmp_path, "x", script))
    other = supervisor.add(shell(tmp_path, "y", "exec sleep 600"))
    pids = tmp_path / "pids"
    until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    old = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    ended(process)
    assert supervisor.tend() == ["x ended with code -9; starts again now"]
    assert not any(one.is_running() for one in old)
    supervisor.tend()
    until(lambda: len(pids.read_text().split()) == 4)
    assert other.poll() is None


def test_higher_layers_stop_first(tmp_path: Path, supervisor: Supervisor) -> None:
    script = "trap 'sleep 0.3; echo {0} >> {1}; exit 0' TERM; touch {0}; while true; do sleep 0.02; done"
    order = tmp_path / "order"
    for name, layer in (("server", 0), ("user", 1)):
        supervisor.add(shell(tmp_path, name, script.format(name, order)), layer=layer)
    until(lambda: (tmp_path / "server").exists() and (tmp_path / "user").exists())
    supervisor.stop()
    assert order.read_text().split() == ["user", "server"]

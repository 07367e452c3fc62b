"""A guarded process: its output, its end, its log."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from deploy import process as module
from deploy.process import Guarded

COUNT = """
import sys, time
for number in range(100000):
    print(number, flush=True)
    time.sleep(0.001)
"""


def ended(process: Guarded, seconds: float = 20.0) -> int | None:
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return process.poll()


def test_output_goes_to_the_log(tmp_path: Path) -> None:
    process = Guarded("x", ["sh", "-c", "echo out; echo err >&2; exit 3"], tmp_path / "logs" / "x.log")
    assert process.poll() is None
    process.start()
    assert ended(process) == 3
    assert process.tail() == "out\nerr"
    assert process.tail(1) == "err"


def test_the_tail_shows_the_reason_and_not_the_stack(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("ERROR Bind failed\n" + "\tat kafka.Kafka.main(Kafka.scala)\n" * 20)
    assert Guarded("x", ["true"], log).tail() == "ERROR Bind failed"


def test_files_of_a_command_are_private(tmp_path: Path) -> None:
    process = Guarded("x", ["touch", str(tmp_path / "made")], tmp_path / "x.log")
    process.start()
    assert ended(process) == 0
    assert (tmp_path / "made").stat().st_mode & 0o077 == 0


def test_it_stops_when_asked(tmp_path: Path) -> None:
    process = Guarded("x", ["sleep", "600"], tmp_path / "x.log")
    process.start()
    process.ask_to_stop()
    process.wait()
    assert process.poll() is not None


def test_the_stop_signal_is_the_one_named(tmp_path: Path) -> None:
    script = "trap 'echo interrupted; exit 0' INT; touch started; while true; do sleep 0.05; done"
    process = Guarded("x", ["sh", "-c", f"cd {tmp_path}; {script}"], tmp_path / "x.log", stop_signal="SIGINT")
    process.start()
    while not (tmp_path / "started").exists():
        time.sleep(0.01)
    process.ask_to_stop()
    process.wait()
    assert process.tail() == "interrupted"


def test_held_files_stay_open_in_the_guard_alone(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.set_inheritable(write, False)
    listing = tmp_path / "listing"
    process = Guarded("x", ["sh", "-c", f"ls -l /proc/$$/fd > {listing}; exec sleep 600"], tmp_path / "x.log")
    process.start(hold=[write])
    while not listing.exists() or not listing.read_text():
        time.sleep(0.01)
    assert os.readlink(f"/proc/self/fd/{write}") not in listing.read_text()
    os.close(write)
    os.set_blocking(read, False)
    with pytest.raises(BlockingIOError):  # the guard holds the other end
        os.read(read, 1)
    process.ask_to_stop()
    process.wait()
    assert os.read(read, 1) == b""
    os.close(read)


def test_a_long_log_is_moved_aside_while_it_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOG_BYTES", 1000)
    log = tmp_path / "x.log"
    process = Guarded("x", [sys.executable, "-c", COUNT], log)
    process.start()
    moved = log.with_name("x.log.1")
    while not moved.exists():
        process.bound_log()
        time.sleep(0.01)
    while not log.read_text():
        time.sleep(0.01)
    process.ask_to_stop()
    process.wait()
    numbers = [int(line) for line in log.read_text().split()]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))  # it goes on at the start of the emptied file
    assert 0 < moved.stat().st_size < 10_000

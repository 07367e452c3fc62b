"""Runs one load over a line and waits until all of it is stored and seen by every detector."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from aedilis.errors import BenchError
from bench.board import Board
from bench.installation import Cpu, Line
from bench.load import Job
from deploy.process import Guarded

LOOK_SECONDS = 0.02
METRICS_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
LOST_SECONDS = 5.0
"""Observations of QoS 0 that are not stored after so long without any progress are taken for lost."""


class Load:
    """A load generator while the context lasts."""

    def __init__(self, folder: Path, job: Job) -> None:
        self.job = job
        name = f"load-{time.monotonic_ns():x}"
        file = folder / f"{name}.json"
        file.write_bytes(msgspec.json.encode(job))
        self.board = Board(folder / f"{name}.board")
        command = [sys.executable, "-m", "bench.load", str(file), str(folder / f"{name}.board")]
        self.process = Guarded(name, command, folder / "logs" / f"{name}.log")

    def __enter__(self) -> Load:
        self.process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.ask_to_stop()
        self.process.wait()

    def check(self) -> None:
        """Raises:
        BenchError: the generator failed.
        """
        if not self.board["done"] and self.process.poll() is not None:
            raise BenchError(problem=f"the load generator ended:\n{self.process.tail()}", mend="run it again")

    def finish(self) -> None:
        """Tell it to stop, wait until all that it sent is acknowledged."""
        self.board["stop"] = 1
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.board["done"]:
            self.check()
            if time.monotonic() > deadline:
                raise BenchError(problem="the broker does not acknowledge what was sent", mend="run it again")
            time.sleep(LOOK_SECONDS)


def job(line: Line, form: str, things: int, qos: int, **more: object) -> Job:
    """A job for a line's broker."""
    settings = line.settings
    values = {
        "mqtt": settings.mqtt,
        "user": settings.mqtt_user,
        "password": settings.mqtt_password,
        "prefix": settings.mqtt_prefix,
        "form": form,
        "things": things,
        "qos": qos,
        **more,
    }
    return msgspec.convert(values, Job)


@dataclass(frozen=True)
class Outcome:
    """What a load came to. Seconds count from the first packet."""

    published: int  # Observations
    stored: int
    stored_seconds: float  # until the last row was visible
    detected_seconds: float  # until the detectors had seen all frames
    cpu: Cpu  # used meanwhile


class _Progress:
    """How far a line has come since the beginning of a load."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._workers = [name for name in line.processes if name.startswith("worker-detect")]
        self._stored = line.stored()
        self.behind = 0.0
        self._asked = 0.0

    def stored(self) -> int:
        return self._line.stored() - self._stored

    def frames(self) -> float:
        """Frames that ingest has handed to Kafka since it began."""
        return self._line.counter("ingest", "aedilis_frames_total")

    def applied(self) -> float:
        """Frames that the detectors have seen since they began."""
        return sum(self._line.counter(name, "aedilis_records_applied_total") for name in self._workers)

    def detect_behind(self) -> float:
        """Observations framed that no detector has seen yet, by the mean size of a frame; asked twice a second."""
        if time.monotonic() - self._asked > METRICS_SECONDS:
            self._asked = time.monotonic()
            frames, applied = self.frames(), self.applied()
            framed = self._line.counter("ingest", "aedilis_observations_framed_total")
            self.behind = max(0.0, frames - applied) * framed / max(1.0, frames)
        return self.behind


def drive(line: Line, what: Job, in_message: int, *, seconds: float, bound: int) -> Outcome:
    """Publish for `seconds` from the first packet on (or as many messages as the job says), at most `bound` Observations ahead of the line.

    Raises:
        BenchError: what was published with QoS 1 is not stored a minute after the last progress.
    """
    before = line.cpu()
    progress = _Progress(line)
    with Load(line.home, what) as load:
        board = load.board
        deadline = time.monotonic() + seconds
        while not board["done"] and time.monotonic() < deadline:
            done = min(progress.stored(), board["published"] * in_message - progress.detect_behind())
            board["allowed"] = int(done + bound) // in_message
            if not board["published"]:
                deadline = time.monotonic() + seconds
            load.check()
            time.sleep(LOOK_SECONDS)
        load.finish()
        published = board["published"] * in_message
        stored, stored_at = _wait_stored(progress, published, what.qos)
        frames = progress.frames()
        detected_at = stored_at
        while progress.applied() < frames:
            if time.monotonic() > stored_at + PATIENCE_SECONDS:
                raise BenchError(problem="the detectors do not come to the end of the log", mend="read their log")
            time.sleep(LOOK_SECONDS)
            detected_at = time.monotonic()
        after = line.cpu()
    start = board["started_at"] / 1e9
    used = {name: after[name] - before[name] for name in after} | {"load": board["cpu"] / 1e9}
    return Outcome(published, stored, stored_at - start, detected_at - start, used)


def _wait_stored(progress: _Progress, published: int, qos: int) -> tuple[int, float]:
    """Observations stored, and when (s, monotonic) the last of them was seen to be."""
    stored, at = progress.stored(), time.monotonic()
    while stored < published:
        time.sleep(LOOK_SECONDS)
        now = progress.stored()
        if now != stored:
            stored, at = now, time.monotonic()
        elif qos == 0 and time.monotonic() - at > LOST_SECONDS:
            break
        elif time.monotonic() - at > PATIENCE_SECONDS:
            problem = f"{stored:,} of {published:,} Observations were stored, and no more came for a minute"
            raise BenchError(problem=problem, mend="see the logs of the line")
    return stored, at

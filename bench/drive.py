"""Runs one load over a line and waits until all of it is stored and seen by every detector."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from aedilis.errors import BenchError
from bench.board import Board
from bench.installation import Cpu, Line
from bench.load import Job
from bench.packets import FORMS
from bench.progress import Progress
from deploy.process import Guarded

LOOK_SECONDS = 0.02
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

    @property
    def published(self) -> int:
        """Observations."""
        return self.board["published"] * FORMS[self.job.form].in_message

    def allow(self, observations: float) -> None:
        """So many may have been published by now."""
        self.board["allowed"] = int(observations) // FORMS[self.job.form].in_message

    def run(self, seconds: float, each: Callable[[], None]) -> None:
        """Let it publish for `seconds` from its first packet on, or what its job says, and call `each` meanwhile."""
        while not self.board["published"]:
            each()
            self._rest()
        deadline = time.monotonic() + seconds
        while not self.board["done"] and time.monotonic() < deadline:
            each()
            self._rest()

    def finish(self) -> None:
        """Tell it to stop, wait until all that it sent is acknowledged."""
        self.board["stop"] = 1
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.board["done"]:
            if time.monotonic() > deadline:
                raise BenchError(problem="the broker does not acknowledge what was sent", mend="run it again")
            self._rest()

    def _rest(self) -> None:
        if not self.board["done"] and self.process.poll() is not None:
            raise BenchError(problem=f"the load generator ended:\n{self.process.tail()}", mend="run it again")
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
    seconds: float  # until the detectors, too, had seen all
    cpu: Cpu  # used meanwhile

    def cpu_us(self) -> dict[str, float]:
        """Process → µs of processor time an Observation."""
        return {name: used / max(1, self.stored) * 1e6 for name, used in self.cpu.items()}


def drive(line: Line, what: Job, progress: Progress, *, seconds: float, bound: int) -> Outcome:
    """Publish for `seconds`, or what the job says, at most `bound` Observations ahead of the line.

    Raises:
        BenchError: what was published with QoS 1 is not stored a minute after the last progress.
    """
    before = line.cpu()
    with Load(line.home, what) as load:
        load.run(seconds, lambda: load.allow(min(progress.stored(), load.published - progress.behind()) + bound))
        load.finish()
        stored, stored_at = _wait_stored(progress, load.published, what.qos)
        seen_at = stored_at
        while not progress.caught_up():
            if time.monotonic() > stored_at + PATIENCE_SECONDS:
                raise BenchError(problem="the detectors do not come to the end of the log", mend="read their log")
            time.sleep(LOOK_SECONDS)
            seen_at = time.monotonic()
        after = line.cpu()
    start = load.board["started_at"] / 1e9
    used = {name: after[name] - before[name] for name in after} | {"load": load.board["cpu"] / 1e9}
    return Outcome(load.published, stored, stored_at - start, seen_at - start, used)


def _wait_stored(progress: Progress, published: int, qos: int) -> tuple[int, float]:
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

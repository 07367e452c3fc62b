"""How far a load has come: what is stored, and what still lies before somebody who must see it."""

from __future__ import annotations

import time
from typing import Protocol

from bench.installation import Line

METRICS_SECONDS = 0.5


class Progress(Protocol):
    """Counts from its making on."""

    def stored(self) -> int:
        """Observations whose transaction is visible to another connection."""

    def behind(self) -> float:
        """Observations that somebody else than the database has yet to see; an estimate."""

    def caught_up(self) -> bool:
        """Whether, with all stored, all others have seen all too."""


class LineProgress:
    """Of our line: stored by its own count, seen by the detectors by their metrics."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._detectors = [name for name in line.processes if name.startswith("worker-detect")]
        self._before = line.stored()
        self._frames: float | None = None
        self._behind = 0.0
        self._asked = 0.0

    def stored(self) -> int:
        """See `Progress`."""
        return self._line.stored() - self._before

    def behind(self) -> float:
        """Frames that no detector has applied, times the mean size of a frame; asked twice a second."""
        if time.monotonic() - self._asked > METRICS_SECONDS:
            self._asked = time.monotonic()
            frames = self._line.counter("ingest", "aedilis_frames_total")
            framed = self._line.counter("ingest", "aedilis_observations_framed_total")
            self._behind = max(0.0, frames - self._applied()) * framed / max(1.0, frames)
        return self._behind

    def caught_up(self) -> bool:
        """Whether they applied what was framed when this was first asked."""
        if self._frames is None:
            self._frames = self._line.counter("ingest", "aedilis_frames_total")
        return self._applied() >= self._frames

    def _applied(self) -> float:
        return sum(self._line.counter(name, "aedilis_records_applied_total") for name in self._detectors)

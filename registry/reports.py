"""What each process says it has in force: one record a process in the topic `type-reports`, renewed every few seconds."""

from __future__ import annotations

import time

import msgspec

from aedilis.settings import Settings
from aedilis.topics import TYPE_REPORTS
from registry.log import Latest

EVERY_SECONDS = 10.0
ALIVE_SECONDS = 30.0
"""A process whose report is older is not there any more, or cannot reach the broker."""
FORGET_SECONDS = 3600.0


class Report(msgspec.Struct, frozen=True):
    """What one process runs."""

    process: str
    role: str
    at: int  # µs UTC
    in_force: dict[str, int]
    refused: dict[str, str] = {}  # name@version → why

    def answer(self, name: str, version: int | None) -> str | None:
        """What it says to a version's being in force, or to its being withdrawn: `runs`, why not, or nothing yet."""
        if self.in_force.get(name) == version:
            return RUNS
        return self.refused.get(f"{name}@{version}")


RUNS = "runs"


class Reports(Latest):
    """The reports of all processes."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, TYPE_REPORTS)

    def living(self) -> list[Report]:
        """Those of processes that are there."""
        since = (time.time() - ALIVE_SECONDS) * 1e6
        return sorted((one for one in self._all() if one.at >= since), key=lambda one: (one.role, one.process))

    async def say(self, report: Report) -> None:
        """Write the report of this process. Raises: ServerError."""
        await self.put(report.process, msgspec.json.encode(report))

    async def forget_the_dead(self) -> None:
        """Remove the reports of processes that ended without a word. Raises: ServerError."""
        before = (time.time() - FORGET_SECONDS) * 1e6
        for one in self._all():
            if one.at < before:
                await self.put(one.process, None)

    def _all(self) -> list[Report]:
        return [msgspec.json.decode(value, type=Report) for value in self.values.values()]

"""Keeps a process at the sensor types in force, and reports what it has made of them.

     sensor-types ──▶ Known ──changed──▶ take(name, declaration), one after the other ──▶ type-reports

`take` does what this process has to do before a version counts, and raises `DeclarationError` where it cannot: what ran
before goes on running then, and the report says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable

import msgspec

from aedilis.errors import DeclarationError, ServerError
from aedilis.settings import Settings
from aedilis.topics import SENSOR_TYPES
from registry.log import Latest
from registry.reports import EVERY_SECONDS, Report, Reports
from registry.types import Applied, Known
from sensors.declaration import SensorType

log = logging.getLogger(__name__)

Take = Callable[[str, SensorType | None], Awaitable[None]]
"""(name, what is in force from now on; None: withdrawn)"""


class Follower:
    """One for each process that runs sensor types."""

    def __init__(self, settings: Settings, role: str, known: Known, take: Take) -> None:
        self.known = known
        self.process = f"{role}.{socket.gethostname()}.{os.getpid()}"
        self._role = role
        self._take = take
        self._log = Latest(settings, SENSOR_TYPES, self._learn)
        self._reports = Reports(settings)
        self._changed = asyncio.Event()
        self._running: dict[str, int] = {}
        self._refused: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read the log, take what is in force, and follow. Waits for a broker that is away."""
        await self._log.open()
        self._changed.clear()
        await self._take_all()
        self._task = asyncio.create_task(self._follow())

    async def tell_files(self) -> None:
        """Write what the files of this process say under versions that the log does not know, so that every process
        knows what is named in its frames. Raises: ServerError.
        """
        now = time.time_ns() // 1000
        records = [
            (f"{one.name}@{one.version}", Applied(one.text, now, one.applied_by)) for one in self.known.unlogged()
        ]
        await asyncio.gather(*(self._log.put(key, msgspec.json.encode(record)) for key, record in records))

    async def close(self) -> None:
        """Stop following; the report goes."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            with contextlib.suppress(ServerError):
                await self._reports.put(self.process, None)
        await self._log.close()
        await self._reports.close()

    def _learn(self, key: str, value: bytes | None) -> None:
        self.known.learn(key, value)
        self._changed.set()

    async def _follow(self) -> None:
        while True:
            try:
                await self._reports.say(
                    Report(self.process, self._role, time.time_ns() // 1000, dict(self._running), self._told())
                )
            except ServerError as error:  # the broker is away; the next turn tries again
                log.warning("%s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._changed.wait()
            self._changed.clear()
            try:
                await self._take_all()
            except Exception:  # a fault of ours: the types stay as they were
                log.exception("the sensor types in force could not be taken")

    def _told(self) -> dict[str, str]:
        return {**self.known.contradicted(), **self._refused}

    async def _take_all(self) -> None:
        wanted = self.known.in_force()
        self._refused = {
            key: why for key, why in self._refused.items() if wanted.get(key.partition("@")[0]) == _of(key)
        }
        for name in sorted({*wanted, *self._running}):
            version = wanted.get(name)
            if version == self._running.get(name) or f"{name}@{version}" in self._refused:
                continue
            if version is None:
                await self._take(name, None)
                del self._running[name]
                log.info("sensor type %s is withdrawn", name)
                continue
            try:
                await self._take(name, self.known.found(name, version).declared)
            except DeclarationError as error:
                self._refused[f"{name}@{version}"] = str(error)
                log.error("sensor type %s@%d is not taken: %s", name, version, error)
            else:
                self._running[name] = version
                log.info("sensor type %s@%d is in force", name, version)


def _of(key: str) -> int:
    return int(key.partition("@")[2])

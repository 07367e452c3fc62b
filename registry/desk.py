"""Where sensor types are changed: apply, restore, withdraw, and what the running processes say to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from types import TracebackType

import msgspec

from aedilis.errors import UnknownSensorType
from aedilis.settings import Settings
from aedilis.topics import SENSOR_TYPES
from registry.check import check_change, raised
from registry.log import Latest
from registry.reports import RUNS, Reports
from registry.types import Applied, Known, Standing, Version
from sensors.registry import load_texts, one_a_topic

ANSWER_SECONDS = 30.0
"""So long the processes are waited for."""

SILENT = "has not answered"


class Desk:
    """Knows all versions and writes what is decided."""

    def __init__(self, settings: Settings) -> None:
        self.known = Known(load_texts(settings.sensor_types))
        self.reports = Reports(settings)
        self._log = Latest(settings, SENSOR_TYPES, self.known.learn)
        self._one_by_one = asyncio.Lock()
        self.ready = False
        """Whether the log was read; before that only files are known."""

    async def __aenter__(self) -> Desk:
        await self.open(patient=False)
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self, *, patient: bool = True) -> None:
        """Read both topics, and follow them. Raises as `Latest.open` does."""
        try:
            await self._log.open(patient=patient)
            await self.reports.open(patient=patient)
            self.ready = True
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop following."""
        await self._log.close()
        await self.reports.close()

    async def apply(self, text: str, *, by: str, note: str = "", next_: bool = False) -> Version:
        """Put what a text declares in force; `next_` raises its version where that is needed.

        Raises:
            DeclarationError: with all reasons against it; nothing has changed.
            ServerError: the broker did not confirm it.
        """
        async with self._one_by_one:
            if next_:
                text = raised(text, self.known)
            declared = check_change(text, self.known)
            name, version = declared.name, declared.version
            known = self.known.version(name, version)
            if known is None or known.applied_at is None or known.text != text:
                record = Applied(text, time.time_ns() // 1000, by, note)
                await self._log.put(f"{name}@{version}", msgspec.json.encode(record))
            await self._stand(name, version, by=by, note=note)
        return self.known.found(name, version)

    async def restore(self, name: str, version: int, *, by: str, note: str = "") -> Version:
        """Put a version that is known in force again.

        Raises:
            UnknownSensorType: it is not known.
            DeclarationError: its topic is another type's by now, or this program can no longer read it.
        """
        async with self._one_by_one:
            found = self.known.found(name, version)
            others = {
                other: self.known.found(other, number).declared
                for other, number in self.known.in_force().items()
                if other != name
            }
            one_a_topic({**others, name: found.declared})
            if found.applied_at is None:
                record = Applied(found.text, time.time_ns() // 1000, found.applied_by)
                await self._log.put(f"{name}@{version}", msgspec.json.encode(record))
            await self._stand(name, version, by=by, note=note)
        return self.known.found(name, version)

    async def withdraw(self, name: str, *, by: str, note: str = "") -> None:
        """Take a type out of force; its versions stay known, and what came by it stays stored.

        Raises:
            UnknownSensorType: it is not in force.
        """
        async with self._one_by_one:
            in_force = self.known.in_force()
            if name not in in_force:
                raise UnknownSensorType(name=name, known=", ".join(in_force))
            await self._stand(name, None, by=by, note=note)

    async def _stand(self, name: str, version: int | None, *, by: str, note: str) -> None:
        if self.known.standing(name) is not None and self.known.in_force().get(name) == version:
            return
        record = Standing(version, max(self.known.versions(name)), time.time_ns() // 1000, by, note)
        await self._log.put(name, msgspec.json.encode(record))

    async def answers(
        self, name: str, version: int | None, seconds: float = ANSWER_SECONDS
    ) -> AsyncIterator[tuple[str, str]]:
        """(process, what it says to the version's being in force) as they come: `runs`, why not, or `has not answered`."""
        await self.reports.forget_the_dead()
        deadline = time.monotonic() + seconds
        told: set[str] = set()
        while True:
            silent = []
            for report in self.reports.living():
                answer = report.answer(name, version)
                if report.process in told:
                    continue
                if answer is None:
                    silent.append(report.process)
                else:
                    told.add(report.process)
                    yield report.process, answer
            if not silent:
                return
            if time.monotonic() > deadline:
                for process in silent:
                    yield process, SILENT
                return
            await asyncio.sleep(0.05)


def all_run(answers: dict[str, str]) -> bool:
    """Whether every process runs it."""
    return all(answer == RUNS for answer in answers.values())

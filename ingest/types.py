"""The sensor types that this process reads with. A new version is compiled beside the loop, and counts from a round on:
never within a message, and never within the frames of one round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aedilis.settings import Settings
from registry.follower import Follower
from registry.types import Known
from sensors.compile import CompiledType, compile_type
from sensors.declaration import SensorType
from sensors.registry import load_texts


class TypesInForce:
    """What is in force, as far as this process has it."""

    def __init__(self, settings: Settings) -> None:
        self._follower = Follower(settings, "ingest", Known(load_texts(settings.sensor_types)), self._take)
        self._kinds: dict[str, CompiledType] = {}
        self._waiting: list[asyncio.Future[None]] | None = None
        """Of those who wait for the next round; None until rounds begin."""

    @property
    def kinds(self) -> list[CompiledType]:
        """Compiled, by name."""
        return [self._kinds[name] for name in sorted(self._kinds)]

    @property
    def in_force(self) -> dict[str, int | None]:
        """Name → the version that this process reads with; None: it is withdrawn. Of what it refuses it says nothing."""
        known = self._follower.known
        withdrawn: dict[str, int | None] = dict.fromkeys(set(known.names()) - set(known.in_force()))
        return withdrawn | {name: kind.version for name, kind in self._kinds.items()}

    async def open(self) -> None:
        """Take what is in force, tell the others what our files say, and follow.

        Raises:
            ServerError: the broker did not confirm it.
        """
        await self._follower.open()
        await self._follower.tell_files()
        self._waiting = []

    async def close(self) -> None:
        """Stop following."""
        for waits in self._waiting or ():
            waits.cancel()
        await self._follower.close()

    def between_rounds(self, use: Callable[[Sequence[CompiledType]], None]) -> None:
        """Call `use` with all types if others are in force than before."""
        if self._waiting:
            use(self.kinds)
            for waits in self._waiting:
                waits.set_result(None)
            self._waiting.clear()

    async def _take(self, name: str, declared: SensorType | None) -> None:
        if declared is None:
            self._kinds.pop(name, None)
        else:
            self._kinds[name] = await asyncio.to_thread(compile_type, declared)
        if self._waiting is not None:
            used: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(used)
            await used

"""Brings the sensor types into the table that pages and other tools read: the store role's part of the registry."""

from __future__ import annotations

from datetime import UTC, datetime

from aedilis.errors import DeclarationError
from aedilis.settings import Settings
from registry.follower import Follower
from registry.types import Known, Version, topics_of
from sensors.declaration import SensorType
from sensors.registry import load_texts
from storage.database import Pool
from storage.types import TypeRow, write_types


class TypesTable:
    """Follows the log, and writes when it has said something."""

    def __init__(self, settings: Settings, pool: Pool) -> None:
        self._pool = pool
        self._known = Known(load_texts(settings.sensor_types))
        self._follower = Follower(settings, "store", self._known, self._take)
        self._written: list[TypeRow] = []
        self.open = self._follower.open
        self.close = self._follower.close

    async def write(self) -> None:
        """Write what has changed since the last time. Raises: Unavailable."""
        in_force = self._known.in_force()
        rows = [
            _row(version, in_force.get(name) == number)
            for name in self._known.names()
            for number, version in self._known.versions(name).items()
        ]
        if rows != self._written:
            await write_types(self._pool, rows)
            self._written = rows

    async def _take(self, name: str, declared: SensorType | None) -> None:
        """Frames bring what the tables need to know of a type."""


def _row(version: Version, in_force: bool) -> TypeRow:
    try:
        declared = version.declared
        title, topic = declared.title, topics_of(declared)
    except DeclarationError as error:
        title, topic = f"cannot be read: {error}", ""
    return TypeRow(
        name=version.name,
        version=version.version,
        title=title,
        topic=topic,
        text=version.text,
        in_force=in_force,
        applied_at=None if version.applied_at is None else datetime.fromtimestamp(version.applied_at / 1e6, UTC),
        applied_by=version.applied_by,
        note=version.note,
    )

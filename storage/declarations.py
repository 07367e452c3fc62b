"""What the tables know of Things, Datastreams and sensor types, and whose observations they refuse.

A declaration travels in the first frame that needs it. One whose identity belongs to other names, or that comes with
another unit (a new unit is a new Datastream), is refused, and with it all that the process sends under it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from aedilis.frame import Frame
from aedilis.vocabulary import Datastream, Thing
from storage.database import Connection, queries

Q = queries("declare")


class Declarations:
    """What one process has learned from its committed transactions."""

    def __init__(self) -> None:
        self.known: dict[int, Datastream] = {}
        self.ids: set[int] = set()
        self.sensors: dict[str, int] = {}
        self.refused: dict[str, dict[int, str]] = {}

    def learn(self, batch: Batch) -> None:
        """Take over what a batch found, after its transaction was committed."""
        self.known.update(batch.known)
        self.ids |= batch.ids
        self.sensors.update(batch.sensors)
        self.refused.update(batch.refused)


class Batch:
    """The declarations of the frames of one transaction."""

    def __init__(self, learned: Declarations, connection: Connection) -> None:
        self._learned = learned
        self._connection = connection
        self.known: dict[int, Datastream] = {}
        self.ids: set[int] = set()
        self.sensors: dict[str, int] = dict(learned.sensors)
        self.refused: dict[str, dict[int, str]] = {}  # process → Datastream → why
        self._things: dict[Thing, str | None] = {}

    async def take(self, frame: Frame) -> npt.NDArray[np.bool_] | None:
        """Store what a frame declares. Returns which of its observations are accepted, shape `(n,)`; None for all."""
        process = frame.header.process
        if process not in self.refused:
            learned = self._learned.refused.get(process)
            self.refused[process] = await self._refused_before(process) if learned is None else dict(learned)
        for datastream in frame.header.datastreams:
            if datastream not in (self.known.get(datastream.id), self._learned.known.get(datastream.id)):
                await self._declare(process, datastream)
        for name in frame.sensor_types:
            if name not in self.sensors:
                self.sensors[name] = await self._sensor(name)
        refused = self.refused[process]
        if not refused and self._learned.ids.issuperset(frame.datastream.tolist()):
            return None
        present = np.unique(frame.datastream).tolist()
        unknown = [i for i in present if i not in refused and i not in self._learned.ids and i not in self.ids]
        if unknown:
            cursor = await self._connection.execute(Q["known_datastreams"], {"ids": unknown})
            self.ids.update(row[0] for row in await cursor.fetchall())
            for lost in set(unknown) - self.ids:
                refused[lost] = "it was never declared: the log lost its declaration before it was read"
        those = [i for i in present if i in refused]
        return ~np.isin(frame.datastream, np.array(those, np.int64)) if those else None

    async def _refused_before(self, process: str) -> dict[int, str]:
        cursor = await self._connection.execute(Q["refused_before"], {"process": process})
        return {row[0]: row[1] for row in await cursor.fetchall()}

    async def _declare(self, process: str, datastream: Datastream) -> None:
        if datastream.thing not in self._things:
            self._things[datastream.thing] = await self._thing(datastream.thing)
        why = self._things[datastream.thing] or await self._datastream(datastream)
        if why is None:
            self.known[datastream.id] = datastream
            self.ids.add(datastream.id)
            if self.refused[process].pop(datastream.id, None) is not None:
                await self._connection.execute(Q["forgive"], {"process": process, "datastream": datastream.id})
            return
        self.refused[process][datastream.id] = why
        values = {"process": process, "datastream": datastream.id, "why": why}
        await self._connection.execute(Q["refuse"], values)

    async def _thing(self, thing: Thing) -> str | None:
        """Store it; why not, if its identity is another's."""
        location = thing.location
        await self._connection.execute(Q["upsert_agency"], {"agency": thing.agency})
        values: dict[str, Any] = {
            "id": thing.id,
            "agency": thing.agency,
            "name": thing.name,
            "zone": thing.zone,
            "partition": thing.partition,
            "clock": thing.clock,
            "longitude": location.longitude if location else None,
            "latitude": location.latitude if location else None,
        }
        stored = await (await self._connection.execute(Q["upsert_thing"], values)).fetchone()
        return None if stored else f"the identity of {thing.agency}/{thing.name} belongs to another Thing"

    async def _datastream(self, datastream: Datastream) -> str | None:
        """Store it; why not, if its identity is another's or its unit another one."""
        values = {
            "id": datastream.id,
            "thing": datastream.thing.id,
            "name": datastream.name,
            "observed_property": datastream.observed_property,
            "unit": datastream.unit,
            "sensor_type": datastream.sensor_type,
            "sensor_version": datastream.sensor_version,
            "interval": datastream.interval,
        }
        if await (await self._connection.execute(Q["upsert_datastream"], values)).fetchone():
            return None
        cursor = await self._connection.execute(Q["unit_of"], {"id": datastream.id, "name": datastream.name})
        row = await cursor.fetchone()
        if row is None:
            return f"the identity of {datastream.name} belongs to another Datastream"
        return (
            f"expected {datastream.name} in {row[0]}, got it in {datastream.unit}: a new unit is a new Datastream;"
            " give it another name in the sensor type"
        )

    async def _sensor(self, name: str) -> int:
        sensor_type, _, version = name.rpartition("@")
        cursor = await self._connection.execute(Q["sensor_id"], {"name": sensor_type, "version": int(version)})
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])

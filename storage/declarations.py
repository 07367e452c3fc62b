"""What the tables know of Things, Datastreams and sensor types, and whose observations they refuse.

A declaration travels in the first frame that needs it. One whose identity belongs to other names, or that comes with
another unit (a new unit is a new Datastream), is refused, and with it all that the process sends under it.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from aedilis.frame import Frame
from aedilis.vocabulary import Datastream, Thing
from storage.database import Connection, queries
from storage.observations import moment

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
        self._things: set[Thing] = set()

    async def take(self, frame: Frame) -> npt.NDArray[np.bool_] | None:
        """Store what a frame declares. Returns which of its observations are accepted, shape `(n,)`; None for all."""
        process = frame.header.process
        if process not in self.refused:
            learned = self._learned.refused.get(process)
            self.refused[process] = await self._refused_before(process) if learned is None else dict(learned)
        new = [one for one in frame.header.datastreams if not self._is_known(one)]
        while new:  # in one statement each identity may stand once
            new = await self._declare(process, new)
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

    def _is_known(self, datastream: Datastream) -> bool:
        return datastream in (self.known.get(datastream.id), self._learned.known.get(datastream.id))

    async def _declare(self, process: str, new: Sequence[Datastream]) -> list[Datastream]:
        """Store them together: one by one, the first minute of a large city would be spent waiting for answers.

        Returns those that share an identity with others and were left for the next time.
        """
        things: dict[int, Thing] = {}
        now: dict[int, Datastream] = {}
        left: list[Datastream] = []
        for one in new:
            if one.id in now or things.setdefault(one.thing.id, one.thing) != one.thing:
                left.append(one)
            else:
                now[one.id] = one
        fresh = [things[i] for i in sorted(things) if things[i] not in self._things]
        of_others = {thing.id for thing in fresh} - await self._store_things(fresh)
        self._things.update(thing for thing in fresh if thing.id not in of_others)
        stored = await self._store_datastreams([now[i] for i in sorted(now) if now[i].thing.id not in of_others])
        for one in now.values():
            if one.id in stored:
                await self._accept(process, one)
            else:
                await self._refuse(process, one, of_others)
        return left

    async def _accept(self, process: str, datastream: Datastream) -> None:
        self.known[datastream.id] = datastream
        self.ids.add(datastream.id)
        if self.refused[process].pop(datastream.id, None) is not None:
            await self._connection.execute(Q["forgive"], {"process": process, "datastream": datastream.id})

    async def _refuse(self, process: str, datastream: Datastream, of_others: Set[int]) -> None:
        thing = datastream.thing
        if thing.id in of_others:
            why = f"the identity of {thing.agency}/{thing.name} belongs to another Thing"
        else:
            why = await self._why_not(datastream)
        self.refused[process][datastream.id] = why
        values = {"process": process, "datastream": datastream.id, "why": why}
        await self._connection.execute(Q["refuse"], values)

    async def _store_things(self, things: Sequence[Thing]) -> set[int]:
        """Those that are stored; the identities of the others are of other names."""
        if not things:
            return set()
        places = [one.location for one in things]
        columns: dict[str, list[Any]] = {
            name: [getattr(one, name) for one in things]
            for name in ("id", "agency", "name", "zone", "partition", "clock", "title")
        }
        columns["longitude"] = [place.longitude if place else None for place in places]
        columns["latitude"] = [place.latitude if place else None for place in places]
        columns["since"] = [None if one.since is None else moment(one.since) for one in things]
        await self._connection.execute(Q["upsert_agencies"], {"agencies": sorted(set(columns["agency"]))})
        cursor = await self._connection.execute(Q["upsert_things"], columns)
        return {row[0] for row in await cursor.fetchall()}

    async def _store_datastreams(self, datastreams: Sequence[Datastream]) -> set[int]:
        """Those that are stored; the identities of the others are of other names, or their units are other ones."""
        if not datastreams:
            return set()
        names = ("id", "name", "observed_property", "unit", "sensor_type", "sensor_version", "interval")
        columns: dict[str, list[Any]] = {name: [getattr(one, name) for one in datastreams] for name in names}
        columns["thing"] = [one.thing.id for one in datastreams]
        cursor = await self._connection.execute(Q["upsert_datastreams"], columns)
        return {row[0] for row in await cursor.fetchall()}

    async def _why_not(self, datastream: Datastream) -> str:
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

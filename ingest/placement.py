"""Where a Thing lives: its zone and its partition, decided once and written to the compacted topic `things`.

Neighbours share a partition: the first Thing of a zone takes the least loaded partition, the others follow it. A
move changes zone and neighbours, never the partition, because the partition keeps the order of its Datastreams.
"""

from __future__ import annotations

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from aedilis.identity import datastream_id, thing_id
from aedilis.settings import Settings
from aedilis.topics import PARTITIONS, THINGS
from aedilis.vocabulary import Clock, Datastream, Location, Thing

ZONE_LIMIT = 2_000
"""Datastreams of one zone; beyond it, new Things go to `zone#2`, `zone#3`, …"""


class Placement:
    """All Things that were ever placed, and the Datastreams seen by this process."""

    def __init__(self, settings: Settings, partitions: int = PARTITIONS) -> None:
        self._data_clock = frozenset(settings.data_clock_agencies)
        self._things: dict[tuple[str, str], Thing] = {}
        self._zone_partition: dict[str, int] = {}
        self._zone_load: dict[str, int] = {}
        self._load = [0] * partitions
        self._datastreams: dict[tuple[str, str, str], Datastream] = {}

    def learn(self, thing: Thing) -> None:
        """Take over a placement that was written before."""
        self._things[thing.agency, thing.name] = thing
        self._zone_partition.setdefault(thing.zone, thing.partition)
        self._load[thing.partition] += 1

    def thing(self, agency: str, name: str, zone: str | None, location: Location | None) -> tuple[Thing, bool]:
        """The Thing, and whether it is new or has moved, so that it must be written before its next frame."""
        known = self._things.get((agency, name))
        if known is not None:
            if (zone is None or _base(known.zone) == f"{agency}/{zone}") and location in (None, known.location):
                return known, False
            moved = msgspec.structs.replace(
                known,
                zone=known.zone if zone is None or _base(known.zone) == f"{agency}/{zone}" else f"{agency}/{zone}",
                location=location or known.location,
            )
            self._things[agency, name] = moved
            return moved, True
        full = self._open_zone(f"{agency}/{zone or 'unplaced'}")
        partition = self._zone_partition.setdefault(full, self._load.index(min(self._load)))
        self._load[partition] += 1
        thing = Thing(
            id=thing_id(agency, name),
            agency=agency,
            name=name,
            zone=full,
            partition=partition,
            clock=Clock.DATA if agency in self._data_clock else Clock.WALL,
            location=location,
        )
        self._things[agency, name] = thing
        return thing, True

    def _open_zone(self, zone: str) -> str:
        number, name = 1, zone
        while self._zone_load.get(name, 0) >= ZONE_LIMIT:
            number += 1
            name = f"{zone}#{number}"
        return name

    def datastream(
        self, thing: Thing, name: str, observed_property: str, unit: str, sensor_type: str, version: int, interval: int
    ) -> Datastream:
        """The Datastream's declaration; the same object for as long as nothing in it changes."""
        key = (thing.agency, thing.name, name)
        known = self._datastreams.get(key)
        if (
            known is not None
            and known.thing is thing
            and known.sensor_version == version
            and known.sensor_type == sensor_type
            and known.unit == unit
        ):
            return known
        if known is None:
            self._load[thing.partition] += 1
            self._zone_load[thing.zone] = self._zone_load.get(thing.zone, 0) + 1
        made = Datastream(
            id=known.id if known is not None else datastream_id(*key),
            thing=thing,
            name=name,
            observed_property=observed_property,
            unit=unit,
            sensor_type=sensor_type,
            sensor_version=version,
            interval=interval,
        )
        self._datastreams[key] = made
        return made


def _base(zone: str) -> str:
    return zone.rpartition("#")[0] or zone


async def read_things(settings: Settings) -> list[Thing]:
    """Every Thing of the topic `things`, the latest record of each."""
    tp = TopicPartition(settings.topic(THINGS.name), 0)
    found: dict[bytes, Thing] = {}
    decoder = msgspec.json.Decoder(Thing)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        end = (await consumer.end_offsets([tp]))[tp]
        while await consumer.position(tp) < end:
            for records in (await consumer.getmany(tp, timeout_ms=1000)).values():
                found.update((record.key, decoder.decode(record.value)) for record in records if record.value)
    finally:
        await consumer.stop()
    return list(found.values())

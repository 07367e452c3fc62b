"""Where a Thing lives: its zone and its partition, decided once and written to the compacted topic `things`.

Neighbours share a partition: the first Thing of a zone takes the least loaded partition, the others follow it. A
move changes zone and neighbours, never the partition, because the partition keeps the order of its Datastreams.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from aedilis.identity import thing_id, to_topic_level
from aedilis.settings import Settings
from aedilis.topics import PARTITIONS, THINGS
from aedilis.vocabulary import Clock, Location, Thing
from sensors.device import Place

ZONE_LIMIT = 2_000
"""Datastreams of one zone; beyond it, new Things go to `zone#2`, `zone#3`, …"""


class Placed(msgspec.Struct):
    """A record of the topic `things`: the Thing, and what placing others needs to know of it."""

    thing: Thing
    datastreams: int = 0  # how many it was seen to have
    moved: bool = False  # it came from another zone: its partition says nothing of where its neighbours are


@dataclass(slots=True)
class Home:
    """A Thing that was placed, and what this process has seen of it."""

    placed: Placed
    place: Place | None = None  # what its last message said
    seen: int = 0  # Datastreams
    channels: array[int] = field(default_factory=lambda: array("i"))


class Placement:
    """All Things that were ever placed.

    A zone is written `agency/zone`, each part with `/` and `#` encoded, and `#2` … behind it where it was split.
    """

    def __init__(self, settings: Settings, partitions: int = PARTITIONS) -> None:
        self._data_clock = frozenset(settings.data_clock_agencies)
        self._homes: dict[tuple[str, str], Home] = {}
        self._zone_partition: dict[str, int] = {}
        self._zone_load: dict[str, int] = {}
        self._load = [0] * partitions
        self._changed: dict[tuple[str, str], Placed] = {}
        self._renewed: list[Home] = []

    def learn(self, placed: Placed) -> None:
        """Take over a placement that was written before."""
        thing = placed.thing
        self._homes[thing.agency, thing.name] = Home(placed)
        if not placed.moved:
            self._zone_partition.setdefault(thing.zone, thing.partition)
        self._load[thing.partition] += 1 + placed.datastreams
        self._add_load(thing.zone, placed.datastreams)

    def changed(self) -> list[Placed]:
        """What is new or has changed since the last call: to be written before the next frame."""
        changed, self._changed = list(self._changed.values()), {}
        return changed

    def renewed(self) -> list[Home]:
        """Those whose Thing has become another since the last call."""
        renewed, self._renewed = self._renewed, []
        return renewed

    def home(self, agency: str, name: str) -> Home:
        """That of a Thing that was placed."""
        return self._homes[agency, name]

    def settle(self, agency: str, name: str, place: Place) -> Home:
        """The Thing, placed when it is new, moved when it names another zone or Location."""
        zone, location, _ = place
        clock = Clock.DATA if agency in self._data_clock else Clock.WALL
        home = self._homes.get((agency, name))
        if home is None:
            home = self._place(agency, name, zone, location, clock)
        home.place = place
        known = home.placed
        thing = known.thing
        same_zone = zone is None or _base(thing.zone) == _zone(agency, zone)
        if same_zone and location in (None, thing.location) and clock is thing.clock:
            return home
        if not same_zone:
            self._add_load(thing.zone, -known.datastreams)
            known.moved = True
            thing = msgspec.structs.replace(thing, zone=self._open_zone(_zone(agency, zone)))
            self._add_load(thing.zone, known.datastreams)
        known.thing = msgspec.structs.replace(thing, location=location or thing.location, clock=clock)
        self._changed[agency, name] = known
        self._renewed.append(home)
        return home

    def _place(self, agency: str, name: str, zone: str | None, location: Location | None, clock: Clock) -> Home:
        full = self._open_zone(_zone(agency, zone))
        partition = self._zone_partition.setdefault(full, self._load.index(min(self._load)))
        self._load[partition] += 1
        placed = Placed(Thing(thing_id(agency, name), agency, name, full, partition, clock, location))
        home = self._homes[agency, name] = Home(placed)
        self._changed[agency, name] = placed
        return home

    def _open_zone(self, zone: str) -> str:
        number, name = 1, zone
        while self._zone_load.get(name, 0) >= ZONE_LIMIT:
            number += 1
            name = f"{zone}#{number}"
        return name

    def _add_load(self, zone: str, datastreams: int) -> None:
        self._zone_load[zone] = self._zone_load.get(zone, 0) + datastreams

    def count(self, home: Home) -> None:
        """One more of its Datastreams was seen; those of before a restart come again and count once."""
        placed, thing = home.placed, home.placed.thing
        home.seen += 1
        if home.seen > placed.datastreams:
            placed.datastreams += 1
            self._load[thing.partition] += 1
            self._add_load(thing.zone, 1)
            self._changed[thing.agency, thing.name] = placed


@lru_cache(maxsize=10_000)
def _zone(agency: str, zone: str | None) -> str:
    return f"{to_topic_level(agency)}/{to_topic_level(zone or 'unplaced')}"


def _base(zone: str) -> str:
    return zone.partition("#")[0]


async def read_placed(settings: Settings) -> list[Placed]:
    """Every Thing of the topic `things`, the latest record of each."""
    tp = TopicPartition(settings.topic(THINGS.name), 0)
    found: dict[bytes, Placed] = {}
    decoder = msgspec.json.Decoder(Placed)
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

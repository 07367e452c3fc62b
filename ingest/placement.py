"""Where a Thing lives: its zone and its partition, decided once and written to the compacted topic `things`.

Neighbours share a partition: the first Thing of a zone takes the least loaded partition, the others follow it. A
move changes zone and neighbours, never the partition, because the partition keeps the order of its Datastreams. What
the registry says of a Thing goes before what its messages say; what neither says stays as it was.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from aedilis.identity import thing_id, to_topic_level
from aedilis.settings import Settings
from aedilis.topics import PARTITIONS, THINGS
from aedilis.vocabulary import Clock, Location, Thing
from ingest.mqtt import Message
from registry.log import read_latest
from registry.things import Entry
from sensors.declaration import SensorType
from sensors.device import NOWHERE, Place

ZONE_LIMIT = 2_000
"""Datastreams of one zone; beyond it, new Things go to `zone#2`, `zone#3`, …"""

WANDER_METRES = 25
"""A satellite receiver that stands still says another place each time. What is no further off is no move."""


TurnedAway = Callable[[str, str, str, Message], None]
"""Told agency and Thing, sensor type and message of each that is not approved."""


class Placed(msgspec.Struct):
    """A record of the topic `things`: the Thing, and what placing others needs to know of it."""

    thing: Thing
    datastreams: int = 0  # how many it was seen to have
    moved: bool = False  # it came from another zone: its partition says nothing of where its neighbours are
    told: bool = False  # the registry said where it is, and not a message


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

    def __init__(self, settings: Settings, partitions: int = PARTITIONS, turned_away: TurnedAway | None = None) -> None:
        self._turned_away = turned_away
        self._data_clock = frozenset(settings.data_clock_agencies)
        self._homes: dict[tuple[str, str], Home] = {}
        self._zone_partition: dict[str, int] = {}
        self._zone_load: dict[str, int] = {}
        self._load = [0] * partitions
        self._changed: dict[tuple[str, str], Placed] = {}
        self._renewed: list[Home] = []
        self._entries: dict[tuple[str, str], Entry] = {}
        self.times_told = 0
        """How often the registry has spoken: who was let in before that must be asked for again."""

    def lets_in(self, agency: str, name: str, kind: SensorType, message: Message) -> bool:
        """Whether a Thing may speak: as the registry says, else as its type does."""
        entry = self._entries.get((agency, name))
        allowed = kind.thing.appear == "at-once"
        if entry is not None and entry.approved is not None:
            allowed = entry.approved
        if not allowed and self._turned_away is not None:
            self._turned_away(agency, name, kind.name, message)
        return allowed

    def tell(self, entry: Entry) -> None:
        """Take over what the registry says of a Thing, and move it when it is known."""
        key = entry.agency, entry.thing
        before, self._entries[key] = self._entries.get(key), entry
        self.times_told += 1
        home = self._homes.get(key)
        if home is not None:
            place = home.place or NOWHERE
            if place.title is None and entry.title is None and before is not None and before.title is not None:
                place = place._replace(title="")  # it was taken back, and nobody else says one
            self._update(home, entry, place, entry.at or None, asked=True)

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

    def settle(self, agency: str, name: str, place: Place, time: int | None = None) -> Home:
        """The Thing, placed when it is new, moved when it says that it is elsewhere.

        `time` (µs, event time) is that of what it says: an older message than the last move moves nothing.
        """
        entry = self._entries.get((agency, name))
        home = self._homes.get((agency, name))
        if home is None:
            home = self._place(agency, name, place, entry, time)
        home.place = place
        self._update(home, entry, place, time)
        return home

    def _update(self, home: Home, entry: Entry | None, place: Place, time: int | None, *, asked: bool = False) -> None:
        """Bring a Thing to where the registry or else its messages say that it is; `asked` by the registry."""
        known = home.placed
        thing = known.thing
        zone, location, title = _merged(entry, place)
        zone_told = entry is not None and entry.zone is not None
        place_told = entry is not None and entry.location is not None
        zone_moves = zone is not None and _base(thing.zone) != _zone(thing.agency, zone)
        place_moves = location not in (None, thing.location) and (place_told or not _near(thing.location, location))
        if not known.told and time is not None and thing.since is not None and time < thing.since:
            zone_moves, place_moves = zone_moves and zone_told, place_moves and place_told  # said before it came here
        clock = Clock.DATA if thing.agency in self._data_clock else Clock.WALL
        new = msgspec.structs.replace(thing, clock=clock, title=thing.title if title is None else title)
        if zone_moves:
            self._add_load(thing.zone, -known.datastreams)
            known.moved = True
            new = msgspec.structs.replace(new, zone=self._open_zone(_zone(thing.agency, zone)))
            self._add_load(new.zone, known.datastreams)
        if place_moves:
            new = msgspec.structs.replace(new, location=location)
        if zone_moves or place_moves:
            told = (zone_moves and zone_told) or (place_moves and place_told)
            new = msgspec.structs.replace(new, since=entry.at if entry is not None and told else time)
            known.told = told or asked
        if new != thing:
            known.thing = new
            self._changed[thing.agency, thing.name] = known
            self._renewed.append(home)

    def _place(self, agency: str, name: str, place: Place, entry: Entry | None, time: int | None) -> Home:
        zone, location, title = _merged(entry, place)
        told = entry is not None and (entry.zone, entry.location) != (None, None)
        full = self._open_zone(_zone(agency, zone))
        partition = self._zone_partition.setdefault(full, self._load.index(min(self._load)))
        self._load[partition] += 1
        clock = Clock.DATA if agency in self._data_clock else Clock.WALL
        thing = Thing(thing_id(agency, name), agency, name, full, partition, clock, location, title or "", time)
        home = self._homes[agency, name] = Home(Placed(thing, told=told))
        self._changed[agency, name] = home.placed
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


def _merged(entry: Entry | None, place: Place) -> Place:
    """What the registry says, else what the message does."""
    if entry is None:
        return place
    return Place(
        place.zone if entry.zone is None else entry.zone,
        entry.location or place.location,
        place.title if entry.title is None else entry.title,
    )


def _near(one: Location | None, other: Location | None) -> bool:
    """Whether two places are one to a receiver that wanders; degrees are taken as a plane, which so close they are."""
    if one is None or other is None:
        return False
    north = (one.latitude - other.latitude) * 111_320
    east = (one.longitude - other.longitude) * 111_320 * math.cos(math.radians(one.latitude))
    return north * north + east * east <= WANDER_METRES * WANDER_METRES


def _base(zone: str) -> str:
    return zone.partition("#")[0]


async def read_placed(settings: Settings) -> list[Placed]:
    """Every Thing of the topic `things`, the latest record of each."""
    decode = msgspec.json.Decoder(Placed).decode
    return [decode(value) for value in (await read_latest(settings.kafka, settings.topic(THINGS.name))).values()]

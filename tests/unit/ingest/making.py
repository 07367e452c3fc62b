"""Things, channels and observations for the tests of this folder, without bytes."""

from __future__ import annotations

from aedilis.frame import NO_TIME, NONE
from aedilis.settings import Settings
from aedilis.vocabulary import Location
from ingest.datastreams import Datastreams
from ingest.framer import Framer
from ingest.placement import Placement
from sensors.batch import Channel, Channels, marks
from sensors.compile import CompiledType
from sensors.device import Place
from tests.unit.sensors.declaring import compiled

AIR = compiled({"name": "x", "unit": "1"}, {"name": "y", "unit": "1", "fail": [0, 9]}, name="air", version=1)
SOIL = compiled({"name": "x", "unit": "kg"}, name="soil", version=2)


class Making:
    """A framer of three partitions, each zone in one of its own, and what it needs."""

    def __init__(self) -> None:
        self.channels = Channels([AIR, SOIL])
        self.placement = Placement(Settings(home=""), 3)
        self.datastreams = Datastreams(self.channels, self.placement)
        self.framer = Framer("ingest-1", self.channels, self.datastreams, 3)

    def channel(
        self, thing: str, zone: str = "a", kind: CompiledType = AIR, number: int = 0, name: str | None = None
    ) -> int:
        """The number of a new channel of a Thing of this zone."""
        self.settle(thing, zone)
        reader = kind.readers[number]
        return self.channels.add(Channel("demo", thing, name or reader.prop.name, reader, kind))

    def settle(self, thing: str, zone: str, location: Location | None = None) -> None:
        """The Thing says where it is."""
        self.placement.settle("demo", thing, Place(zone, location))

    def add(
        self, channel: int, time: int, number: float = 1.5, flag: str | None = None, told: int = NO_TIME, at: int = 99
    ) -> None:
        """Read one observation."""
        batch = self.framer.batch
        code = NONE if flag is None else batch.flags.setdefault(flag, len(batch.flags))
        batch.channel.append(channel)
        batch.number.append(number)
        batch.records.extend((1, time, told, marks(code), at))

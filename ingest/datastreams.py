"""The Datastreams that this process has seen, by the number of their channel, and which of them must be announced.

What a frame needs to know of each stands in columns, so that thousands of observations gather it at once.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from aedilis.identity import datastream_id
from aedilis.vocabulary import Datastream
from ingest.placement import Placement
from sensors.batch import Channels


class Table:
    """Columns of all Datastreams; each `(n,)`."""

    def __init__(self) -> None:
        self.id = np.empty(0, np.int64)
        self.partition = np.empty(0, np.uint8)
        self.type = np.empty(0, np.int32)
        """Indexes `types`."""
        self.announced = np.empty(0, np.bool_)

    def extend(self, rows: list[tuple[int, int, int]]) -> None:
        """Add (id, partition, type) of those that are new."""
        new = np.array(rows, np.int64).T
        self.id = np.concatenate([self.id, new[0]])
        self.partition = np.concatenate([self.partition, new[1].astype(np.uint8)])
        self.type = np.concatenate([self.type, new[2].astype(np.int32)])
        self.announced = np.concatenate([self.announced, np.zeros(len(rows), np.bool_)])


class Datastreams:
    """One for each channel. Two channels may be one Datastream: of one Thing, and read by two types."""

    def __init__(self, channels: Channels, placement: Placement) -> None:
        self._channels = channels
        self._placement = placement
        self._declared: list[Datastream] = []
        self._first: dict[int, int] = {}
        self._twins: dict[int, set[int]] = {}
        self._table = Table()
        self._type_codes: dict[str, int] = {}

    @property
    def types(self) -> tuple[str, ...]:
        """`name@version` by code."""
        return tuple(self._type_codes)

    def table(self) -> Table:
        """The columns, after what was seen and has moved by now."""
        known = len(self._declared)
        if known < len(self._channels.seen):
            self._table.extend([self._declare(number) for number in range(known, len(self._channels.seen))])
        for home in self._placement.renewed():
            for number in home.channels:
                self._declared[number] = msgspec.structs.replace(self._declared[number], thing=home.placed.thing)
                self._table.announced[number] = False
        return self._table

    def _declare(self, number: int) -> tuple[int, int, int]:
        channel = self._channels.seen[number]
        home = self._placement.home(channel.agency, channel.thing)
        thing, kind, prop = home.placed.thing, channel.kind, channel.reader.prop
        identity = datastream_id(channel.agency, channel.thing, channel.name)
        first = self._first.setdefault(identity, number)
        if first == number:
            self._placement.count(home)
        else:
            twins = self._twins.setdefault(first, {first})
            twins.add(number)
            self._twins[number] = twins
        home.channels.append(number)
        self._declared.append(
            Datastream(
                id=identity,
                thing=thing,
                name=channel.name,
                observed_property=prop.name,
                unit=prop.unit,
                sensor_type=kind.name,
                sensor_version=kind.version,
                interval=channel.reader.interval,
            )
        )
        code = self._type_codes.setdefault(f"{kind.name}@{kind.version}", len(self._type_codes))
        return identity, thing.partition, code

    def unannounced(self, channel: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
        """Where in a column of channels those stand for the first time that are not announced, in order."""
        at = np.flatnonzero(~self._table.announced[channel])
        if not len(at):
            return at
        _, first = np.unique(channel[at], return_index=True)
        return at[np.sort(first)]

    def announce(self, channel: npt.NDArray[np.int32]) -> tuple[Datastream, ...]:
        """Their declarations; of twins the last. From now on they are announced."""
        announced = self._table.announced
        declared: dict[int, Datastream] = {}
        for number in channel.tolist():
            for twin in self._twins.get(number, ()):
                announced[twin] = False
            announced[number] = True
            declared[self._declared[number].id] = self._declared[number]
        return tuple(declared.values())

    def announce_again(self, part: int, parts: int) -> None:
        """Declare one part of all once more, each in the frame of its next observation."""
        self._table.announced[part::parts] = False

"""A simulated city: merges the messages of its parts, and plays the incidents of its script in them.

Weather drives stations, masts, gauges and visitors; traffic, heating and prices follow hour, weekday, holiday and season.
Every result is a function of (seed, start, Datastream, time), so that the same seed gives the same bytes, live or fast,
in one run or in many. Results are made an hour at a time, always the same hour, and no more than two are held.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache, partial

import msgspec
import numpy as np

from aedilis.identity import to_topic_level
from simulation import layout
from simulation.chance import Chance, Floats
from simulation.incidents import Label
from simulation.markets import Markets
from simulation.masts import Masts
from simulation.part import Part
from simulation.rivers import Gauges
from simulation.script import Script
from simulation.stations import Stations

STEP_SECONDS = 300
"""Messages fall on multiples of it."""
HOUR = 3_600
DATASTREAMS = layout.USUAL
FEWEST, MOST = 1_000, 100_000
"""Datastreams that a city may have."""
PARTS: tuple[tuple[type[Part], int, float], ...] = (
    (Stations, 40, 0.0),
    (Masts, 4, 1.3),
    (Gauges, 4, 2.6),
    (Markets, 30, 3.9),
)
"""(what, how many in a city of the usual size, the turn of their spirals)."""

Message = tuple[datetime, str, bytes]
"""(time, topic, payload)"""


class City:
    """Makes messages; pure, it neither sleeps nor publishes. A calm one has no incidents and is else the same."""

    def __init__(
        self, seed: int, start: datetime, agency: str = "demo", datastreams: int = DATASTREAMS, *, calm: bool = False
    ) -> None:
        if not FEWEST <= datastreams <= MOST:
            raise ValueError(f"expected {FEWEST:,} to {MOST:,} Datastreams, got {datastreams:,}")
        chance = Chance(seed)
        zones = layout.cells(datastreams)
        self._chance = chance
        self.parts: tuple[Part, ...] = tuple(
            kind(chance, layout.group(kind.name, layout.number_of(usual, datastreams), zones, turn))
            for kind, usual, turn in PARTS
        )
        self._topics = [
            [f"city/{to_topic_level(agency)}/{name}/{part.topic}" for name in part.group.names] for part in self.parts
        ]
        self._script = None if calm else Script(chance, int(start.timestamp()), self.parts, datastreams)
        self._first = lru_cache(maxsize=10_000)(self._result)
        self.hour = lru_cache(maxsize=2)(self._hour)
        """Number since 1970 → what each part tells in this hour, shape (times, Things, series); NaN is not told."""

    def labels(self, until: datetime) -> list[Label]:
        """The truth about the incidents that begin before `until`, in the order of their beginning."""
        return self._script.labels(math.ceil(until.timestamp())) if self._script else []

    def between(self, begin: datetime, end: datetime) -> Iterator[Message]:
        """Every message due in [begin, end), in the order of time."""
        seconds = math.ceil(begin.timestamp() / STEP_SECONDS) * STEP_SECONDS
        while seconds < end.timestamp():
            hour = self.hour(seconds // HOUR)
            for part, topics, results in zip(self.parts, self._topics, hour, strict=True):
                if seconds % part.interval == 0:
                    yield from _messages(part, topics, seconds, results[seconds % HOUR // part.interval])
            seconds += STEP_SECONDS

    def _hour(self, number: int) -> list[Floats]:
        begin, end = number * HOUR, (number + 1) * HOUR
        times = [np.arange(begin, end, part.interval) for part in self.parts]
        results = [part.results(seconds) for part, seconds in zip(self.parts, times, strict=True)]
        for change in self._script.changes(begin, end) if self._script else ():
            seconds = times[change.part]
            first, last = np.searchsorted(seconds, (change.begins, change.ends))
            for column in range(len(self.parts[change.part].series)) if change.column is None else (change.column,):
                where = (slice(first, last), change.row, column)
                begun = partial(self._first, change.part, change.row, column, change.begins)
                results[change.part][where] = change.act(seconds[first:last], results[change.part][where], begun)
        return [part.told(one) for part, one in zip(self.parts, results, strict=True)]

    def _result(self, part: int, row: int, column: int, seconds: int) -> float:
        """One calm result, not yet rounded."""
        of = self.parts[part]
        seconds = -(-seconds // of.interval) * of.interval
        alone = type(of)(self._chance, of.group.only(row))
        return float(alone.results(np.array([seconds]))[0, 0, column])


def observations_in(payload: bytes) -> int:
    """How many Observations a message of the city holds."""
    content = msgspec.json.decode(payload)
    return len(content["records"]) if "records" in content else len(content) - 4  # time, zone and place


def _messages(part: Part, topics: list[str], seconds: int, results: Floats) -> Iterator[Message]:
    """Of one time; a Thing that has nothing to tell says nothing."""
    now = datetime.fromtimestamp(seconds, UTC)
    time = now.isoformat().replace("+00:00", "Z")
    for row, (topic, told) in enumerate(zip(topics, results.tolist(), strict=True)):
        if any(result == result for result in told):
            yield now, topic, msgspec.json.encode(part.payload(time, row, told))

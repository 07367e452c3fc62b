"""The load: a known content with an event time of its own, the same for every agency, published in the background.

A part of the simulated city (nine hours with a stuck sensor, a silent station, a surge of prices), and ten stations
that show an impossible and a possible temperature in turn, so that alerts open and resolve all the time.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from aedilis.settings import Settings
from simulation.city import City
from simulation.publisher import AGAIN_SECONDS, Publisher

SEED, START = 3, datetime(2026, 1, 5, tzinfo=UTC)
BEGIN, END = START + timedelta(hours=15), START + timedelta(hours=24)
NOW = datetime.now(UTC).replace(microsecond=0, second=0)
"""When the alarms begin: what is more than an hour old when it comes is not told any more."""
STATIONS, MARKETS = range(7, 17), range(1, 5)
"""Station 07 is stuck, Station 12 silent, in Market 03 a price surges."""
ALARMS, ALARM_STEPS = 10, 40
AGENCY = "calm"

Message = tuple[str, bytes]
"""Topic, payload."""
Perturbation = Callable[[list[Message]], list[Message]]


@cache
def _content() -> tuple[Message, ...]:
    """The messages of the agency `calm`."""
    things = {f"Station {i:02d}/street" for i in STATIONS} | {f"Market {i:02d}/market" for i in MARKETS}
    city = [
        (topic, payload)
        for _, topic, payload in City(SEED, START, AGENCY).between(BEGIN, END)
        if topic.split("/", 2)[2] in things
    ]
    made: list[Message] = []
    for step in range(ALARM_STEPS):
        made += city[step * len(city) // ALARM_STEPS : (step + 1) * len(city) // ALARM_STEPS]
        at = (NOW + timedelta(minutes=step)).isoformat()
        result = 9999 if step % 2 == 0 else 20
        payload = json.dumps({"time": at, "TEMP": result}).encode()
        made += [(f"city/{AGENCY}/Alarm {number}/street", payload) for number in range(ALARMS)]
    return tuple(made)


def observations_in(messages: Sequence[Message]) -> int:
    """How many observations they hold."""
    total = 0
    for topic, payload in messages:
        content = json.loads(payload)
        if topic.endswith("market"):
            total += len(content["records"])
        else:
            total += len(content.keys() - {"time", "zone", "longitude", "latitude"})
    return total


TOLD = ALARMS * ALARM_STEPS
"""Changes of alerts that are told of: an alarm opens or resolves with each message of its station."""


class Load:
    """The messages of one agency."""

    def __init__(self, agency: str) -> None:
        content = _content()
        self.agency = agency
        self.messages = [(topic.replace(f"/{AGENCY}/", f"/{agency}/"), payload) for topic, payload in content]
        self.observations = observations_in(content)
        self.done = threading.Event()
        self._stopping = threading.Event()
        self.problem: BaseException | None = None
        self._at = 0
        self._thread: threading.Thread | None = None

    def publish(self, settings: Settings, seconds: float, again_seconds: float = AGAIN_SECONDS) -> None:
        """Begin to publish, evenly over so many seconds."""

        def run() -> None:
            try:
                with Publisher(settings, self._stopping, again_seconds) as publisher:
                    begun = time.monotonic()
                    for i, message in enumerate(self.messages):
                        publisher.rest(begun + seconds * i / len(self.messages) - time.monotonic())
                        publisher.publish(*message)
                        self._at = i
            except BaseException as error:
                self.problem = error
            self.done.set()

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def until(self, part: float) -> None:
        """Wait until so much of it is published, 0 to 1."""
        while self._at < part * (len(self.messages) - 1) and not self.done.wait(0.02):
            pass

    def stop(self) -> None:
        """Give up what is not yet published."""
        self._stopping.set()

    def end(self, seconds: float = 120) -> None:
        """Wait until all of it is acknowledged."""
        assert self._thread is not None
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"the load of {self.agency} is not published"
        if self.problem is not None:
            raise self.problem


# ---------------------------------------------------------------- what networks and gateways do to messages


def repeats(messages: list[Message]) -> list[Message]:
    """Every fifth message comes again at once, and every seventh after fifty others."""
    out: list[Message] = []
    for i, message in enumerate(messages):
        out.append(message)
        if i % 5 == 0:
            out.append(message)
        if i >= 50 and i % 7 == 0:
            out.append(messages[i - 50])
    return out


def _by_moment(messages: list[Message]) -> list[list[Message]]:
    """Messages of one event time, in groups, in order."""
    groups: list[list[Message]] = []
    last = None
    for message in messages:
        content = json.loads(message[1])
        at = content["time"] if "time" in content else content["records"][0]["time"]
        if at != last:
            groups.append([])
        groups[-1].append(message)
        last = at
    return groups


def reorders_things(messages: list[Message]) -> list[Message]:
    """The Things' messages of one moment come in another order each time; each Thing's own stay in order."""
    chance = random.Random(SEED)
    out: list[Message] = []
    for group in _by_moment(messages):
        chance.shuffle(group)
        out += group
    return out


def delays(messages: list[Message]) -> list[Message]:
    """A third of the Things hang behind a slow gateway: theirs come last of each moment."""
    return [
        message
        for group in _by_moment(messages)
        for message in sorted(group, key=lambda message: sum(message[0].encode()) % 3 == 0)
    ]


def reorders_datastreams(messages: list[Message]) -> list[Message]:
    """Every seventh message of a Thing comes after the one that follows it."""
    out: list[Message] = []
    seen: dict[str, int] = {}
    held: dict[str, Message] = {}
    for message in messages:
        topic = message[0]
        seen[topic] = seen.get(topic, 0) + 1
        if seen[topic] % 7 == 0:
            held[topic] = message
            continue
        out.append(message)
        if topic in held:
            out.append(held.pop(topic))
    return out + list(held.values())

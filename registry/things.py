"""What was told of Things: title, zone, Location, approval. It goes before what their own messages say.

One record a Thing in the compacted topic `registry`. Beside it the topic `waiting`: who spoke and was not approved, written
by ingest, which keeps it small. Here are the records, how their fields are read from text, and one process's view of both.
Not here: files (`things_csv`), the command (`things_commands`), what a move does (`ingest.placement`).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from aedilis.identity import thing_id, to_topic_level
from aedilis.settings import Settings
from aedilis.topics import REGISTRY, WAITING
from aedilis.vocabulary import Location
from registry.log import Latest
from sensors.payload import Refused, read_name

LONGEST_TITLE = 200
WRITTEN_TOGETHER = 500
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")

Key = tuple[str, str]
"""Agency and name of a Thing."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was told of one Thing; None: nothing, its messages decide."""

    agency: str
    thing: str
    title: str | None = None
    zone: str | None = None
    longitude: float | None = None
    latitude: float | None = None
    approved: bool | None = None  # None: as its sensor type says; False: its messages are held, whatever the type says
    by: str = ""
    at: int = 0  # µs, wall clock

    @property
    def id(self) -> int:
        """The identity of the Thing."""
        return thing_id(self.agency, self.thing)

    @property
    def location(self) -> Location | None:
        """Where it is."""
        if self.longitude is None or self.latitude is None:
            return None
        return Location(self.longitude, self.latitude)

    def tells(self) -> dict[str, Any]:
        """What is told, without who and when."""
        return {name: getattr(self, name) for name in FIELDS}


class Stranger(msgspec.Struct, frozen=True):
    """Somebody who spoke and waits for approval."""

    agency: str
    thing: str
    sensor_type: str
    topic: str
    first_at: int  # µs, when its messages came in
    last_at: int
    messages: int

    @property
    def id(self) -> int:
        """The identity of the Thing."""
        return thing_id(self.agency, self.thing)


class Fault(NamedTuple):
    """Why a text is no value of a field."""

    column: str
    expected: str
    got: str
    mend: str


def key_of(agency: str, thing: str) -> str:
    """Key of a record: both names, percent-encoded."""
    return f"{to_topic_level(agency)}/{to_topic_level(thing)}"


# ---------------------------------------------------------------- fields as text


def _title(text: str) -> str:
    if len(text) > LONGEST_TITLE or not text.isprintable():
        raise ValueError(f"at most {LONGEST_TITLE} printable characters")
    return text


def _zone(text: str) -> str:
    try:
        return read_name(text, "zone", encoded=False)
    except Refused as refused:
        raise ValueError(refused.detail) from refused


def _degrees(most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not -most <= value <= most:
            raise ValueError(f"degrees from -{most:g} to {most:g}, such as {most / 4:g}")
        return value

    return read


def _approved(text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise ValueError("yes or no")
    return text.lower() in _YES


FIELDS: Mapping[str, Callable[[str], Any]] = {
    "title": _title,
    "zone": _zone,
    "longitude": _degrees(180),
    "latitude": _degrees(90),
    "approved": _approved,
}
"""What can be told of a Thing, and how its text is read."""


def read_fields(given: Mapping[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    """Values of the fields that are given, an empty text being None; and all that is wrong with them."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, text in given.items():
        text = text.strip()
        if name not in FIELDS:
            faults.append(Fault(name, f"one of {', '.join(FIELDS)}", name[:50], "leave it out or write it right"))
            continue
        try:
            values[name] = FIELDS[name](text) if text else None
        except ValueError as error:
            faults.append(Fault(name, str(error), text[:50], "write it so, or leave it empty"))
    for name, other in (("longitude", "latitude"), ("latitude", "longitude")):
        if values.get(name) is not None and given.get(other, "").strip() == "":
            faults.append(Fault(other, f"{other} with {name}", "nothing", "give both or neither"))
    return values, faults


# ---------------------------------------------------------------- what one process knows


class Things:
    """Follows the registry while it is open. `changed` is told each entry that is new or other, also at the start."""

    def __init__(self, settings: Settings, changed: Callable[[Entry], None] | None = None) -> None:
        self._changed = changed
        self._entries: dict[Key, Entry] = {}
        self._strangers: dict[Key, Stranger] = {}
        self._keys: dict[str, Key] = {}
        self.names: dict[int, Key] = {}
        """Identity → names, of all that were told of or wait."""
        self._log = Latest(settings, REGISTRY, self._told)
        self._waiting = Latest(settings, WAITING, self._waits)

    async def __aenter__(self) -> Things:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self, *, patient: bool = True) -> None:
        """Read both topics to their ends, then follow them.

        Raises:
            ServerError: the broker is away, and it is not `patient`.
            TopicError: a topic is not there.
        """
        try:
            await self._log.open(patient=patient)
            await self._waiting.open(patient=patient)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop following."""
        await self._log.close()
        await self._waiting.close()

    def get(self, agency: str, thing: str) -> Entry:
        """What was told of a Thing; of one of whom nothing was, an empty entry."""
        return self._entries.get((agency, thing)) or Entry(agency, thing)

    def entries(self) -> list[Entry]:
        """All of them, by agency and name."""
        return [self._entries[key] for key in sorted(self._entries)]

    def strangers(self, *, all_of_them: bool = False) -> list[Stranger]:
        """Those who wait, the latest first; or `all_of_them`, also who was approved and has not been struck off yet."""
        waits = [one for key, one in self._strangers.items() if all_of_them or not self.get(*key).approved]
        return sorted(waits, key=lambda one: (-one.last_at, one.agency, one.thing))

    def stranger(self, agency: str, thing: str) -> Stranger | None:
        """One who waits."""
        return self._strangers.get((agency, thing))

    async def tell(self, told: Iterable[tuple[Key, Mapping[str, Any]]], by: str) -> list[Entry]:
        """Change fields of Things; what is told already is not told again. Returns the entries that changed.

        Raises:
            ServerError: Kafka did not confirm all of them; the same may be told again.
        """
        now = time.time_ns() // 1000
        changed: dict[Key, Entry] = {}
        for key, fields in told:
            known = changed.get(key) or self.get(*key)
            entry = msgspec.structs.replace(known, **fields)
            if entry != known:
                changed[key] = msgspec.structs.replace(entry, by=by, at=now)
        entries = list(changed.values())
        for start in range(0, len(entries), WRITTEN_TOGETHER):
            piece = entries[start : start + WRITTEN_TOGETHER]
            await asyncio.gather(*(self._log.put(key_of(e.agency, e.thing), msgspec.json.encode(e)) for e in piece))
        return entries

    def _told(self, key: str, value: bytes | None) -> None:
        if value is not None:
            entry = msgspec.json.decode(value, type=Entry)
            self._keys[key] = self.names[entry.id] = entry.agency, entry.thing
            self._entries[entry.agency, entry.thing] = entry
        elif key in self._keys:
            names = self._keys[key]
            self._entries.pop(names, None)
            entry = Entry(*names)
        else:
            return
        if self._changed is not None:
            self._changed(entry)

    def _waits(self, key: str, value: bytes | None) -> None:
        if value is not None:
            stranger = msgspec.json.decode(value, type=Stranger)
            self._keys[key] = self.names[stranger.id] = stranger.agency, stranger.thing
            self._strangers[stranger.agency, stranger.thing] = stranger
        elif key in self._keys:
            names = self._keys[key]
            self._strangers.pop(names, None)
            if names not in self._entries:
                del self._keys[key], self.names[thing_id(*names)]

"""What a payload format is: it turns the bytes of a message into records, and nothing else.

A format is one file of `sensors/formats`, found by scanning the folder; its `FORMAT` is all that others see of it. Paths,
times, units, ranges and names are the sensor type's affair and are read from the records.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from sensors.declaration import Time

Record = dict[str, Any]
"""Values by key, as JSON has them: number, text, boolean, None, objects and lists. One record is one instant of one Thing.

Keys that begin with `@` are what the format itself says of the record, and are never unknown fields: `@time` (written as
the format's `time` declares), `@thing` (name of the Thing, where the message tells it), `@id` (of the message),
`@flag:KEY` and `@unit:KEY` (the device's flag and the unit of that value; of a value within objects KEY is its keys joined
with `/`), `@longitude`, `@latitude`, `@fault` (text: what of the message cannot be read; it is a reject `wrong_shape`, or
of the reason with which it begins, as in `bad_checksum: …`; the other values of the record count, and a record may hold
nothing else).
"""


class Raw(NamedTuple):
    """A message as it came."""

    payload: bytes
    topic: str  # whole, without the installation's prefix
    fields: Mapping[str, str]  # the placeholders of the type's topic, percent-decoded
    received_at: int  # µs UTC
    retained: bool = False


class Session(Protocol):
    """What one format remembers over messages, in one ingest process."""

    memory: dict[Any, Any]

    def keep(self, key: str) -> None:
        """The message is an announcement: the log keeps the latest of each key, and after a restart it is decoded again
        before anything else.
        """

    def ask(self, topic: str, payload: bytes) -> None:
        """Publish a request to the device."""


class Memory:
    """A session that notes what it is asked for."""

    def __init__(self) -> None:
        self.memory: dict[Any, Any] = {}
        self.kept: list[str] = []
        """Keys under which the message is to be kept."""
        self.asked: list[tuple[str, bytes]] = []
        """(topic, payload) of what is to be published."""

    def keep(self, key: str) -> None:
        """Note it."""
        self.kept.append(key)

    def ask(self, topic: str, payload: bytes) -> None:
        """Note it."""
        self.asked.append((topic, payload))


Decode = Callable[[Raw, Session], Sequence[Record]]
"""The records of a message; none where it tells nothing to store, such as an announcement. Raises `Refused`."""


class NoOptions(BaseModel):
    """The format can be told nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FormatExample(NamedTuple):
    """A true message and its records: documentation and test in one."""

    template: str  # of the type's topic
    topic: str
    payload: bytes
    records: Sequence[Record]
    options: Mapping[str, Any] = {}
    before: Sequence[tuple[str, bytes]] = ()  # (topic, payload) of announcements that came first


def may_pose(payload: bytes) -> bool:
    """Whether JSON can hold a key by which a device would speak in its format's name, such as that of another Thing."""
    return (b"@" in payload and b'"@' in payload) or (b"\\" in payload and b"\\u0040" in payload)


def unmask(record: Record) -> None:
    """Take such keys out of a record, and tell them as a fault."""
    if foreign := [key for key in record if key[:1] == "@"]:
        for key in foreign:
            del record[key]
        record["@fault"] = f"a key that begins with @ is no device's: {', '.join(foreign)[:200]}"


@runtime_checkable
class Suggests(Protocol):
    """A format that must be told what the bytes do not say, and can guess it."""

    def suggest(self, topic: str, payloads: Sequence[bytes]) -> Sequence[Mapping[str, Any]]:
        """Options with which the payloads may be read, the likeliest first."""


class Format(Protocol):
    """A payload format."""

    name: str  # as a type names it: kebab-case
    title: str
    Options: type[BaseModel]  # what `[payload] options` may say
    time: Time | None  # how its records tell the time where the type does not say; None: the type must
    numeric_text: bool  # whether its numbers come as text
    example: FormatExample

    def decoder(self, options: Any) -> Decode:
        """What decodes the messages of one type; `options` is an instance of `Options`."""


@lru_cache(maxsize=1)
def all_formats() -> dict[str, Format]:
    """Name → format, of every file of `sensors/formats`."""
    import sensors.formats

    found: dict[str, Format] = {}
    for module in pkgutil.iter_modules(sensors.formats.__path__):
        format_: Format = importlib.import_module(f"sensors.formats.{module.name}").FORMAT
        found[format_.name] = format_
    return found

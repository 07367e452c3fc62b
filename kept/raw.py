"""Every message as it came: topic `raw`. Written by ingest, a few records a round; read when a sensor type is tried.

A record is msgpack of four columns: topics (bytes, without the installation's prefix), payloads, when each came in (µs
UTC), and whether the broker had kept it. Columns, because ingest makes them of thousands of messages in a fifth of a
microsecond each, Kafka's compression included, and they become half as large as rows do. A payload that is longer than
any that is taken is cut one byte behind that length, so that it is too long here, too.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from aedilis.settings import Settings
from aedilis.topics import RAW
from kept.log import span

RECORD_BYTES = 524_288
"""Of payloads in one record, unless a single one is longer."""
_Columns = tuple[list[bytes], list[bytes], list[int], list[bool]]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Columns).decode


class Came(Protocol):
    """What came in over MQTT, as `ingest.mqtt.Message`."""

    @property
    def topic(self) -> bytes: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def received_at(self) -> int: ...
    @property
    def retained(self) -> bool: ...


class RawMessage(NamedTuple):
    """A message as it came."""

    topic: str  # without the installation's prefix
    payload: bytes
    received_at: int  # µs UTC
    retained: bool


def pack(messages: Sequence[Came], prefix: int, most: int) -> Iterator[bytes]:
    """Records of messages whose topics begin with a prefix of so many bytes; `most` is the longest payload taken."""
    payloads = [message.payload for message in messages]
    lengths = list(map(len, payloads))
    if max(lengths) > most:
        payloads = [payload[: most + 1] for payload in payloads]
        lengths = list(map(len, payloads))
    if len(messages) > 1 and sum(lengths) > RECORD_BYTES:
        half = len(messages) // 2
        yield from pack(messages[:half], prefix, most)
        yield from pack(messages[half:], prefix, most)
        return
    topics = [message.topic[prefix:] for message in messages]
    times = [message.received_at for message in messages]
    yield _encode((topics, payloads, times, [message.retained for message in messages]))


def unpack(value: bytes) -> Iterator[RawMessage]:
    """The messages of a record.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    for topic, payload, received_at, retained in zip(*_decode(value), strict=True):
        yield RawMessage(topic.decode(errors="replace"), payload, received_at, retained)


async def read_raw(
    settings: Settings, since: int | None = None, until: int | None = None, topic: str = "#"
) -> AsyncIterator[RawMessage]:
    """What came in from `since` until before `until` (µs UTC) under topics of an MQTT filter.

    Those of one ingest process, so those of one Thing, come in their order.

    Raises:
        ServerError: Kafka cannot be reached.
    """
    fits = topic_filter(topic)
    async for record in span(settings, RAW, since, until):
        for message in unpack(record.value):
            early = since is not None and message.received_at < since
            late = until is not None and message.received_at >= until
            if not early and not late and fits.fullmatch(message.topic):
                yield message


def topic_filter(text: str) -> re.Pattern[str]:
    """An MQTT filter: `+` is a level, `#` at the end all that follows, and what stands before it, too."""
    head, rest = (text[:-2], r"(/.*)?") if text.endswith("/#") else (text, "")
    if head == "#":
        return re.compile(r".*", re.DOTALL)
    levels = [r"[^/]*" if level == "+" else re.escape(level) for level in head.split("/")]
    return re.compile("/".join(levels) + rest, re.DOTALL)

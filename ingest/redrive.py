"""Reads rejects that come again: as if they came now, but with the time at which they came first.

They were counted when they were refused, so they count no second time: neither as messages nor among the rejects. What
is read of them goes into the frames as all else does; what became of each goes to the topic `redriven`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

import msgspec

from aedilis.settings import Settings
from aedilis.topics import PARTITIONS
from aedilis.vocabulary import Envelope, Redriven
from ingest.framer import Framer
from ingest.mqtt import Message
from ingest.reader import Reader

log = logging.getLogger(__name__)


class Redriver:
    """One for each ingest process. Every process gets every envelope; the one that holds the topic inside reads it."""

    def __init__(self, settings: Settings, process: str, reader: Reader, framer: Framer) -> None:
        self._prefix = settings.mqtt_prefix
        self._process = process
        self._reader = reader
        self._framer = framer
        self._decode = msgspec.msgpack.Decoder(Envelope).decode

    def read(self, message: Message) -> Sequence[Redriven]:
        """What became of the message inside; nothing if another process reads it."""
        try:
            envelope = self._decode(message.payload)
        except msgspec.MsgspecError as error:
            log.warning("what came to %s is no envelope: %s", message.topic.decode(errors="replace"), error)
            return ()
        if not 0 <= envelope.partition < PARTITIONS:
            log.warning("an envelope names partition %s of the rejects", envelope.partition)
            return ()
        inner = message._replace(
            topic=f"{self._prefix}{envelope.topic}".encode(),
            payload=envelope.payload,
            received_at=max(0, min(envelope.received_at, message.received_at)),
            retained=envelope.retained,
        )
        before = self._framer.pending()
        refused = self._reader.read(inner)
        if refused is None:
            return ()
        reject = refused[0] if refused else None
        return [
            Redriven(
                run=envelope.run,
                partition=envelope.partition,
                offset=envelope.offset,
                process=self._process,
                observations=self._framer.pending() - before,
                finished_at=time.time_ns() // 1000,
                problems=reject.problems if reject else (),
                whole=bool(reject and reject.whole),
                sensor_type=reject.sensor_type if reject else None,
            )
        ]

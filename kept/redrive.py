"""Sends rejects through the line once more: from the log through MQTT to the ingest process that holds their topic.

     standing (tables) ──▶ log of rejects ──▶ MQTT ──▶ ingest ──▶ frames
                                                          └─────▶ topic redriven ──▶ tables ──▶ the sums of the run

The tables know which records stand. A record that is read well stands no longer, so a run that was killed is simply run
again: what was on its way meanwhile comes twice and gives duplicates, which are counted as such; its outcome counts once.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import paho.mqtt.client as paho
from aiokafka import ConsumerRecord
from paho.mqtt.enums import CallbackAPIVersion

from aedilis.errors import RedriveError
from aedilis.settings import Settings
from aedilis.topics import REDRIVE, REJECTS
from aedilis.vocabulary import Envelope, Reject
from kept.log import Picker
from kept.raw import topic_filter
from storage.queries import Reader

IN_FLIGHT = 200
"""Envelopes that the broker has not yet acknowledged."""
UNANSWERED = 20_000
"""While so many have no outcome the run waits: the broker holds what ingest has not taken in its memory."""
_decode = msgspec.json.Decoder(Reject).decode
_encode = msgspec.msgpack.Encoder().encode


class Selection(msgspec.Struct, frozen=True):
    """Which rejects; what is None does not matter."""

    group: int | None = None
    reason: str | None = None  # of the group, which is that of a message's first problem
    sensor_type: str | None = None
    topic: str | None = None  # an MQTT filter, without the installation's prefix
    since: int | None = None  # µs UTC


class Result(msgspec.Struct, frozen=True):
    """The sums of a run, in messages: `sent = read + in_part + refused + unanswered`."""

    run: str
    selected: int  # = sent + cut + gone
    sent: int
    cut: int  # too long to be held whole: there is nothing to send
    gone: int  # the log no longer has them
    read: int  # all of it was read
    in_part: int  # something of it was refused again
    refused: int  # refused whole again
    unanswered: int  # no ingest process holds the topic, or none has said so yet
    observations: int  # framed; those that were stored before become duplicates
    reasons: dict[str, int]  # of what was refused again, by the first problem of each message
    dry: bool = False


async def redrive(
    settings: Settings,
    reader: Reader,
    selection: Selection,
    *,
    dry: bool = False,
    patience: float = 30.0,
    told: Callable[[str], None] | None = None,
) -> Result:
    """Send what stands of a selection and wait for what becomes of it, until nothing has come for `patience` seconds.

    Raises:
        RedriveError: the MQTT broker cannot be reached or does not take what is sent.
        ServerError: Kafka cannot be reached.
        Unavailable: the database cannot be reached.
    """
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
    numbers: dict[str, Any] = dict.fromkeys(("selected", "sent", "cut", "gone"), 0)
    answers = _Answers(reader, run, patience)
    if dry:
        async for _ in _envelopes(settings, reader, selection, run, numbers):
            numbers["sent"] += 1
        return Result(run, **numbers, **answers.outcome, unanswered=0, reasons={}, dry=True)
    async with _Sender(settings, run) as sender:
        async for envelope in _envelopes(settings, reader, selection, run, numbers):
            await sender.send(_encode(envelope))
            numbers["sent"] += 1
            if numbers["sent"] % 1000 == 0 and not answers.silent:
                await answers.until(numbers["sent"] - UNANSWERED)
        await sender.finish()
    if told is not None:
        told(f"sent {numbers['sent']:,} in run {run}")
    await answers.until(numbers["sent"])
    unanswered, reasons = numbers["sent"] - answers.came, await reader.refused_again(run)
    return Result(run, **numbers, **answers.outcome, unanswered=unanswered, reasons=reasons)


async def _envelopes(
    settings: Settings, reader: Reader, selection: Selection, run: str, numbers: dict[str, int]
) -> AsyncIterator[Envelope]:
    """What stands and is wanted, in the order of the log; what cannot be sent is counted."""
    fits = topic_filter(selection.topic) if selection.topic else None
    since = selection.since or 0
    after = (-1, 0, 0)
    async with Picker(settings, REJECTS) as log:
        while True:
            rows = await reader.standing_rejects(selection.group, selection.reason, selection.sensor_type, after)
            if not rows:
                return
            after = rows[-1]["partition"], rows[-1]["batch"], rows[-1]["reject_group"]
            offsets: dict[int, list[int]] = {}
            for row in rows:
                offsets.setdefault(row["partition"], []).extend(row["offsets"])
            for partition, wanted in offsets.items():
                found = 0
                async for record in log.pick(partition, wanted):
                    found += 1
                    reject = _decode(record.value)
                    if reject.received_at < since or (fits and not fits.fullmatch(reject.topic)):
                        continue
                    numbers["selected"] += 1
                    if len(reject.payload) < reject.payload_size:
                        numbers["cut"] += 1
                        continue
                    yield _envelope(record, reject, run)
                numbers["gone"] += len(wanted) - found
                numbers["selected"] += len(wanted) - found


def _envelope(record: ConsumerRecord, reject: Reject, run: str) -> Envelope:
    return Envelope(
        reject.topic, reject.payload, reject.received_at, record.partition, record.offset, run, reject.retained
    )


class _Answers:
    """What became of a run so far."""

    def __init__(self, reader: Reader, run: str, patience: float) -> None:
        self._reader, self._run, self._patience = reader, run, patience
        self.silent = False
        self.outcome: dict[str, Any] = dict.fromkeys(("read", "in_part", "refused", "observations"), 0)
        self.came = 0

    async def until(self, wanted: int) -> None:
        """Wait until so many have come, or none has for long: then nobody is there who would say more."""
        deadline = time.monotonic() + self._patience
        while self.came < wanted:
            self.outcome = await self._reader.redrive_outcome(self._run)
            came = self.outcome["read"] + self.outcome["in_part"] + self.outcome["refused"]
            if came > self.came:
                self.came, deadline = came, time.monotonic() + self._patience
            elif time.monotonic() > deadline:
                self.silent = True
                return
            else:
                await asyncio.sleep(0.2)


class _Sender:
    """Publishes with QoS 1, so many at once; the client sends again what a broken connection left open."""

    def __init__(self, settings: Settings, run: str) -> None:
        self._topic = f"{settings.mqtt_prefix}{REDRIVE}{run}"
        self._where = settings.mqtt
        self._client = paho.Client(
            callback_api_version=CallbackAPIVersion.VERSION2, client_id=f"redrive-{run}", protocol=paho.MQTTv311
        )
        if settings.mqtt_user:
            self._client.username_pw_set(settings.mqtt_user, settings.mqtt_password)
        self._open: deque[paho.MQTTMessageInfo] = deque()

    async def __aenter__(self) -> _Sender:
        host, _, port = self._where.rpartition(":")
        try:
            await asyncio.to_thread(self._client.connect, host, int(port))
        except OSError as error:
            raise self._failed(str(error)) from error
        self._client.loop_start()
        return self

    async def __aexit__(self, *problem: object) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def send(self, payload: bytes) -> None:
        """Publish one; waits while too many are not acknowledged."""
        self._open.append(self._client.publish(self._topic, payload, qos=1))
        while len(self._open) > IN_FLIGHT:
            await self._acknowledged()

    async def finish(self) -> None:
        """Wait until all are acknowledged."""
        while self._open:
            await self._acknowledged()

    async def _acknowledged(self) -> None:
        info = self._open.popleft()
        if info.is_published():
            return
        await asyncio.to_thread(info.wait_for_publish, 30)
        if not info.is_published():
            raise self._failed("it did not acknowledge within 30 s")

    def _failed(self, why: str) -> RedriveError:
        return RedriveError(
            problem=f"MQTT broker {self._where}: {why}", mend="see `aedilis servers status`; run it again"
        )

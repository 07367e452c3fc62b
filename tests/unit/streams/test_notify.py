"""Each change of an alert is told once, whatever is said twice in the log."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from aedilis.settings import Settings
from aedilis.vocabulary import Alert, AlertStatus, Revision, Scope, Severity
from alerts.notifier import Outcome
from streams.notify import NotifyJob
from streams.partition import Poison, Record


class Channel:
    """Remembers what it was asked to send."""

    name, target = "channel", "somewhere"

    def __init__(self) -> None:
        self.sent: list[tuple[int, str]] = []

    async def send(self, alert: Alert, idempotency_key: str) -> Outcome:
        self.sent.append((alert.id, idempotency_key))
        return Outcome()


class Log:
    """Stands for the producer: remembers what was written and confirms at once."""

    def __init__(self) -> None:
        self.written: list[tuple[str, bytes | None]] = []

    async def send(self, topic: str, *, value: bytes | None, key: bytes, partition: int) -> asyncio.Future[None]:
        self.written.append((topic, value))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


def alert(number: int, sequence: int = 1) -> Alert:
    status = AlertStatus.OPEN if sequence == 1 else AlertStatus.RESOLVED
    return Alert(
        number, Revision(number, sequence), "7|spike", status, Severity.MINOR, Scope.DATASTREAM, 7, "demo", "t", 7, "x", "z", "spike",
        number, None if sequence == 1 else number + 1, (1,), "summary", False,
    )  # fmt: skip


def records(*alerts: Alert) -> list[Record]:
    return [Record(i, None, msgspec.json.encode(one), lambda: None) for i, one in enumerate(alerts)]


def job(channel: Any, log: Log) -> NotifyJob:
    return NotifyJob(Settings(home="."), 0, log, [channel])  # type: ignore[arg-type]


def test_what_was_told_is_not_told_again() -> None:
    async def scenario() -> None:
        channel, log = Channel(), Log()
        one = job(channel, log)
        await one.apply(records(alert(1), alert(1, 2), alert(5)))
        await one.apply(records(alert(1), alert(1, 2), alert(5), alert(5, 2)))
        assert [number for number, _ in channel.sent] == [1, 1, 5, 5]
        assert len({key for _, key in channel.sent}) == 4
        assert [topic for topic, _ in log.written] == ["deliveries"] * 4

    asyncio.run(scenario())


def test_a_record_that_is_no_alert_is_poison() -> None:
    with pytest.raises(Poison):
        asyncio.run(job(Channel(), Log()).apply([Record(3, None, b"{}", lambda: None)]))

"""A worker that holds up its group, or stands still, ends itself: its supervisor starts it anew."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from faust.types import TP

from aedilis.settings import Settings
from streams import app
from streams.app import Role, RoleWorker

PARTITION = TP("observations", 3)


class Ended(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RoleWorker:
    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(app.os, "_exit", end)
    return RoleWorker(Settings(home=str(tmp_path)), Role("detect", (), lambda *_: None))  # type: ignore[arg-type, return-value]


def holds(worker: RoleWorker, runner: Any) -> None:
    worker._runners[PARTITION] = runner


async def for_ever() -> None:
    await asyncio.Event().wait()


async def at_once() -> None:
    pass


def test_one_that_does_not_let_go_ends(worker: RoleWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "REVOKE_SECONDS", 0.01)
    holds(worker, SimpleNamespace(drop=at_once))
    asyncio.run(worker._on_revoked(None, {PARTITION}))
    assert worker._runners == {}
    holds(worker, SimpleNamespace(drop=for_ever))
    with pytest.raises(Ended, match="75"):
        asyncio.run(worker._on_revoked(None, {PARTITION}))


def test_one_whose_rebalance_does_not_end_ends(worker: RoleWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.app.rebalancing = True
    worker._end_if_failed()
    monkeypatch.setattr(app, "REBALANCE_SECONDS", 0.0)
    worker.app.rebalancing = False
    worker._end_if_failed()
    worker.app.rebalancing = True
    with pytest.raises(Ended, match="75"):
        worker._end_if_failed()


@pytest.mark.parametrize(("answers_in", "ends"), [(0.0, True), (0.02, False)])
def test_one_that_stands_still_ends_but_not_for_an_outage(
    worker: RoleWorker, monkeypatch: pytest.MonkeyPatch, answers_in: float, ends: bool
) -> None:
    monkeypatch.setattr(app, "SLOW_ANSWER_SECONDS", 0.01)

    async def end_offsets(_: Any) -> dict[TopicPartition, int]:
        await asyncio.sleep(answers_in)
        return {TopicPartition(*PARTITION): 10}

    worker._probe = SimpleNamespace(end_offsets=end_offsets)
    holds(worker, SimpleNamespace(name="observations-3", next_offset=5, waiting=False, idle=False))
    worker._moved[PARTITION] = (5, time.monotonic() - app.STALL_SECONDS - 1)
    if ends:
        with pytest.raises(Ended, match="75"):
            asyncio.run(worker._nudge())
    else:
        asyncio.run(worker._nudge())

"""The rule of order: each record once and in order, whatever the consumer does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aedilis.errors import StateError
from streams import partition
from streams.partition import PartitionRunner, Poison, Record, SetBack, Stalled


class Log:
    """A job and a consumer over a log of so many records; remembers what was applied and acknowledged."""

    def __init__(self, length: int = 20, kept: int | None = None, first: int = 0) -> None:
        self.length, self.kept, self.first = length, kept, first
        self.applied: list[int] = []
        self.acknowledged: list[int] = []
        self.sought: list[int] = []
        self.dead: list[int] = []
        self.lost: list[tuple[int, int]] = []
        self.went_back: int | None = None
        self.poison: set[int] = set()
        self.stalls = 0
        self.faults = 0
        self.keeps = True
        self.waiting = False

    async def load(self) -> int | None:
        return self.kept

    async def apply(self, records: Sequence[Record]) -> None:
        if self.went_back is not None:
            self.kept, self.went_back = self.went_back, None
            raise SetBack("a crash took it")
        if self.stalls:
            self.stalls -= 1
            raise Stalled("away")
        if self.faults and len(records):
            self.faults -= 1
            self.applied.append(-1)  # half of it
            raise SetBack("a fault")
        for record in records:
            if record.offset in self.poison:
                raise Poison(record.offset, "bad")
            self.applied.append(record.offset)

    async def keep(self, next_offset: int, *, last: bool = False) -> bool:
        if not (self.keeps or last):
            return False
        self.kept = next_offset
        return True

    async def seek(self, offset: int) -> None:
        self.sought.append(offset)

    async def offsets(self) -> tuple[int, int]:
        return self.first, self.length

    async def bury(self, record: Record, reason: str, lost: int) -> None:
        if lost:
            self.lost.append((record.offset, lost))
        else:
            self.dead.append(record.offset)

    def record(self, offset: int) -> Record:
        return Record(offset, None, b"", lambda: self.acknowledged.append(offset))

    def runner(self) -> PartitionRunner:
        return PartitionRunner("log-0", "test", self, self, self.bury)


async def feed(log: Log, offsets: Sequence[int]) -> PartitionRunner:
    runner = log.runner()
    for offset in offsets:
        await runner.put(log.record(offset))
        await asyncio.sleep(0)
    for _ in range(200):
        await asyncio.sleep(0.001)
        if runner.idle or runner.failure:
            break
    await runner.stop()
    return runner


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 19), max_size=40), st.integers(0, 15))
def test_whatever_comes_each_record_is_applied_once_and_in_order(offsets: list[int], kept: int) -> None:
    async def scenario() -> None:
        log = Log(kept=kept)
        await feed(log, offsets)
        assert log.applied == list(range(kept, kept + len(log.applied)))
        assert log.kept == kept + len(log.applied)
        assert all(offset < log.kept for offset in log.acknowledged)

    asyncio.run(scenario())


def test_a_record_from_further_on_is_sought_back() -> None:
    async def scenario() -> None:
        log = Log(kept=3)
        await feed(log, [7, 8])
        assert log.applied == []
        assert log.sought == [3]

    asyncio.run(scenario())


def test_a_job_that_was_set_back_goes_on_from_what_it_had_kept() -> None:
    async def scenario() -> None:
        log = Log(kept=2)
        log.faults = 1
        await feed(log, [2, 2, 3])
        assert log.applied == [-1, 2, 3]
        assert log.sought == [2]

    asyncio.run(scenario())


def test_a_batch_is_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sizes(Log):
        async def apply(self, records: Sequence[Record]) -> None:
            sizes.append(len(records))
            await super().apply(records)

    async def scenario() -> None:
        log = Sizes(kept=0)
        runner = log.runner()
        for offset in range(7):
            await runner.put(Record(offset, None, b"12345", lambda: None))
        while len(log.applied) < 7:
            await asyncio.sleep(0.001)
        await runner.stop()

    sizes: list[int] = []
    monkeypatch.setattr(partition, "BATCH_BYTES", 10)
    asyncio.run(scenario())
    assert sum(sizes) == 7
    assert max(sizes) == 2


def test_another_worker_has_gone_on_from_here_meanwhile() -> None:
    async def scenario() -> None:
        log = Log(kept=0)
        log.keeps = False
        runner = log.runner()
        await runner.put(log.record(0))
        while not log.applied:
            await asyncio.sleep(0.001)
        log.kept = 9  # the other one's checkpoint
        await runner.put(log.record(9))
        while log.sought != [9]:
            await asyncio.sleep(0.001)
        for offset in (9, 10):  # they come again, as asked for
            await runner.put(log.record(offset))
        while runner.next_offset != 11:
            await asyncio.sleep(0.001)
        await runner.drop()
        assert log.applied == [0, 9, 10]

    asyncio.run(scenario())


def test_records_are_acknowledged_only_when_a_checkpoint_covers_them() -> None:
    async def scenario() -> None:
        log = Log()
        log.keeps = False
        runner = log.runner()
        for offset in range(5):
            await runner.put(log.record(offset))
        while len(log.applied) < 5:
            await asyncio.sleep(0.001)
        assert log.acknowledged == []
        await runner.stop()  # keeps a last time
        assert log.acknowledged == [0, 1, 2, 3, 4]

    asyncio.run(scenario())


def test_a_dropped_partition_acknowledges_nothing() -> None:
    async def scenario() -> None:
        log = Log()
        log.keeps = False
        runner = log.runner()
        await runner.put(log.record(0))
        while not log.applied:
            await asyncio.sleep(0.001)
        await runner.drop()
        assert (log.acknowledged, log.kept) == ([], None)

    asyncio.run(scenario())


def test_poison_is_buried_and_the_rest_goes_on() -> None:
    async def scenario() -> None:
        log = Log()
        log.poison = {2, 3}
        await feed(log, range(6))
        assert log.applied == [0, 1, 4, 5]
        assert log.dead == [2, 3]
        assert log.kept == 6

    asyncio.run(scenario())


def test_what_cannot_be_written_now_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        log = Log()
        log.stalls = 2
        runner = log.runner()
        await runner.put(log.record(0))
        while not log.applied:
            await asyncio.sleep(0.01)
        await runner.stop()
        assert log.applied == [0]

    monkeypatch.setattr(partition, "STALLED_SECONDS", 0.01)
    asyncio.run(scenario())


def test_deleted_records_are_passed_over_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        log = Log(kept=2, first=6)
        await feed(log, [6, 7])
        assert log.applied == [6, 7]
        assert log.lost == [(2, 4)]

    asyncio.run(scenario())
    assert "retention deleted 4 records" in caplog.text


def test_what_a_crash_took_back_is_read_again() -> None:
    async def scenario() -> None:
        log = Log(kept=2)
        log.went_back = 1
        await feed(log, [2, 3, 1, 2, 3])
        assert log.sought == [1]
        assert log.applied == [1, 2, 3]

    asyncio.run(scenario())


def test_state_of_another_log_is_an_error_that_says_how_to_mend() -> None:
    async def scenario() -> None:
        runner = await feed(Log(length=5, kept=1000), [0])
        assert isinstance(runner.failure, StateError)
        assert "servers reset" in str(runner.failure)

    asyncio.run(scenario())


@pytest.mark.parametrize("steps", range(6))
def test_a_partition_lets_go_even_as_a_record_comes(steps: int) -> None:
    """A worker whose partition does not let go holds up the whole group until the broker throws it out."""

    async def go() -> None:
        log = Log()
        runner = log.runner()
        await asyncio.sleep(0.01)  # it waits for a record
        await runner.put(log.record(0))
        for _ in range(steps):
            await asyncio.sleep(0)
        async with asyncio.timeout(DROPPED_WITHIN):
            await runner.drop()

    asyncio.run(go())


def test_a_job_that_swallows_a_cancellation_is_told_again() -> None:
    class Deaf(Log):
        async def apply(self, records: Sequence[Record]) -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                await asyncio.sleep(60)

    async def go() -> None:
        log = Deaf()
        runner = log.runner()
        await runner.put(log.record(0))
        await asyncio.sleep(0.01)
        async with asyncio.timeout(DROPPED_WITHIN):
            await runner.drop()

    asyncio.run(go())


DROPPED_WITHIN = 20
"""Far above what it takes; below what the broker grants."""

"""The rule of order: a record is applied only if its offset is the one that follows the state.

At or below the state: skipped, and acknowledged once a checkpoint covers it. Above: the state is loaded again and
the consumer is sought to where the state stands, again and again until that record comes. The state's own offset,
never the committed one, says where to go on; what Faust commits is only a hint for the next start.

     consumer ──▶ queue ──▶ skip │ apply │ seek ──▶ keep (checkpoint or transaction) ──▶ acknowledge in order
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aedilis import metrics
from aedilis.errors import StateError

log = logging.getLogger(__name__)

BATCH_RECORDS = 200
"""At most so many records are handed to a job at once,"""
BATCH_BYTES = 4 * 1024 * 1024
"""and no more when they have so many bytes: about a hundred thousand observations, a tenth of a second of detecting."""
SEEK_AGAIN_SECONDS = 0.5
"""A seek while fetched records are under way is lost; it is repeated after this long."""
DROP_AGAIN_SECONDS = 0.5
"""A partition that did not let go is told again after this long: the whole group waits for it."""
STALLED_SECONDS = 0.5
"""What a job writes to is asked again after this long."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the log; `ack` tells the consumer that it needs not come again."""

    offset: int
    key: bytes | None
    value: bytes
    ack: Callable[[], None]


class Poison(Exception):
    """A record that can never be applied. It goes to the dead-letter topic, and the state goes on."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"offset {offset}: {reason}")
        self.offset = offset
        self.reason = reason


class Stalled(Exception):
    """What a job writes to is out of reach for now: the same records are tried again after a while."""


class SetBack(Exception):
    """Of what was applied some is lost: a fault spoilt what a job holds, or a crash took back what it had written.

    Nothing of these records was applied; the log is read again from what is kept.
    """


class Job(Protocol):
    """What a role does with one partition. It lives from assignment to revocation."""

    waiting: bool
    """Whether it waits for somebody outside: standing still is then no stall of ours."""

    async def load(self) -> int | None:
        """Load the kept state. Returns the offset of the next record, None when nothing was ever kept."""

    async def apply(self, records: Sequence[Record]) -> None:
        """Apply consecutive records.

        Raises:
            Poison: the record at that offset cannot be applied; those before it have been.
            Stalled: nothing was applied; to be called again with the same records.
            SetBack: the state is to be loaded again, and these records will come again.
        """

    async def keep(self, next_offset: int, *, last: bool = False) -> bool:
        """Make what was applied durable. False when it is not yet due (never when `last`)."""


class Consumer(Protocol):
    """What a runner asks of the consumer."""

    async def seek(self, offset: int) -> None:
        """Read on from this offset."""

    async def offsets(self) -> tuple[int, int]:
        """The oldest offset that the log still holds, and the one after its newest."""


class PartitionRunner:
    """Applies one partition of one topic under the rule of order, in a task of its own."""

    def __init__(
        self,
        name: str,
        role: str,
        job: Job,
        consumer: Consumer,
        dead_letter: Callable[[Record, str, int], Awaitable[None]],
    ) -> None:
        self.name = name
        self.role = role
        self._job = job
        self._consumer = consumer
        self._dead_letter = dead_letter
        self._queue: asyncio.Queue[Record] = asyncio.Queue(maxsize=2 * BATCH_RECORDS)
        self._kept: deque[Record] = deque()
        self._next: int | None = None
        self._covered = 0
        self._sought_at = float("-inf")
        self._stopping = False
        self._busy = False
        self._waiting = False
        self.failure: BaseException | None = None
        self._task = asyncio.create_task(self._run(), name=f"{role} {name}")

    async def put(self, record: Record) -> None:
        """Hand over a record; waits while the partition is behind."""
        if not self._queue.full():
            self._queue.put_nowait(record)
            return
        put = asyncio.ensure_future(self._queue.put(record))
        await asyncio.wait({put, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not put.done():
            put.cancel()

    @property
    def next_offset(self) -> int | None:
        """Where the state stands; None until it was loaded."""
        return self._next

    @property
    def idle(self) -> bool:
        """Whether nothing lies in the queue or under way."""
        return self._queue.empty() and not self._busy

    @property
    def waiting(self) -> bool:
        """Whether somebody outside is waited for: standing still is then no stall of ours."""
        return self._waiting or self._job.waiting

    async def drop(self) -> None:
        """Forget state and kept records: the partition is somebody else's now."""
        while not self._task.done():  # again and again: what a job calls may swallow a cancellation
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=DROP_AGAIN_SECONDS)

    async def stop(self) -> None:
        """Finish the batch under way, keep the state a last time, acknowledge."""
        self._stopping = True
        await asyncio.wait({self._task}, timeout=10)
        if not self._task.done():
            await self.drop()

    async def _run(self) -> None:
        try:
            await self._load()
            while not self._stopping:
                batch = await self._batch()
                self._busy = True
                await self._take(batch)
                await self._keep()
                self._busy = False
                await asyncio.sleep(0)  # the other partitions, and who asks whether we live
            await self._keep(last=True)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the worker ends with it: its supervisor starts it anew from the kept state
            self.failure = error
            log.exception("partition stopped", extra={"partition": self.name})

    async def _load(self) -> None:
        metrics.RELOADS.labels(self.role).inc()
        kept = await self._job.load()
        first, end = await self._consumer.offsets()
        if kept is not None and kept > end:
            raise StateError(
                role=self.role,
                partition=self.name,
                problem=f"stands at offset {kept}, but the log ends at {end}: it is of another log",
                mend="the topic was made anew, or its end was lost; empty both with `aedilis servers reset`, or give"
                " the new log a database and a prefix (AEDILIS_KAFKA_PREFIX) of its own",
            )
        if kept is not None and kept < first:
            metrics.RECORDS_LOST.labels(self.role).inc(first - kept)
            log.error("retention deleted %d records of %s before they were read", first - kept, self.name)
            await self._dead_letter(Record(kept, None, b"", lambda: None), "deleted before it was read", first - kept)
        self._next = max(kept if kept is not None else first, first)
        self._covered = self._next

    async def _batch(self) -> list[Record]:
        batch: list[Record] = []
        if self._queue.empty():
            try:
                # not `wait_for`: before Python 3.12 it swallows a cancellation that comes with the record
                async with asyncio.timeout(0.2):
                    batch.append(await self._queue.get())
            except TimeoutError:
                return []
        size = sum(len(record.value) for record in batch)
        while len(batch) < BATCH_RECORDS and size < BATCH_BYTES and not self._queue.empty():
            batch.append(self._queue.get_nowait())
            size += len(batch[-1].value)
        return batch

    async def _take(self, batch: Sequence[Record]) -> None:
        assert self._next is not None
        run: list[Record] = []
        for record in batch:
            expected = self._next + len(run)
            if record.offset == expected:
                run.append(record)
            elif record.offset < expected:
                metrics.RECORDS_SKIPPED.labels(self.role).inc()
                if record.offset < self._covered:
                    record.ack()
                else:
                    self._kept.append(record)
            else:
                await self._apply(run)
                run = []
                await self._go_back(record.offset)
        await self._apply(run)

    async def _apply(self, run: list[Record]) -> None:
        while run:
            try:
                with metrics.APPLY_SECONDS.labels(self.role).time():
                    await self._job.apply(run)
                applied, run = run, []
            except Poison as poison:
                index = poison.offset - run[0].offset
                await self._dead_letter(run[index], poison.reason, 0)
                metrics.RECORDS_POISON.labels(self.role).inc()
                log.error("poison record at offset %d of %s: %s", poison.offset, self.name, poison.reason)
                applied, run = run[: index + 1], run[index + 1 :]
            except Stalled as stalled:
                log.warning("waiting: %s", stalled)
                if self._stopping:
                    return
                self._waiting = True
                await asyncio.sleep(STALLED_SECONDS)
                continue
            except SetBack as back:
                log.error("%s is read again from what is kept: %s", self.name, back)
                await self._load_again()
                return
            self._waiting = False
            self._next = applied[-1].offset + 1
            self._kept.extend(applied)
            metrics.RECORDS_APPLIED.labels(self.role).inc(len(applied))

    async def _go_back(self, offset: int) -> None:
        """A record from further on came: another worker may have gone on from here, or the consumer jumped."""
        now = time.monotonic()
        if now - self._sought_at < SEEK_AGAIN_SECONDS:
            return
        log.info("at %s came offset %d instead of %s", self.name, offset, self._next)
        await self._load_again(offset)

    async def _load_again(self, offset: int | None = None) -> None:
        """Go on from the kept state; the consumer is sought there unless it stands there with `offset`."""
        self._kept.clear()
        await self._load()
        assert self._next is not None
        if offset is None or self._next <= offset:
            await self._consumer.seek(self._next)
        self._sought_at = time.monotonic()

    async def _keep(self, *, last: bool = False) -> None:
        assert self._next is not None
        if self._next > self._covered or last:
            if not await self._job.keep(self._next, last=last):
                return
            self._covered = self._next
        while self._kept and self._kept[0].offset < self._covered:
            self._kept.popleft().ack()

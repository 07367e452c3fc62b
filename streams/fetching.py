"""How often a worker asks Kafka for more: at once after a pause, but never more often than each few milliseconds.

A fetch returns as soon as anything has come. When small records come steadily in many partitions each brings an answer
of its own, and to ask and to take an answer apart costs a millisecond or two, however little is in it. The broker could
wait until enough has come, but then it would wait in a quiet hour, too. So it is the asking that waits.

aiokafka has no setting for it and Faust passes none on, so this reaches into both.
"""

from __future__ import annotations

import time
from typing import Any

from faust.transport.drivers import aiokafka as driver

FETCH_SECONDS = 0.025
"""From one fetch to the next it takes at least so long."""


class _Thread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust is seen as untyped
    async def on_start(self) -> None:
        await super().on_start()
        hold(self._ensure_consumer()._fetcher, FETCH_SECONDS)


class _Consumer(driver.Consumer):  # type: ignore[misc]  # Faust is seen as untyped
    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class Transport(driver.Transport):  # type: ignore[misc]  # Faust is seen as untyped
    """Faust's transport with consumers that do not fetch too often."""

    Consumer = _Consumer


def hold(fetcher: Any, seconds: float) -> None:
    """Let aiokafka's fetcher send fetches at least `seconds` apart."""
    actions = fetcher._get_actions_per_node
    sent = float("-inf")

    def held(assignment: Any) -> Any:
        nonlocal sent
        now = time.monotonic()
        if now < sent + seconds:
            return [], {}, sent + seconds - now, False, []
        found = actions(assignment)
        if found[0]:
            sent = now
        return found

    fetcher._get_actions_per_node = held

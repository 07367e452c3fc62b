"""Delivers one change of an alert: is it told at all, and if so, again until it has arrived or it is enough."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from aedilis.vocabulary import Alert, AlertStatus, Delivery
from alerts.notifier import Notifier


class Why(StrEnum):
    """Why somebody was told."""

    OPENED = "opened"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Policy:
    """At most `attempts`; the wait doubles from `first_wait` to `longest_wait` seconds."""

    attempts: int = 8
    first_wait: float = 0.5
    longest_wait: float = 60.0


def why(alert: Alert) -> Why | None:
    """Why this change is told; None for one that is not."""
    if alert.status is AlertStatus.RESOLVED:
        return Why.RESOLVED
    return Why.OPENED if len(alert.anomalies) == 1 else None


def delivery_id(notifier: Notifier, alert: Alert) -> str:
    """The idempotency key: the same for the same change, however often it is sent."""
    return f"{notifier.name}-{alert.id}-{alert.revision.event_time}-{alert.revision.sequence}"


async def deliver(
    notifier: Notifier,
    alert: Alert,
    *,
    clock: Callable[[], int],
    sleep: Callable[[float], Awaitable[None]],
    policy: Policy | None = None,
) -> Delivery | None:
    """Tell of an alert's change. Returns the outcome, None when this change is not told. `clock` gives µs UTC."""
    reason = why(alert)
    if reason is None:
        return None
    policy = policy or Policy()
    key = delivery_id(notifier, alert)

    def outcome(status: str, text: str, attempts: int) -> Delivery:
        return Delivery(key, alert.id, notifier.name, notifier.target, status, text, attempts, clock())

    if alert.historic:
        return outcome("skipped", "historic", 0)
    wait = policy.first_wait
    for attempt in range(1, policy.attempts + 1):
        sent = await notifier.send(alert, key)
        if sent.error is None:
            return outcome("delivered", reason, attempt)
        if not sent.retryable or attempt == policy.attempts:
            return outcome("failed", sent.error, attempt)
        await sleep(wait)
        wait = min(wait * 2, policy.longest_wait)
    raise AssertionError("a policy allows at least one attempt")

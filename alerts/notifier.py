"""What every channel is: it sends one alert and says whether trying again could help. Nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from aedilis.settings import Settings
from aedilis.vocabulary import Alert


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` is None when it was delivered; `retryable` says whether another attempt could succeed."""

    retryable: bool = False
    error: str | None = None


class Notifier(Protocol):
    """One channel."""

    name: ClassVar[str]
    target: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Notifier | None:
        """The channel, None when the settings name no target for it."""

    async def send(self, alert: Alert, idempotency_key: str) -> Outcome:
        """Send once; never raises for what the other side does."""

    async def close(self) -> None:
        """Let connections go."""

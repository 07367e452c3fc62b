"""Webhook: POST of JSON, signed in the Standard Webhooks form; the idempotency key is the `webhook-id`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

import aiohttp
import msgspec
from standardwebhooks import Webhook as Signer

from aedilis.settings import Settings
from aedilis.vocabulary import Alert
from alerts.notifier import Outcome

TIMEOUT_SECONDS = 10.0


class Webhook:
    """Tells one URL. 408, 429, 5xx and broken connections may be tried again; other refusals are final."""

    name: ClassVar[str] = "webhook"

    def __init__(self, target: str, secret: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self.target = target
        self._signer = Signer(secret)
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Webhook | None:
        """With `AEDILIS_WEBHOOK` and its secret."""
        if not (settings.webhook and settings.webhook_secret):
            return None
        return cls(settings.webhook, settings.webhook_secret)

    async def send(self, alert: Alert, idempotency_key: str) -> Outcome:
        """Send once."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        body = msgspec.json.encode({"type": f"alert.{alert.status}", "data": alert}).decode()
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": idempotency_key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(idempotency_key, now, body),
        }
        try:
            async with self._session.post(self.target, data=body, headers=headers) as answer:
                if 200 <= answer.status < 300:
                    return Outcome()
                retryable = answer.status >= 500 or answer.status in (408, 429)
                return Outcome(retryable, f"HTTP {answer.status}")
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return Outcome(True, f"{type(error).__name__}: {error}"[:300])

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

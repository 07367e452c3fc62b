"""Live events: one poller for all browsers tells each that something was stored."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse

from storage.queries import Reader
from storage.writer import Unavailable

router = APIRouter()
SECONDS = 1.0
AGAIN_SECONDS = 10.0
"""After so long the same is said again: a browser that hears nothing for longer knows that it is not live."""


class Pulse:
    """Asks the database once a second and hands the answer, serialised once, to every browser."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._listeners: set[asyncio.Queue[str]] = set()
        self._latest = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(SECONDS)
            if not self._listeners:
                self._latest = ""  # old by the time somebody listens
                continue
            try:
                text = json.dumps(await self._reader.versions())
            except Unavailable:
                text = json.dumps({"problem": "the database cannot be reached"})
            if text != self._latest:
                self._latest = text
                for queue in self._listeners:
                    with contextlib.suppress(asyncio.QueueFull):  # a browser that sleeps gets the next one
                        queue.put_nowait(text)

    async def listen(self) -> AsyncIterator[dict[str, str]]:
        """The events of one browser."""
        queue: asyncio.Queue[str] = asyncio.Queue(maxsize=2)
        self._listeners.add(queue)
        try:
            if self._latest:
                yield {"event": "versions", "data": self._latest}
            while True:
                try:
                    async with asyncio.timeout(AGAIN_SECONDS):  # `wait_for` may swallow a cancellation
                        text = await queue.get()
                except TimeoutError:
                    text = self._latest
                if text:
                    yield {"event": "versions", "data": text}
        finally:
            self._listeners.discard(queue)


@router.get("/live")
async def live(request: Request) -> EventSourceResponse:
    """Server-sent events `versions`."""
    pulse: Pulse = request.app.state.pulse
    return EventSourceResponse(pulse.listen(), ping=15)

"""Who may see what: login, sessions, headers, and where a POST may come from."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import deque
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aedilis.settings import Settings
from storage.queries import Reader

COOKIE = "aedilis_session"
ATTEMPTS_A_MINUTE = 10
_HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


class Headers:
    """Puts the strict headers on every answer; files of `static` may be cached."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass through."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    if name != "cache-control" or not scope["path"].startswith("/static/"):
                        headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class Door:
    """The one administrator's way in and out."""

    def __init__(self, settings: Settings, reader: Reader) -> None:
        self._settings = settings
        self._reader = reader
        self._attempts: deque[float] = deque(maxlen=ATTEMPTS_A_MINUTE)

    async def enter(self, user: str, password: str) -> str | None:
        """A new session's token, None when user or password is wrong."""
        wanted = self._settings
        right_user = secrets.compare_digest(user.encode(), wanted.admin_user.encode())
        right_password = secrets.compare_digest(password.encode(), wanted.admin_password.encode())
        if not (right_user and right_password and wanted.admin_password):
            self._attempts.append(time.monotonic())
            return None
        token = secrets.token_urlsafe(32)
        await self._reader.create_session(_digest(token), wanted.admin_user)
        return token

    def crowded(self) -> bool:
        """Whether too many wrong passwords came in the last minute."""
        full = len(self._attempts) == ATTEMPTS_A_MINUTE
        return full and time.monotonic() - self._attempts[0] < 60

    async def who(self, request: Request) -> str | None:
        """The user of a request."""
        token = request.cookies.get(COOKIE)
        return await self._reader.find_session(_digest(token)) if token else None

    async def leave(self, request: Request) -> None:
        """End the session."""
        if token := request.cookies.get(COOKIE):
            await self._reader.delete_session(_digest(token))


def _digest(token: str) -> bytes:
    """Tokens have 256 random bits, so a plain hash keeps them safe in the table."""
    return hashlib.sha256(token.encode()).digest()


def from_here(request: Request) -> bool:
    """Whether a POST comes from one of our own pages: browsers send an Origin with it."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def own_address(text: str) -> str:
    """An address of this site that a page may send the browser on to; `/` for everything else."""
    parts = urlsplit(text)
    own = text.startswith("/") and not text.startswith("//") and not parts.scheme and not parts.netloc
    return text if own and text.isprintable() and "\\" not in text else "/"

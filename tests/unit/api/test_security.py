"""The way in: passwords, their number in a minute, sessions, and where the browser may be sent."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest
from starlette.requests import Request

from aedilis.settings import Settings
from api.security import ATTEMPTS_A_MINUTE, COOKIE, Door, from_here, own_address


class Sessions:
    """The three queries that the door asks of a reader, on a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[bytes, str] = {}

    async def create_session(self, token: bytes, user: str) -> None:
        self.kept[token] = user

    async def find_session(self, token: bytes) -> str | None:
        return self.kept.get(token)

    async def delete_session(self, token: bytes) -> None:
        self.kept.pop(token, None)


def door(password: str = "right") -> tuple[Door, Sessions]:
    sessions = Sessions()
    return Door(Settings(home="/", admin_password=password), sessions), sessions  # type: ignore[arg-type]


def request(**headers: str) -> Request:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": pairs})


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def test_the_right_password_opens_and_leaving_closes() -> None:
    one, sessions = door()
    token = run(one.enter("admin", "right"))
    assert token is not None
    assert run(one.who(request(cookie=f"{COOKIE}={token}"))) == "admin"
    assert list(sessions.kept) == [hashlib.sha256(token.encode()).digest()], "the token itself is not kept"
    run(one.leave(request(cookie=f"{COOKIE}={token}")))
    assert run(one.who(request(cookie=f"{COOKIE}={token}"))) is None


@pytest.mark.parametrize(("user", "password"), [("admin", "wrong"), ("root", "right"), ("admin", ""), ("ädmin", "ö")])
def test_anything_else_does_not(user: str, password: str) -> None:
    one, sessions = door()
    assert run(one.enter(user, password)) is None
    assert sessions.kept == {}


def test_without_a_password_set_nobody_gets_in() -> None:
    one, _ = door(password="")
    assert run(one.enter("admin", "")) is None


def test_too_many_wrong_passwords_in_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = door()
    monkeypatch.setattr("api.security.time.monotonic", lambda: 1000.0)
    for _ in range(ATTEMPTS_A_MINUTE):
        assert not one.crowded()
        run(one.enter("admin", "wrong"))
    assert one.crowded()
    monkeypatch.setattr("api.security.time.monotonic", lambda: 1061.0)
    assert not one.crowded()


def test_right_passwords_do_not_count_as_wrong_ones() -> None:
    one, _ = door()
    for _ in range(ATTEMPTS_A_MINUTE + 1):
        run(one.enter("admin", "right"))
    assert not one.crowded()


def test_a_form_from_another_site_is_known() -> None:
    assert from_here(request(host="city.example:8080"))
    assert from_here(request(host="city.example:8080", origin="https://city.example:8080"))
    assert not from_here(request(host="city.example:8080", origin="https://evil.example"))
    assert not from_here(request(host="city.example:8080", origin="null"))


@pytest.mark.parametrize("own", ["/", "/alerts?status=open", "/datastreams/-5?last=24h", "/things?zone=demo/a"])
def test_addresses_of_this_site_are_kept(own: str) -> None:
    assert own_address(own) == own


@pytest.mark.parametrize(
    "other", ["//evil.example", "https://evil.example/", "/\\evil.example", "alerts", "", "/a\nb", "/\t/evil.example"]
)
def test_other_addresses_become_the_first_page(other: str) -> None:
    assert own_address(other) == "/"

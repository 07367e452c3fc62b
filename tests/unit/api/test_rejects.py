"""Bytes are shown as text where they are text, else as hexadecimal digits; nobody sends again from another site."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import HTTPException
from starlette.requests import Request

from api.rejects import legible, redrive_as_json


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b'{"a": 1}\r\n', ('{"a": 1}\r\n', True)),
        ("Größe".encode(), ("Größe", True)),
        ("Größe".encode()[:3], ("Gr", True)),  # a sample may be cut in a character
        (b"\x08\x01\xff", ("08 01 ff", False)),
        (b"ab\xffcd", ("61 62 ff 63 64", False)),
        (b"ab\x00", ("61 62 00", False)),
        (b"\xc3", ("c3", False)),
        (b"", ("", True)),
    ],
)
def test_legible(payload: bytes, shown: tuple[str, bool]) -> None:
    assert legible(payload) == shown


def test_nobody_sends_again_from_another_site() -> None:
    headers = [(b"host", b"here:8080"), (b"origin", b"http://there")]
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    with pytest.raises(HTTPException) as raised:
        asyncio.run(redrive_as_json(Request(scope), 1))
    assert raised.value.status_code == 403

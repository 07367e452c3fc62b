"""What Mosquitto's configuration says."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import pytest

from aedilis.settings import Settings
from deploy.mosquitto import Mosquitto, password_hash


@pytest.mark.parametrize("user", [0, 1000])
def test_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    server = Mosquitto(Settings(home=str(tmp_path), mqtt="127.0.0.1:2883", mqtt_password="secret"))
    lines = server.configuration().splitlines()
    assert "listener 2883 127.0.0.1" in lines
    assert "allow_anonymous false" in lines
    assert f"password_file {tmp_path}/mosquitto/passwords" in lines
    assert ("user root" in lines) == (user == 0)
    assert "secret" not in server.configuration()


def test_the_password_is_hashed_as_mosquitto_does() -> None:
    _, kind, rounds, salt, digest = password_hash("wort").split("$")
    made = hashlib.pbkdf2_hmac("sha512", b"wort", base64.b64decode(salt), int(rounds))
    assert kind == "7"
    assert base64.b64decode(digest) == made
    assert password_hash("wort") != password_hash("wort")


def test_emptied_nothing_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    (folder / "mosquitto.db").touch()
    Mosquitto(Settings(home=str(tmp_path))).empty()
    assert not folder.exists()

"""Ports that are free, passwords made once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aedilis.errors import SettingError
from deploy import choices


def listening(port: int = 0) -> socket.socket:
    taken = socket.socket()
    taken.bind(("127.0.0.1", port))
    taken.listen()
    return taken


@pytest.fixture
def preferred(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, socket.socket]]:
    """Preferred ports that nobody else has; each is held by a socket, which a test may close."""
    held = {name: listening() for name in choices.PREFERRED}
    monkeypatch.setattr(choices, "PREFERRED", {name: taken.getsockname()[1] for name, taken in held.items()})
    yield held
    for taken in held.values():
        taken.close()


def chosen(home: Path) -> dict[str, str]:
    values: dict[str, str] = json.loads((home / "settings.json").read_text())
    return values


def port(values: dict[str, str], name: str) -> int:
    return urlsplit(values[name]).port or 0 if name == "database" else int(values[name].rpartition(":")[2])


def test_preferred_ports_are_taken_when_free(tmp_path: Path, preferred: dict[str, socket.socket]) -> None:
    for taken in preferred.values():
        taken.close()
    choices.choose(tmp_path, choices.PREFERRED)
    values = chosen(tmp_path)
    assert {name: port(values, name) for name in choices.PREFERRED} == choices.PREFERRED


def test_taken_ports_are_avoided(tmp_path: Path, preferred: dict[str, socket.socket]) -> None:
    choices.choose(tmp_path, choices.PREFERRED)
    values = chosen(tmp_path)
    ports = {port(values, name) for name in choices.PREFERRED}
    assert len(ports) == len(choices.PREFERRED)
    assert not ports & set(choices.PREFERRED.values())


@pytest.mark.parametrize("name", choices.PREFERRED)
def test_a_remembered_port_stays_unless_it_is_taken(
    tmp_path: Path, preferred: dict[str, socket.socket], name: str
) -> None:
    choices.choose(tmp_path, choices.PREFERRED)
    first = port(chosen(tmp_path), name)
    choices.choose(tmp_path, choices.PREFERRED)
    assert port(chosen(tmp_path), name) == first
    with listening(first):
        choices.choose(tmp_path, choices.PREFERRED)
        assert port(chosen(tmp_path), name) != first


def test_what_is_not_started_keeps_its_address(tmp_path: Path, preferred: dict[str, socket.socket]) -> None:
    choices.choose(tmp_path, choices.PREFERRED)
    first = chosen(tmp_path)
    with listening(port(first, "kafka")), listening(port(first, "api")):
        choices.choose(tmp_path, {"api"})
    assert chosen(tmp_path)["kafka"] == first["kafka"]
    assert chosen(tmp_path)["api"] != first["api"]


def test_passwords_are_made_once_and_private(tmp_path: Path) -> None:
    choices.choose(tmp_path, {"api"})
    file = tmp_path / "settings.json"
    first = chosen(tmp_path)
    passwords = {name: value for name, value in first.items() if "password" in name or "secret" in name}
    assert len(set(passwords.values())) == len(passwords) == 4
    assert file.stat().st_mode & 0o777 == 0o600
    choices.choose(tmp_path, choices.PREFERRED)
    assert {name: chosen(tmp_path)[name] for name in passwords} == passwords


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(SettingError, match=r"settings\.json.*delete the file"):
        choices.choose(tmp_path, choices.PREFERRED)


def test_a_given_port_that_is_taken_is_named() -> None:
    with listening() as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SettingError, match=f"AEDILIS_API.*{address}.*Mend"):
            choices.check_given({"AEDILIS_API": address})
    choices.check_given({"AEDILIS_API": address})
    choices.check_given({})


@pytest.mark.parametrize("address", ["127.0.0.1:http", "192.0.2.1:8080"])
def test_a_given_address_that_cannot_be_served_is_named(address: str) -> None:
    with pytest.raises(SettingError, match="expected host:port of this machine"):
        choices.check_given({"AEDILIS_API": address})


def test_one_installation_chooses_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    holding = "from deploy.choices import turn\nwith turn():\n    print('mine', flush=True)\n    input()"
    with (
        choices.turn(),
        subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other,
    ):
        assert other.stdout is not None
        os.set_blocking(other.stdout.fileno(), False)
        time.sleep(1)
        assert other.stdout.read() is None
        other.kill()
    with subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"
        monkeypatch.setattr(choices, "TURN_SECONDS", 0.1)
        with choices.turn():  # passed by
            pass
        other.kill()
    with choices.turn():
        pass

"""Which servers are ours to run, and whether one answers."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from aedilis.errors import ServerError
from aedilis.settings import Settings
from deploy import servers
from deploy.process import Guarded

NAMES = ("mqtt", "kafka", "database")


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(f"AEDILIS_{name.upper()}", raising=False)


def test_all_are_ours_unless_given(tmp_path: Path) -> None:
    assert {server.name for server in servers.local_servers(Settings(home=str(tmp_path)))} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_given_one_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"AEDILIS_{name.upper()}", "127.0.0.1:1")
    assert {server.name for server in servers.local_servers(Settings(home=str(tmp_path)))} == set(NAMES) - {name}


def test_programs_of_given_ones_are_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[str] = []
    monkeypatch.setattr(servers, "_PROGRAMS", {name: lambda name=name: got.append(name) for name in NAMES})
    monkeypatch.setenv("AEDILIS_KAFKA", "127.0.0.1:1")
    servers.fetch_programs()
    assert got == ["mqtt", "database"]


def test_addresses() -> None:
    found = servers.addresses(Settings(home="/x", mqtt="a:1", kafka="b:2,c:3", database="postgresql://u:p@d:4/n"))
    assert found == {"mqtt": "a:1", "kafka": "b:2,c:3", "database": "d:4"}
    assert servers.addresses(Settings(home="/x", database="postgresql://u@d/n"))["database"] == "d:5432"


def test_a_given_one_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{there.getsockname()[1]}"
        monkeypatch.setenv("AEDILIS_MQTT", address)
        with pytest.raises(ServerError, match=f"mqtt: does not accept connections at {address}.*AEDILIS_MQTT.*unset"):
            servers.check_given(Settings(home="/x", mqtt=address))
        there.listen()
        servers.check_given(Settings(home="/x", mqtt=address))


def test_one_that_ends_instead_of_answering_shows_its_log(tmp_path: Path) -> None:
    process = Guarded("kafka", ["sh", "-c", "echo the reason; exit 1"], tmp_path / "kafka.log")
    process.start()
    with pytest.raises(ServerError, match=r"(?s)kafka: does not accept.*the reason.*read .*kafka\.log"):
        servers.wait_ready(process, "127.0.0.1:1")


def test_somebody_else_at_the_address_is_not_the_server(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        process = Guarded("kafka", ["sh", "-c", "sleep 0.5; echo port taken; exit 1"], tmp_path / "kafka.log")
        process.start()
        with pytest.raises(ServerError, match=r"(?s)kafka: does not accept.*port taken"):
            servers.wait_ready(process, address)


def test_one_that_listens_is_ready(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    listening = f"import socket; one = socket.create_server(('127.0.0.1', {port})); one.accept(); one.accept()"
    process = Guarded("kafka", [sys.executable, "-c", listening], tmp_path / "kafka.log")
    process.start()
    servers.wait_ready(process, f"127.0.0.1:{port}")
    process.ask_to_stop()
    process.wait()

"""`aedilis up`: one command shows a city; stopped or killed, nothing is left but the data."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import psycopg
import pytest

from aedilis.health import running
from tests.acceptance.own_home import OwnHome, until


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that every user may pass through: pytest's are closed."""
    with tempfile.TemporaryDirectory(prefix="aedilis-test-") as made:
        Path(made).chmod(0o711)
        yield Path(made)


@pytest.fixture
def home(folder: Path) -> Iterator[OwnHome]:
    made = OwnHome(folder / "home")
    yield made
    made.close()


def browse(address: str, user: str, password: str) -> Any:
    """Log in as a browser does, and ask for the city."""
    connection = http.client.HTTPConnection(address, timeout=30)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", urlencode({"user": user, "password": password}), form)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 303
    cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
    connection.request("GET", "/api/v1/city", headers={"Cookie": cookie})
    answer = connection.getresponse()
    assert answer.status == 200
    return json.loads(answer.read())


def observations(home: OwnHome) -> int:
    with psycopg.connect(home.settings()["database"]) as connection:
        return int(connection.execute("select count(*) from observations").fetchall()[0][0])


def first_hour(home: OwnHome) -> int:
    """Observations of the simulated city's first hour."""
    begin = json.loads(next((home.folder / "simulation").iterdir()).read_text())["start"]
    query = "select count(*) from observations where phenomenon_time - %s::timestamptz < interval '1 hour'"
    with psycopg.connect(home.settings()["database"]) as connection:
        return int(connection.execute(query, [begin]).fetchall()[0][0])


def commands(home: OwnHome) -> list[str]:
    """What runs, guards left out."""
    lines = [" ".join(process.cmdline()) for process in home.processes()]
    return [line for line in lines if line and "guard.py" not in line]


def test_one_command_shows_a_city_and_leaves_only_data(home: OwnHome) -> None:
    words = home.start_up().split()
    address, user, password = words[1].removeprefix("http://").strip("/"), words[3], words[5]
    until(lambda: observations(home) > 1000)
    until(
        lambda: first_hour(home) == 40 * 8 * 12 + 4 * 4 * 6 + 4 * 6 * 4 + 30 * 38 * 4
    )  # nothing of the city's past came before the line
    assert len(browse(address, user, password)) == 78
    assert json.loads(home.run("counts", "--json").stdout)["sums"]
    second = home.run("up")
    assert second.returncode == 2
    assert "run already" in second.stderr

    [store] = [found for found in running(home.folder) if found.process == "worker-store"]
    guard = psutil.Process(store.pid).parent()
    assert guard is not None
    guard.kill()
    until(
        lambda: (
            [found.pid for found in running(home.folder) if found.process == "worker-store"] not in ([], [store.pid])
        )
    )
    assert sum("worker --role store" in line for line in commands(home)) == 1

    assert home.up is not None
    home.processes()
    home.up.send_signal(signal.SIGINT)
    assert home.up.wait(60) == 0
    assert home.processes() == []

    kept = home.start_up("--no-simulate")
    assert kept.split()[5] == password
    assert observations(home) > 1000
    assert len(browse(home.settings()["api"], user, password)) == 78
    home.processes()
    home.up.kill()
    home.up.wait()
    home.until_gone()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_stopped_while_it_starts_it_leaves_nothing(home: OwnHome, number: signal.Signals) -> None:
    home.begin_up()
    assert home.up is not None
    until(lambda: any("kafka.Kafka" in line for line in commands(home)))
    home.up.send_signal(number)
    assert home.up.wait(60) == (-9 if number == signal.SIGKILL else 0)
    home.until_gone()


def test_given_servers_are_used_and_not_started(folder: Path) -> None:
    theirs = OwnHome(folder / "theirs")
    theirs.ok("servers", "start")
    try:
        found = theirs.settings()
        names = ("mqtt", "mqtt_user", "mqtt_password", "kafka", "database")
        ours = OwnHome(folder / "ours", **{f"AEDILIS_{name.upper()}": found[name] for name in names})
        try:
            ours.start_up("--no-simulate")
            assert not [line for line in commands(ours) if "java" in line or "postgres" in line or "mosquitto" in line]
            assert not [name for name in ("kafka", "postgresql", "mosquitto") if (ours.folder / name).exists()]
            assert ours.run("servers", "status").stdout.count("yours (AEDILIS_") == 3
            ours.ok("simulate", "--start", "2026-01-05", "--duration", "0.05", "--speed", "max")
            until(lambda: observations(ours) > 1000)
            until(lambda: ours.run("counts").returncode == 0)
        finally:
            ours.close()
        theirs.ok("servers", "status")
        theirs.ok("servers", "stop")
    finally:
        theirs.close()


def test_servers_in_the_background_are_used_and_outlive_it(home: OwnHome) -> None:
    home.ok("servers", "start")
    servers = set(home.processes())
    home.start_up("--no-simulate")
    assert sum("kafka.Kafka" in line for line in commands(home)) == 1
    refused = home.run("servers", "stop")
    assert refused.returncode == 2
    assert "`aedilis up` uses them" in refused.stderr
    assert home.up is not None
    home.up.send_signal(signal.SIGINT)
    assert home.up.wait(60) == 0
    left = {process for process in home.processes() if process.is_running()}
    assert not left - servers - {child for process in servers for child in process.children(recursive=True)}
    home.ok("servers", "status")
    home.ok("servers", "stop")
    home.until_gone()


def test_a_given_server_that_is_away_is_named(home: OwnHome) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        others = {"AEDILIS_MQTT": "127.0.0.1:1", "AEDILIS_DATABASE": "postgresql://127.0.0.1:1/x"}
        refused = OwnHome(home.folder, AEDILIS_KAFKA=address, **others).run("up")
    assert refused.returncode == 2
    assert "AEDILIS_DATABASE" in refused.stderr
    assert home.processes() == []


def test_a_given_port_that_is_taken_is_named(home: OwnHome) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = OwnHome(home.folder, AEDILIS_API=address).run("up")
    assert refused.returncode == 2
    assert f"AEDILIS_API: expected a port that is free, got '{address}'" in refused.stderr
    assert home.processes() == []

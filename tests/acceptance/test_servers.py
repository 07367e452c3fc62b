"""`aedilis servers`: started, found, stopped, emptied; nothing is left, and no password is seen."""

from __future__ import annotations

import json
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from deploy.choices import PREFERRED
from tests.acceptance.own_home import OwnHome, until


@pytest.fixture
def home() -> Iterator[OwnHome]:
    """In a folder that every user may pass through: pytest's are closed."""
    with tempfile.TemporaryDirectory(prefix="aedilis-test-") as folder:
        Path(folder).chmod(0o711)
        made = OwnHome(Path(folder) / "home")
        yield made
        made.close()


def hold(stack: ExitStack, *ports: int) -> set[int]:
    """Take ports; those that somebody else has, and may give back at any time, are left out."""
    held = set()
    for port in ports:
        taken = stack.enter_context(socket.socket())
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            taken.bind(("127.0.0.1", port))
            taken.listen()
            held.add(port)
    return held


def test_taken_ports_are_avoided_and_data_stay(home: OwnHome) -> None:
    with ExitStack() as stack:
        held = hold(stack, *PREFERRED.values())
        home.ok("servers", "start")
        first = home.settings()
        assert not set(first["ports"].values()) & held
        home.ok("topics")
        home.ok("migrate")
        home.ok("servers", "stop")
        controller = json.loads((home.folder / "settings.json").read_text())["_controller"]
        held = hold(stack, *first["ports"].values(), int(controller.rpartition(":")[2]))
        home.ok("servers", "start")
        second = home.settings()
        assert held
        assert not set(second["ports"].values()) & held
        assert "all topics are there" in home.ok("topics")
        assert "up to date" in home.ok("migrate")
        assert second["mqtt_password"] == first["mqtt_password"]


def test_what_settings_and_status_say(home: OwnHome) -> None:
    down = home.run("servers", "status")
    assert down.returncode == 1
    assert down.stdout.count("not started") == 3
    home.ok("servers", "start")
    found = home.settings()
    for name in ("mqtt", "kafka", "api"):
        assert found[name] == f"127.0.0.1:{found['ports'][name]}"
    assert urlsplit(found["database"]).port == found["ports"]["database"]
    assert found["page"] == f"http://{found['api']}/"
    assert found["home"] == str(home.folder)
    assert found["admin_user"]
    assert found["admin_password"]
    with psycopg.connect(found["database"]) as connection:
        [(extension,)] = connection.execute("select extname from pg_extension where extname = 'timescaledb'").fetchall()
    status = home.ok("servers", "status")
    for name in ("mqtt", "kafka", "database"):
        assert f"127.0.0.1:{found['ports'][name]}" in status
    assert status.count("ours, run by process") == 3
    assert extension
    again = home.ok("servers", "start")
    assert "run already" in again
    home.ok("servers", "stop")
    home.until_gone()
    assert home.run("servers", "status").returncode == 1
    assert "no servers run" in home.ok("servers", "stop")


def test_no_password_is_seen(home: OwnHome) -> None:
    home.ok("servers", "start")
    kept = json.loads((home.folder / "settings.json").read_text())
    words = [value for name, value in kept.items() if "password" in name or "secret" in name]
    words.append((home.folder / "postgresql" / "password").read_text())
    lines = [" ".join(process.cmdline()) for process in home.processes()]
    assert len(lines) > 6
    assert not [line for line in lines for word in words if word in line]
    for name in ("settings.json", "mosquitto/passwords", "postgresql/password"):
        assert (home.folder / name).stat().st_mode & 0o077 == 0, name
    others = [path.name for path in home.folder.iterdir() if path.stat().st_mode & 0o066]
    assert others == []


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL runs as another user than its starter only under root")
def test_root_may_have_a_home_that_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    home = OwnHome(tmp_path / "home")
    try:
        home.ok("servers", "start")
        home.ok("migrate")
        assert not (home.folder / "postgresql").exists()
        home.ok("servers", "stop")
        home.ok("servers", "start")
        assert "up to date" in home.ok("migrate")
        home.ok("servers", "stop")
        elsewhere = set(Path("/var/lib/aedilis").iterdir())
        home.ok("servers", "reset")
        assert len(elsewhere - set(Path("/var/lib/aedilis").iterdir())) == 1
    finally:
        home.close()


def test_killed_nothing_is_left_and_the_next_start_waits_for_that(home: OwnHome) -> None:
    home.ok("servers", "start")
    home.ok("topics")
    [line] = [line for line in home.ok("servers", "status").splitlines() if line.startswith("kafka")]
    runner = psutil.Process(int(line.rpartition(" ")[2]))
    old = home.processes()
    runner.kill()
    home.ok("servers", "start")
    assert not set(old) & set(home.processes())
    assert "all topics are there" in home.ok("topics")
    [line] = [line for line in home.ok("servers", "status").splitlines() if line.startswith("kafka")]
    os.kill(int(line.rpartition(" ")[2]), signal.SIGKILL)
    home.until_gone()


def test_killed_guards_are_replaced(home: OwnHome) -> None:
    """What is killed is the guard, so nobody is left who could stop the server but the kernel and the supervisor."""
    home.ok("servers", "start")
    home.ok("topics")
    for name in ("kafka", "postgres", "mosquitto"):
        guards = [process for process in home.processes() if "guard.py" in " ".join(process.cmdline())]
        [guard] = [process for process in guards if any(f"/{name}" in part for part in process.cmdline()[:-1])]
        below = guard.children(recursive=True)
        guard.kill()
        until(lambda below=below: not any(process.is_running() for process in below))
    until(lambda: home.run("servers", "status").returncode == 0)
    assert "all topics are there" in home.ok("topics")
    home.ok("migrate")
    home.ok("servers", "stop")
    home.until_gone()


def test_reset_empties_everything_but_never_what_runs(home: OwnHome) -> None:
    home.ok("servers", "start")
    password = home.settings()["mqtt_password"]
    (home.folder / "faust" / "detect-1").mkdir(parents=True)
    refused = home.run("servers", "reset")
    assert refused.returncode == 2
    assert "aedilis servers stop" in refused.stderr
    home.ok("servers", "stop")
    home.ok("servers", "reset")
    assert [path.name for path in home.folder.iterdir()] == ["settings.json"]
    assert home.settings()["mqtt_password"] == password


def test_reset_leaves_a_given_server_alone(home: OwnHome) -> None:
    (home.folder / "kafka").mkdir(parents=True)
    given = OwnHome(home.folder, AEDILIS_KAFKA="127.0.0.1:1")
    assert "kafka is yours (AEDILIS_KAFKA)" in given.ok("servers", "reset")
    assert (home.folder / "kafka").exists()


def test_a_variable_that_names_no_setting_is_refused_first(home: OwnHome) -> None:
    wrong = OwnHome(home.folder, AEDILIS_KAFFKA="127.0.0.1:9092")
    refused = wrong.run("servers", "start")
    assert refused.returncode == 2
    assert "do you mean AEDILIS_KAFKA?" in refused.stderr
    assert not (home.folder / "settings.json").exists()

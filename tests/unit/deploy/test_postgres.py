"""Where PostgreSQL's data lie and what its configuration says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aedilis.settings import Settings
from deploy import postgres
from deploy.postgres import Postgres


def server(home: Path) -> Postgres:
    return Postgres(Settings(home=str(home), database="postgresql://aedilis:secret@127.0.0.1:6543/aedilis"))


def test_configuration(tmp_path: Path) -> None:
    text = server(tmp_path).configuration()
    assert "port = 6543\n" in text
    assert "listen_addresses = '127.0.0.1'" in text
    assert "shared_preload_libraries = 'timescaledb'" in text
    assert "secret" not in text
    assert server(tmp_path).address == "127.0.0.1:6543"


def test_a_user_keeps_the_data_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    tmp_path.chmod(0o700)
    assert server(tmp_path)._folder == tmp_path / "postgresql"


def test_root_keeps_them_where_their_owner_can_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(postgres, "_open_to_others", lambda folder: True)
    assert server(tmp_path)._folder == tmp_path / "postgresql"
    monkeypatch.setattr(postgres, "_open_to_others", lambda folder: False)
    elsewhere = server(tmp_path)._folder
    assert elsewhere.is_relative_to("/var/lib/aedilis")
    assert server(tmp_path)._folder == elsewhere
    assert server(tmp_path / "other")._folder != elsewhere


def test_a_closed_folder_is_noticed(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a").chmod(0o700)
    assert not postgres._open_to_others(inner)
    assert not postgres._open_to_others(inner / "to be made")


def test_the_lock_of_a_dead_server_is_dropped_and_no_other(tmp_path: Path) -> None:
    lock = tmp_path / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{tmp_path}\n")  # the number was given anew
    postgres._drop_stale_lock(tmp_path)
    assert not lock.exists()
    with subprocess.Popen([sys.executable, "-c", "input()", "-D", str(tmp_path)], stdin=subprocess.PIPE) as alive:
        lock.write_text(f"{alive.pid}\n{tmp_path}\n")
        postgres._drop_stale_lock(tmp_path)
        assert lock.exists()
    postgres._drop_stale_lock(tmp_path)
    assert not lock.exists()
    postgres._drop_stale_lock(tmp_path)

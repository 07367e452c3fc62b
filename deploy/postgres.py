"""PostgreSQL with TimescaleDB. It refuses to run as root: then an unprivileged user owns its data."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import secrets
import shutil
import struct
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from aedilis.errors import SettingError
from aedilis.settings import Settings
from deploy import fetch
from deploy.probe import answer
from deploy.process import Guarded
from storage import bootstrap

_POSTGRES = """listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
timezone = 'UTC'
shared_buffers = 512MB
work_mem = 32MB
maintenance_work_mem = 128MB
max_wal_size = 4GB
checkpoint_timeout = 15min
jit = off
wal_compression = lz4
max_connections = 100
max_locks_per_transaction = 512
synchronous_commit = on
log_min_messages = warning
"""


class Postgres:
    """The database server of one installation."""

    name = "database"

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.database)
        self.address = f"{parts.hostname}:{parts.port}"
        self._settings = settings
        self._owner = _unprivileged() if os.geteuid() == 0 else None
        self._folder = self._data_folder()

    def _data_folder(self) -> Path:
        """Below the home folder, unless its owner-to-be cannot get there."""
        home = self._settings.home_path
        if self._owner is not None and not _open_to_others(home.parent):
            return Path("/var/lib/aedilis") / hashlib.sha256(str(home).encode()).hexdigest()[:12] / "postgresql"
        return home / "postgresql"

    def _as_owner(self) -> list[str]:
        """What goes before a command that the owner of the data runs."""
        if self._owner is None:
            return []
        setpriv = fetch.need("setpriv", "util-linux")
        user, group = self._owner.pw_uid, self._owner.pw_gid
        # a change of user clears the death signal that the guard has set
        return [setpriv, f"--reuid={user}", f"--regid={group}", "--clear-groups", "--pdeathsig", "INT"]

    def configuration(self) -> str:
        """The text of `aedilis.conf`, which `postgresql.conf` includes."""
        return _POSTGRES.format(port=self.address.rpartition(":")[2])

    def prepare(self) -> Guarded:
        """Make the cluster once, write its configuration."""
        programs = fetch.postgres()
        if self._owner is not None and not _open_to_others(programs):
            raise SettingError(
                name="AEDILIS_CACHE",
                expected=f"a folder that the user {self._owner.pw_name} may enter",
                got=str(fetch.cache_folder()),
                mend="unset it (/var/cache/aedilis serves root), or run as another user than root",
            )
        if self._owner is not None and self._folder.is_relative_to(self._settings.home_path):
            self._settings.home_path.chmod(0o711)  # to be passed through, not to be listed
        data = self._folder / "data"
        if not (data / "PG_VERSION").exists():
            self._make_cluster(programs, data)
        (data / "aedilis.conf").write_text(self.configuration())
        main = data / "postgresql.conf"
        if "aedilis.conf" not in main.read_text():
            with main.open("a") as file:
                file.write("\ninclude 'aedilis.conf'\n")
        _drop_stale_lock(data)
        return Guarded(
            self.name,
            [*self._as_owner(), str(programs / "postgres"), "-D", str(data)],
            self._settings.home_path / "logs" / "postgresql.log",
            stop_signal="SIGINT",
            grace=30,
        )

    def _make_cluster(self, programs: Path, data: Path) -> None:
        partial = self._folder / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self._folder.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        secret = self._folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(18))
        if self._owner is not None:
            for path in (self._folder, secret):
                os.chown(path, self._owner.pw_uid, self._owner.pw_gid)
        command = [*self._as_owner(), str(programs / "initdb"), "-D", str(partial), "-U", "postgres", "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync", "--no-instructions"]
        fetch.run(command, "database", "aedilis servers reset", folder="/")
        partial.rename(data)

    def finish(self) -> None:
        """Make the user, the database and the extension."""
        bootstrap.make_database(self.address, (self._folder / "password").read_text(), self._settings.database)

    def answers(self) -> bool:
        """Whether it says that it is there, or starting up."""
        # a request for an encrypted connection, answered with one letter
        return answer(self.address, struct.pack(">ii", 8, 80_877_103))

    def empty(self) -> None:
        """Delete the cluster."""
        shutil.rmtree(self._folder, ignore_errors=True)
        if not self._folder.is_relative_to(self._settings.home_path):
            shutil.rmtree(self._folder.parent, ignore_errors=True)


def _open_to_others(folder: Path) -> bool:
    """Whether every user may pass through this folder and those above it, as far as they exist."""
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents) if path.exists())


def _drop_stale_lock(data: Path) -> None:
    """After a crash of the machine the number in `postmaster.pid` may be that of some other process by now."""
    lock = data / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(lock.read_text().splitlines()[0])
        with contextlib.suppress(psutil.NoSuchProcess):
            if str(data) in psutil.Process(pid).cmdline():
                return
        lock.unlink()


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise SettingError(
        name="user", expected="postgres or nobody, to run PostgreSQL", got="neither", mend="useradd --system postgres"
    )

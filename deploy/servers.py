"""The three local servers: how each is configured, started, and known to be ready."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from aedilis.errors import ServerError
from aedilis.settings import Settings
from deploy import fetch
from deploy.process import Guarded


class Server(Protocol):
    """A server program under our care."""

    name: str
    address: str  # host:port

    def prepare(self) -> Guarded:
        """Write its configuration; the process that would run it."""

    def finish(self) -> None:
        """What is done once it accepts connections."""

    def empty(self) -> None:
        """Delete its data."""


def accepts(address: str) -> bool:
    """Whether something accepts connections there."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=0.5):
            return True
    except OSError:
        return False


def wait_ready(process: Guarded, address: str, seconds: float = 60.0) -> None:
    """Wait until it accepts connections.

    Raises:
        ServerError: it ended, or did not accept in time; with the end of its log.
    """
    deadline = time.monotonic() + seconds
    while not accepts(address):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerError(
                server=process.name,
                problem=f"does not accept connections at {address}:\n{process.tail()}",
                mend=f"read {process.log}",
            )
        time.sleep(0.05)


class Mosquitto:
    """The MQTT broker: one user, sessions saved every two seconds, no limit that drops QoS 1 messages."""

    name = "mqtt"

    def __init__(self, settings: Settings) -> None:
        self.address = settings.mqtt
        self._settings = settings
        self._folder = settings.home_path / "mosquitto"

    def prepare(self) -> Guarded:
        """Write configuration and password file."""
        programs = fetch.mosquitto()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        passwords = self._folder / "passwords"
        passwords.touch(mode=0o600)
        passwords.write_text(f"{self._settings.mqtt_user}:{_mosquitto_hash(self._settings.mqtt_password)}\n")
        configuration = self._folder / "mosquitto.conf"
        configuration.write_text(
            "\n".join(
                [
                    f"listener {self.address.rpartition(':')[2]} 127.0.0.1",
                    "allow_anonymous false",
                    f"password_file {passwords}",
                    "persistence true",
                    f"persistence_location {self._folder}/",
                    "autosave_interval 2",
                    "max_inflight_messages 0",
                    "max_queued_messages 0",
                    "max_packet_size 8388608",
                    "log_dest stderr",
                    "log_type error",
                    "log_type warning",
                    "log_type notice",
                    *(["user root"] if os.geteuid() == 0 else []),
                ]
            )
            + "\n"
        )
        command = [str(programs / "mosquitto"), "-c", str(configuration)]
        return Guarded(self.name, command, self._settings.home_path / "logs" / "mosquitto.log")

    def finish(self) -> None:
        """Nothing to do."""

    def empty(self) -> None:
        """Delete sessions and retained messages."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _mosquitto_hash(password: str) -> str:
    """Mosquitto's `$7$` form: PBKDF2 with SHA-512, 101 rounds."""
    from base64 import b64encode

    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"$7$101${b64encode(salt).decode()}${b64encode(digest).decode()}"


class Kafka:
    """One process, broker and controller (KRaft)."""

    name = "kafka"

    def __init__(self, settings: Settings) -> None:
        self.address = settings.kafka
        self._settings = settings
        self._folder = settings.home_path / "kafka"

    def prepare(self) -> Guarded:
        """Write the configuration and format the log folder once."""
        libs = fetch.kafka() / "libs"
        java = fetch.need("java", "openjdk-17-jre-headless")
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = self._folder / "server.properties"
        controller = self._folder / "controller.port"
        if not controller.exists():
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                controller.write_text(str(probe.getsockname()[1]))
        quorum = f"127.0.0.1:{controller.read_text()}"
        values = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{quorum}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{quorum}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self._folder / "logs"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "8",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "message.max.bytes": str(16 * 1024 * 1024),
            "replica.fetch.max.bytes": str(16 * 1024 * 1024),
            "log.retention.check.interval.ms": "30000",
            "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
            "num.network.threads": "2",
            "num.io.threads": "4",
        }
        configuration.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        log4j = self._folder / "log4j2.yaml"
        log4j.write_text(_LOG4J)
        command = [java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=4"]
        command += [f"-Dlog4j2.configurationFile={log4j}", "-cp", f"{libs}/*"]
        if not (self._folder / "logs" / "meta.properties").exists():
            formatting = [*command, "kafka.tools.StorageTool", "format", "-t", uuid.uuid4().hex[:22], "-c"]
            result = subprocess.run([*formatting, str(configuration)], capture_output=True, text=True, check=False)
            if result.returncode:
                raise ServerError(server="kafka", problem=result.stdout + result.stderr, mend="aedilis servers reset")
        return Guarded(
            self.name,
            [*command, "kafka.Kafka", str(configuration)],
            self._settings.home_path / "logs" / "kafka.log",
            grace=20,
        )

    def finish(self) -> None:
        """Nothing to do."""

    def empty(self) -> None:
        """Delete all topics."""
        shutil.rmtree(self._folder, ignore_errors=True)


_LOG4J = """Configuration:
  Appenders:
    Console: {name: out, PatternLayout: {pattern: "%d %p %c{1} %m%n"}}
  Loggers:
    Root: {level: warn, AppenderRef: {ref: out}}
"""


class Postgres:
    """PostgreSQL with TimescaleDB. It refuses to run as root: then an unprivileged user owns its data."""

    name = "database"

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.database)
        self.address = f"{parts.hostname}:{parts.port}"
        self._password = unquote(parts.password or "")
        self._settings = settings
        self._user = _unprivileged() if os.geteuid() == 0 else None
        self._folder = self._data_folder()

    def _data_folder(self) -> Path:
        """Below the home folder, unless its owner-to-be cannot get there."""
        home = self._settings.home_path
        if self._user is not None:
            for folder in (home, *home.parents):
                if folder.exists() and not folder.stat().st_mode & 0o001:
                    return Path("/var/lib/aedilis") / hashlib.sha256(str(home).encode()).hexdigest()[:12] / "postgresql"
        return home / "postgresql"

    def _as_user(self) -> list[str]:
        if self._user is None:
            return []
        setpriv = fetch.need("setpriv", "util-linux")
        return [setpriv, f"--reuid={self._user}", f"--regid={self._user}", "--clear-groups", "--pdeathsig", "TERM"]

    def prepare(self) -> Guarded:
        """Make the cluster once, write its configuration."""
        programs = fetch.postgres()
        data = self._folder / "data"
        if not (data / "PG_VERSION").exists():
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            self._folder.chmod(0o755)
            secret = self._folder / "password"
            secret.touch(mode=0o600)
            secret.write_text(self._password)
            if self._user is not None:
                os.chown(self._folder, self._user, self._user)
                os.chown(secret, self._user, self._user)
            command = [*self._as_user(), str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-E", "UTF8"]
            command += ["--locale=C.UTF-8", "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync"]
            result = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
            if result.returncode:
                raise ServerError(server="database", problem=result.stderr, mend="aedilis servers reset")
        (data / "aedilis.conf").write_text(_POSTGRES.format(port=self.address.rpartition(":")[2]))
        main = data / "postgresql.conf"
        if "aedilis.conf" not in main.read_text():
            with main.open("a") as file:
                file.write("\ninclude 'aedilis.conf'\n")
        (data / "postmaster.pid").unlink(missing_ok=True) if not accepts(self.address) else None
        return Guarded(
            self.name,
            [*self._as_user(), str(programs / "postgres"), "-D", str(data)],
            self._settings.home_path / "logs" / "postgresql.log",
            stop_signal="SIGINT",
            grace=30,
        )

    def finish(self) -> None:
        """Make the user, the database and the extension."""
        command = [sys.executable, "-m", "storage.bootstrap", self.address, self._password, self._settings.database]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise ServerError(server="database", problem=result.stderr.strip()[-800:], mend="aedilis servers reset")

    def empty(self) -> None:
        """Delete the cluster."""
        shutil.rmtree(self._folder, ignore_errors=True)


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
wal_compression = lz4
max_connections = 100
max_locks_per_transaction = 512
synchronous_commit = on
log_min_messages = warning
"""


def _unprivileged() -> int:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    return 65534


def local_servers(settings: Settings) -> list[Server]:
    """Those that are ours to run: the ones whose address the environment does not give."""
    all_of_them: list[tuple[str, type[Server]]] = [
        ("AEDILIS_MQTT", Mosquitto),
        ("AEDILIS_KAFKA", Kafka),
        ("AEDILIS_DATABASE", Postgres),
    ]
    return [kind(settings) for variable, kind in all_of_them if not os.environ.get(variable)]  # type: ignore[call-arg]

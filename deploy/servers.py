"""The three local servers: what they have in common, which of them are ours to run, how they are started."""

from __future__ import annotations

import os
import socket
import time
from typing import Protocol
from urllib.parse import urlsplit

from aedilis.errors import ServerError
from aedilis.settings import Settings, given_servers
from deploy import fetch
from deploy.kafka import Kafka
from deploy.mosquitto import Mosquitto
from deploy.postgres import Postgres
from deploy.process import Guarded


class Server(Protocol):
    """A server program under our care."""

    name: str
    address: str  # host:port

    def prepare(self) -> Guarded:
        """Fetch the program, write its configuration; the process that would run it."""

    def finish(self) -> None:
        """What is done once it accepts connections."""

    def answers(self) -> bool:
        """Whether it says anything in its own protocol: the kernel accepts connections for one that hangs, too."""

    def empty(self) -> None:
        """Delete its data."""


KINDS: tuple[type[Mosquitto] | type[Kafka] | type[Postgres], ...] = (Kafka, Postgres, Mosquitto)
"""In the order of their start: the slowest first."""


_PROGRAMS = {"kafka": fetch.kafka, "database": fetch.postgres, "mqtt": fetch.mosquitto}


def fetch_programs() -> None:
    """Get the programs of the servers that are ours to run, unless they are there."""
    for name, get in _PROGRAMS.items():
        if name not in given_servers(os.environ):
            get()


def local_servers(settings: Settings) -> list[Server]:
    """Those that are ours to run: the ones whose address the environment does not give."""
    given = given_servers(os.environ)
    return [kind(settings) for kind in KINDS if kind.name not in given]


def addresses(settings: Settings) -> dict[str, str]:
    """Server → host:port (of Kafka possibly several, with commas)."""
    database = urlsplit(settings.database)
    return {"mqtt": settings.mqtt, "kafka": settings.kafka, "database": f"{database.hostname}:{database.port or 5432}"}


def accepts(address: str) -> bool:
    """Whether something accepts connections there."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=0.5):
            return True
    except OSError:
        return False


def check_given(settings: Settings) -> None:
    """The servers that the environment names must be there.

    Raises:
        ServerError: one does not accept connections.
    """
    for name in sorted(given_servers(os.environ)):
        address = addresses(settings)[name]
        if not any(accepts(one) for one in address.split(",")):
            raise ServerError(
                server=name,
                problem=f"does not accept connections at {address}, which AEDILIS_{name.upper()} names",
                mend="start it, or unset the variable to have one started",
            )


def wait_ready(process: Guarded, address: str, seconds: float = 60.0) -> None:
    """Wait until the process accepts connections, and not merely somebody at its address.

    Raises:
        ServerError: it ended, or did not accept in time; with the end of its log.
    """
    port = int(address.rpartition(":")[2])
    deadline = time.monotonic() + seconds
    while not (process.listens(port) and accepts(address)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerError(
                server=process.name,
                problem=f"does not accept connections at {address}:\n{process.tail()}",
                mend=f"read {process.log}",
            )
        time.sleep(0.02)

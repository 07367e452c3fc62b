"""Makes the role, the database and the extension in a local cluster: the one thing done as superuser."""

from __future__ import annotations

import time
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import pq, sql

from aedilis.errors import StorageError

RECOVERY_SECONDS = 120.0
"""After a crash the cluster reads its log again before it lets anybody in."""


def make_database(address: str, superuser_password: str, url: str) -> None:
    """Make what is missing in the cluster at `address` (host:port) for the role and the database that `url` names.

    Waits while the cluster starts up. The role gets the password of `url`, so that a lost `settings.json` is mended by the next start.

    Raises:
        StorageError: the cluster refused.
    """
    _wait_started(address)
    try:
        _make(address, superuser_password, url)
    except psycopg.Error as error:
        raise StorageError(problem=str(error).strip(), mend="aedilis servers reset") from error


def _wait_started(address: str) -> None:
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + RECOVERY_SECONDS
    while pq.PGconn.ping(f"host={host} port={port} connect_timeout=5".encode()) != pq.Ping.OK:
        if time.monotonic() > deadline:
            raise StorageError(problem=f"{address} is still starting up", mend="read the log of the server")
        time.sleep(0.02)


def _make(address: str, superuser_password: str, url: str) -> None:
    host, _, port = address.rpartition(":")
    parts = urlsplit(url)
    user, database = parts.username or "aedilis", parts.path.strip("/")
    role = [sql.Identifier(user), sql.Literal(unquote(parts.password or ""))]

    def connect(name: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=host, port=port, user="postgres", password=superuser_password, dbname=name, autocommit=True
        )

    with connect("postgres") as admin:
        there = admin.execute("select 1 from pg_roles where rolname = %s", [user]).fetchone()
        verb = sql.SQL("alter" if there else "create")
        admin.execute(sql.SQL("{} role {} login createdb password {}").format(verb, *role))
        if not admin.execute("select 1 from pg_database where datname = %s", [database]).fetchone():
            admin.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(database), sql.Identifier(user)))
    for name in (database, "template1"):  # databases made later, as tests do, have the extension too
        with connect(name) as admin:
            admin.execute("create extension if not exists timescaledb")

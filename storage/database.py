"""The connection to the database, the named queries, the migrations."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Any, LiteralString, cast

import psycopg
from psycopg import errors
from psycopg_pool import AsyncConnectionPool

from aedilis.errors import StorageError
from aedilis.settings import Settings

LOCK = 0x6165_6469
"""Advisory lock of the migrations."""
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)

Connection = psycopg.AsyncConnection[Any]


@cache
def queries(subject: str) -> dict[str, LiteralString]:
    """Name → text of the queries in `sql/<subject>.sql`."""
    text = (files("storage") / "sql" / f"{subject}.sql").read_text()
    parts = _NAME.split(text)
    return {name: cast(LiteralString, body.strip()) for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def make_pool(settings: Settings, size: int) -> AsyncConnectionPool[Connection]:
    """A pool that is not yet open. A broken connection is replaced before it is given out."""
    return AsyncConnectionPool(
        settings.database,
        min_size=1,
        max_size=size,
        open=False,
        timeout=5,
        reconnect_timeout=5,
        kwargs={"connect_timeout": 5, "autocommit": True, "options": "-c timezone=UTC"},
        check=AsyncConnectionPool.check_connection,
    )


def migrate(settings: Settings) -> list[str]:
    """Apply the migrations that are missing, one process at a time. Returns their names.

    Raises:
        StorageError: the database cannot be reached, or a file that was applied has been edited since.
    """
    try:
        with psycopg.connect(settings.database, connect_timeout=10, autocommit=True) as connection:
            connection.execute("set lock_timeout = '30s'")
            connection.execute("select pg_advisory_lock(%s)", [LOCK])
            _extend(connection)
            return _apply(connection)
    except psycopg.Error as error:
        raise StorageError(
            problem=str(error).strip(), mend="check AEDILIS_DATABASE, or `aedilis servers status`"
        ) from error


def _extend(connection: psycopg.Connection[Any]) -> None:
    """TimescaleDB in this database; the one thing that may need a superuser."""
    try:
        connection.execute("create extension if not exists timescaledb")
    except (errors.InsufficientPrivilege, errors.UndefinedFile, errors.FeatureNotSupported) as error:
        raise StorageError(
            problem=f"it has no extension timescaledb: {error}".strip(),
            mend="install TimescaleDB on that server and, as its superuser and in this database, run"
            " `create extension timescaledb`",
        ) from error


def _apply(connection: psycopg.Connection[Any]) -> list[str]:
    connection.execute(
        "create table if not exists migration (name text primary key, checksum text not null,"
        " applied_at timestamptz not null default now())"
    )
    applied = dict(connection.execute("select name, checksum from migration").fetchall())
    done = []
    for file in sorted((files("storage") / "migrations").iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".sql"):
            continue
        text = file.read_text()
        checksum = hashlib.sha256(text.encode()).hexdigest()
        if file.name in applied:
            if applied[file.name] != checksum:
                raise StorageError(
                    problem=f"migration {file.name} was edited after it had been applied",
                    mend="restore the file and put the change into a new one",
                )
            continue
        with connection.transaction():
            connection.execute(text)
            connection.execute("insert into migration (name, checksum) values (%s, %s)", [file.name, checksum])
        done.append(file.name)
    return done

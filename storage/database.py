"""The connection to the database, the named queries, the migrations."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import Any, LiteralString, cast

import psycopg
from psycopg import errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from aedilis.errors import StorageError
from aedilis.settings import Settings

LOCK = 0x6165_6469
"""Advisory lock of the migrations."""
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)

_DOWN = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    PoolTimeout,
    errors.DiskFull,
    errors.SerializationFailure,
    errors.DeadlockDetected,
)

Connection = psycopg.AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]
Partition = tuple[str, int]
"""Topic and number."""


class Unavailable(Exception):
    """The database cannot be reached or cannot write for now; nothing was stored, the same call may be made again."""


class Refused(Exception):
    """The database refuses these data for good."""


@cache
def queries(subject: str) -> dict[str, LiteralString]:
    """Name → text of the queries in `sql/<subject>.sql`."""
    text = (files("storage") / "sql" / f"{subject}.sql").read_text()
    parts = _NAME.split(text)
    return {name: cast(LiteralString, body.strip()) for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def make_pool(settings: Settings, size: int, *, lazy: bool = False) -> Pool:
    """A pool that is not yet open.

    `lazy`: a commit does not wait for the disk, and connections are not tried before they are given out: for a writer
    that asks at each transaction where it stands, and so finds out what a crash of the database took back.
    """
    options = "-c timezone=UTC" + (" -c synchronous_commit=off" if lazy else "")
    return AsyncConnectionPool(
        settings.database,
        min_size=1,
        max_size=size,
        open=False,
        timeout=5,
        reconnect_timeout=5,
        kwargs={"connect_timeout": 5, "autocommit": True, "options": options},
        check=None if lazy else AsyncConnectionPool.check_connection,
    )


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """A connection in a transaction.

    Raises:
        Unavailable: nothing was stored, the same may be tried again.
        Refused: the database does not take it.
    """
    try:
        async with pool.connection() as connection, connection.transaction():
            yield connection
    except _DOWN as error:
        await pool.check()  # the others are broken as well, if the server was started anew
        raise Unavailable(str(error).strip()) from error
    except psycopg.Error as error:
        raise Refused(f"{type(error).__name__}: {error}".strip()) from error


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

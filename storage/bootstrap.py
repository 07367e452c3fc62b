"""Makes the role, the database and the extension in a fresh local cluster: the one thing done as superuser.

python -m storage.bootstrap HOST:PORT SUPERUSER_PASSWORD DATABASE_URL
"""

from __future__ import annotations

import sys
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql


def main(address: str, superuser_password: str, url: str) -> None:
    """Idempotent."""
    host, _, port = address.rpartition(":")
    parts = urlsplit(url)
    user, database = parts.username or "aedilis", parts.path.strip("/")
    password = unquote(parts.password or "")

    def connect(name: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=host, port=port, user="postgres", password=superuser_password, dbname=name, autocommit=True
        )

    with connect("postgres") as admin:
        if not admin.execute("select 1 from pg_roles where rolname = %s", [user]).fetchone():
            create = sql.SQL("create role {} login createdb password {}")
            admin.execute(create.format(sql.Identifier(user), sql.Literal(password)))
        if not admin.execute("select 1 from pg_database where datname = %s", [database]).fetchone():
            admin.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(database), sql.Identifier(user)))
    for name in (database, "template1"):  # databases made later, as tests do, have the extension too
        with connect(name) as admin:
            admin.execute("create extension if not exists timescaledb")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""`aedilis migrate` and `aedilis counts`."""

from __future__ import annotations

import asyncio
import sys

import click
import msgspec
from rich.console import Console
from rich.table import Table

from aedilis.errors import StorageError
from aedilis.settings import Settings, load
from storage.counts import Counts
from storage.database import migrate as apply_migrations


@click.command()
def migrate() -> None:
    """Bring the database schema up to date."""
    done = apply_migrations(load())
    click.echo(f"applied {', '.join(done)}" if done else "the schema is up to date")


async def _read(settings: Settings) -> Counts:
    import psycopg

    from storage.counts import read_counts

    try:
        async with await psycopg.AsyncConnection.connect(settings.database, autocommit=True) as connection:
            return await read_counts(connection)
    except psycopg.Error as error:
        raise StorageError(problem=str(error).strip(), mend="is it running? `aedilis servers status`") from error


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The keys are described in storage/counts.py.")
def counts(as_json: bool) -> None:
    """Show whether the counts of all hops agree; exit code 1 if not."""
    found = asyncio.run(_read(load()))
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        _show(found)
    sys.exit(0 if found.agree else 1)


def _show(found: Counts) -> None:
    table = Table("sum", "left", "right", "agrees")
    for one in found.sums:
        sides = [" + ".join(f"{key} {number:,}" for key, number in side.items()) for side in (one.left, one.right)]
        table.add_row(one.name, *sides, "yes" if one.agree else "NO")
    console = Console()
    console.print(table)
    for reason, number in found.rejects.items():
        console.print(f"rejected, {reason}: {number:,}")
    if any(found.quarantine.values()):
        told = {
            "stand and can be sent again": found.quarantine["standing"],
            "were sent again and read": found.quarantine["redriven"],
            "went from the log before that": found.quarantine["dropped"],
        }
        console.print("rejects: " + ", ".join(f"{number:,} {words}" for words, number in told.items() if number))
    for role, number in found.lost.items():
        console.print(f"LOST: {number:,} records that Kafka deleted before {role} had read them; see table dead_letter")
    if found.dropped:
        console.print(f"dropped by retention after they were stored: {found.dropped:,} observations")
    if found.dead_letters:
        console.print(f"dead letters: {found.dead_letters:,} records that no role could apply; see table dead_letter")

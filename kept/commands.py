"""`aedilis redrive`."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
import msgspec

from aedilis.errors import StorageError
from aedilis.settings import load
from aedilis.vocabulary import RejectReason

if TYPE_CHECKING:
    from kept.redrive import Result, Selection


@click.command()
@click.option("--group", type=int, help="Identity of a group, as `/rejects` and its JSON twin show it.")
@click.option("--reason", type=click.Choice([str(reason) for reason in RejectReason]), help="Of the first problem.")
@click.option("--type", "sensor_type", help="Name of the sensor type that refused them.")
@click.option("--topic", help="An MQTT filter, such as city/demo/#.")
@click.option("--since", type=click.DateTime(), help="Those that came in since then, UTC.")
@click.option("--dry-run", "dry", is_flag=True, help="Say how many would be sent, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="The sums as JSON.")
def redrive(
    group: int | None,
    reason: str | None,
    sensor_type: str | None,
    topic: str | None,
    since: datetime | None,
    dry: bool,
    as_json: bool,
) -> None:
    """Send rejects that stand through MQTT again, with their original time, and wait for what becomes of them.

    Exit code 1 if some were not answered.
    """
    from kept.redrive import Selection

    moment = None if since is None else int(since.replace(tzinfo=UTC).timestamp() * 1_000_000)
    found = asyncio.run(_run(Selection(group, reason, sensor_type, topic, moment), dry))
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        _show(found)
    sys.exit(1 if found.unanswered else 0)


async def _run(selection: Selection, dry: bool) -> Result:
    from kept.redrive import redrive as send
    from storage.queries import Reader
    from storage.writer import Unavailable

    settings = load()
    reader = Reader(settings)
    await reader.open()
    try:
        return await send(settings, reader, selection, dry=dry, told=lambda text: click.echo(text, err=True))
    except Unavailable as error:
        raise StorageError(problem=str(error), mend="is it running? `aedilis servers status`") from error
    finally:
        await reader.close()


def _show(found: Result) -> None:
    if found.dry:
        click.echo(f"{found.sent:,} would be sent")
    else:
        parts = {"read": found.read, "in part": found.in_part, "refused again": found.refused}
        parts["not answered"] = found.unanswered
        click.echo(f"sent {found.sent:,} = " + " + ".join(f"{words} {number:,}" for words, number in parts.items()))
        click.echo(f"{found.observations:,} observations; those that were stored before are counted as duplicates")
    for reason, number in found.reasons.items():
        click.echo(f"refused again, {reason}: {number:,}")
    if found.cut:
        click.echo(f"{found.cut:,} were too long to be kept whole: there is nothing to send")
    if found.gone:
        click.echo(f"{found.gone:,} are no longer in the log")
    if found.unanswered:
        click.echo("no ingest process has answered for some: is one running that holds their topic? Run it again then.")

"""`aedilis things`: what is told of Things, one by one and in files, and who waits for approval."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from aedilis.errors import ThingsError
from aedilis.settings import load
from aedilis.topics import THINGS
from aedilis.vocabulary import Thing
from registry.log import Latest
from registry.things import Fault, Key, Things, read_fields
from registry.things_csv import read_csv, write_csv
from sensors.payload import Refused, read_name

Told = TypeVar("Told")


class _Placed(msgspec.Struct):
    """What is needed here of a record of the topic `things`."""

    thing: Thing


@click.group()
def things() -> None:
    """Name, place and approve Things."""


@things.command("list")
@click.option("--json", "as_json", is_flag=True, help="as an array of objects")
@click.option("--waiting", is_flag=True, help="only those that wait for approval")
def list_things(as_json: bool, waiting: bool) -> None:
    """Every Thing that spoke, was told of, or waits."""
    rows = asyncio.run(_rows(waiting))
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for row in rows:
        place = "" if row["longitude"] is None else f"  {row['latitude']:.4f}, {row['longitude']:.4f}"
        waits = f"  {row['messages']} messages as {row['sensor_type']}" if "messages" in row else ""
        title = f"  “{row['title']}”" if row["title"] else ""
        click.echo(f"{row['agency']}/{row['thing']}  {row['state']}  {row['zone'] or '–'}{place}{title}{waits}")
    if not rows:
        click.echo("no Thing waits for approval" if waiting else "no Thing has spoken, and none was told of", err=True)


async def _rows(waiting: bool) -> list[dict[str, Any]]:
    settings = load()
    registry = Things(settings)
    await registry.open(patient=False)
    try:
        async with Latest(settings, THINGS) as placed:
            known = [msgspec.json.decode(value, type=_Placed).thing for value in placed.values.values()]
        return _listed(registry, [] if waiting else known, waiting)
    finally:
        await registry.close()


def _listed(registry: Things, known: list[Thing], waiting: bool) -> list[dict[str, Any]]:
    rows: dict[Key, dict[str, Any]] = {}
    for thing in known:
        place = thing.location
        rows[thing.agency, thing.name] = {
            "state": "speaks",
            "title": thing.title,
            "zone": thing.zone.partition("/")[2],
            "longitude": place and place.longitude,
            "latitude": place and place.latitude,
        }
    for entry in [] if waiting else registry.entries():
        row = rows.setdefault((entry.agency, entry.thing), {"state": "silent"})
        row |= {name: value for name, value in entry.tells().items() if value is not None or name not in row}
        if entry.approved is False:
            row["state"] = "held"
    for stranger in registry.strangers():
        told = registry.get(stranger.agency, stranger.thing).tells()
        state = "held" if told["approved"] is False else "waiting"
        counted = {
            name: getattr(stranger, name) for name in ("sensor_type", "topic", "messages", "first_at", "last_at")
        }
        rows[stranger.agency, stranger.thing] = {**told, "state": state, **counted}
    none = dict.fromkeys(("title", "zone", "longitude", "latitude", "approved"))
    return [{"agency": agency, "thing": thing, **none, **rows[agency, thing]} for agency, thing in sorted(rows)]


@things.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--skip-bad", is_flag=True, help="apply the lines without a fault, though others have some")
def import_file(file: Path, skip_bad: bool) -> None:
    """Tell what a CSV file says. Nothing is applied while any line has a fault."""
    told, faults = read_csv(file.read_bytes())
    if faults and not (skip_bad and told):
        raise ThingsError(count=len(faults), faults="\n".join(map(str, faults)))
    for fault in faults:
        click.echo(f"skipped: {fault}", err=True)
    changed = _with(lambda registry: registry.tell(told.items(), _who()))
    click.echo(
        f"{len(told)} Things told, {len(changed)} of them changed, {len({f.line for f in faults})} lines skipped"
    )


@things.command("export")
def export() -> None:
    """What was told, as a CSV file that `import` takes."""

    async def entries(registry: Things) -> str:
        return write_csv(registry.entries())

    click.echo(_with(entries), nl=False)


@things.command("set")
@click.argument("agency")
@click.argument("thing")
@click.option("--title", help="what people call it")
@click.option("--zone", help="its neighbourhood")
@click.option("--longitude", help="degrees east, WGS 84")
@click.option("--latitude", help="degrees north, WGS 84")
def set_thing(agency: str, thing: str, **options: str | None) -> None:
    """Tell something of a Thing; an empty text takes it back, and its messages decide again."""
    given = {name: text for name, text in options.items() if text is not None}
    fields, faults = read_fields(given)
    if not given:
        faults = [Fault("options", "--title, --zone, or --longitude and --latitude", "none", "give one")]
    _refuse(faults)
    key = _names(agency, thing)
    changed = _with(lambda registry: registry.tell([(key, fields)], _who()))
    click.echo(f"{agency}/{thing} {'changed' if changed else 'was so already'}")


@things.command("approve")
@click.argument("agency")
@click.argument("names", metavar="THING...", nargs=-1, required=True)
def approve(agency: str, names: tuple[str, ...]) -> None:
    """Let Things in; `aedilis redrive` brings back what they have said."""
    told: list[tuple[Key, Mapping[str, Any]]] = [(_names(agency, name), {"approved": True}) for name in names]
    changed = _with(lambda registry: registry.tell(told, _who()))
    click.echo(f"{len(changed)} approved, {len(names) - len(changed)} were already")


def _names(agency: str, thing: str) -> Key:
    faults = []
    for what, name in (("agency", agency), ("thing", thing)):
        try:
            read_name(name, what, encoded=False)
        except Refused as refused:
            faults.append(Fault(what, refused.detail.removeprefix("expected "), name[:50], "write it as in the topic"))
    _refuse(faults)
    return read_name(agency, "agency", encoded=False), read_name(thing, "thing", encoded=False)


def _refuse(faults: list[Fault]) -> None:
    if faults:
        lines = [
            f"{fault.column}: expected {fault.expected}, got {fault.got!r}. Mend: {fault.mend}" for fault in faults
        ]
        raise ThingsError(count=len(faults), faults="\n".join(lines))


def _who() -> str:
    return f"{os.environ.get('USER') or os.getuid()} (command line)"


def _with(do: Callable[[Things], Awaitable[Told]]) -> Told:
    async def run() -> Told:
        registry = Things(load())
        await registry.open(patient=False)
        try:
            return await do(registry)
        finally:
            await registry.close()

    return asyncio.run(run())

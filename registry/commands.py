"""`aedilis types`: what is in force, what it says, and how it is changed."""

from __future__ import annotations

import asyncio
import getpass
import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aedilis.errors import DeclarationError, ServerError, TopicError, UnknownSensorType
from aedilis.lazy import Later, Lazy
from aedilis.settings import load as load_settings

if TYPE_CHECKING:
    from registry.desk import Desk
    from registry.types import Known, Version
    from sensors.compile import CompiledType
    from sensors.preview import Shown

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="An object for tools; docs/commands.md lists the keys."
)
_note = click.option("--note", default="", help="Why; stands beside the version.")


_LATER = {
    "infer": Later("trial.commands", "infer", "Propose a type from samples, each guess with its confidence and why."),
    "try": Later("trial.commands", "try_", "Run a file on recorded traffic: what it would give, find and alert."),
}
"""They stand above this room, and take long to import."""


@click.group(cls=Lazy, later=_LATER)
def types() -> None:
    """Show, check and change sensor types."""


# ---------------------------------------------------------------- to look at


@types.command("list")
@click.option("--all", "every", is_flag=True, help="Every version that ever was, also of types that are withdrawn.")
@as_json_option
def list_types(every: bool, as_json: bool) -> None:
    """One line each: what is in force, its topic and title."""
    known = asyncio.run(known_now())
    in_force = known.in_force()
    rows = []
    for name in known.names():
        for number, version in known.versions(name).items():
            if every or in_force.get(name) == number:
                rows.append({**_told(version), **_declared(version), "in_force": in_force.get(name) == number})
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        mark = ("* " if row["in_force"] else "  ") if every else ""
        click.echo(f"{mark}{row['name']}@{row['version']}  {row['topic']}  {row['title']}{_when(row) if every else ''}")


@types.command()
@click.argument("what", metavar="NAME[@VERSION]")
@as_json_option
def show(what: str, as_json: bool) -> None:
    """The text of a version, by default of the one in force."""
    name, number = _name_and_version(what)
    known = asyncio.run(known_now())
    version = known.found(name, number)
    told = {**_told(version), "in_force": known.in_force().get(name) == version.version}
    if as_json:
        click.echo(json.dumps({**told, "text": version.text}, ensure_ascii=False, indent=2))
        return
    click.echo(
        f"# {name}@{version.version}{_when(told)}{', in force' if told['in_force'] else ''}\n{version.text}", nl=False
    )


@types.command()
@click.argument("what", metavar="NAME|FILE")
@click.argument("old", type=int, required=False)
@click.argument("new", type=int, required=False)
@click.option("--text", "lines", is_flag=True, help="The lines of both texts that differ, too.")
@as_json_option
def diff(what: str, old: int | None, new: int | None, lines: bool, as_json: bool) -> None:
    """What changes, in words: between two versions of a type, or between what is in force and a file."""
    from registry import diff as differ
    from registry.types import Version
    from sensors.parsing import parse
    from sensors.registry import read_text

    known = asyncio.run(known_now())
    if old is None:
        text = read_text(Path(what))
        declared = parse(text, what)
        after = Version(declared.name, declared.version, text, None, "", "")
        before = known.found(declared.name)
    else:
        before, after = known.found(what, old), known.found(what, new)
    changes = differ.in_words(before.declared, after.declared)
    text = differ.in_lines(before, after)
    if as_json:
        told = {"name": after.name, "from": before.version, "to": after.version, "changes": changes, "text": text}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    click.echo("\n".join(changes) or f"{after.name}@{after.version} reads as {before.name}@{before.version} does")
    if lines and text:
        click.echo(f"\n{text}")


@types.command()
@click.argument("file", type=_FILE)
@click.option("--samples", type=_FILE, help="Messages, one a line; what each of them becomes is shown.")
@as_json_option
def check(file: Path, samples: Path | None, as_json: bool) -> None:
    """Say whether a file declares a sensor type whose examples hold, and if not, every fault. Asks no server."""
    from registry.check import check as check_text
    from sensors.registry import read_text

    with faults_as_json(as_json):
        compiled = check_text(read_text(file), str(file))
    shown = _became(compiled, samples) if samples else []
    if as_json:
        told: dict[str, Any] = {"name": compiled.name, "version": compiled.version, "ok": True, "faults": []}
        if samples:
            told["samples"] = [one._asdict() for one in shown]
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    click.echo(f"{compiled.name}@{compiled.version} is well declared")
    if samples:
        from sensors.preview import in_words

        click.echo(in_words(shown))


def _became(compiled: CompiledType, file: Path) -> list[Shown]:
    from sensors.infer.lines import from_lines
    from sensors.infer.samples import Sample
    from sensors.preview import preview

    samples = [Sample(line.topic, line.payload, line.received_at) for line in from_lines(file)]
    return preview(compiled, samples, time.time_ns() // 1000)


@types.command()
def schema() -> None:
    """Print the JSON schema of a sensor type's file."""
    from sensors.schema import text

    click.echo(text(), nl=False)


@types.command()
@click.argument("name")
@click.option("--format", "format_", default="json", show_default=True, help="The payload format.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), help="The file to write; NAME.toml if absent.")
@as_json_option
def new(name: str, format_: str, to: Path | None, as_json: bool) -> None:
    """Write the first text of a type: explained line by line, with an example that holds."""
    from registry.check import check as check_text
    from registry.scaffold import scaffold
    from sensors.format import all_formats

    if format_ not in all_formats():
        raise click.BadParameter(f"expected one of {', '.join(sorted(all_formats()))}, got {format_!r}")
    to = to or Path(f"{name.replace('-', '_')}.toml")
    with faults_as_json(as_json):
        text = scaffold(name, format_)
        check_text(text, name)
    try:
        with to.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise click.ClickException(f"{to} cannot be written: {error.strerror}; name another one with --to") from error
    if as_json:
        click.echo(json.dumps({"name": name, "file": str(to), "text": text}, ensure_ascii=False, indent=2))
    else:
        click.echo(f"wrote {to}; edit it, then `aedilis types check {to}` and `aedilis types apply {to}`")


# ---------------------------------------------------------------- to change


@types.command()
@click.argument("file", type=_FILE)
@click.option("--next", "next_", is_flag=True, help="Raise the version to the one that follows all that are known.")
@_note
@as_json_option
def apply(file: Path, next_: bool, note: str, as_json: bool) -> None:
    """Put a file in force in the running system, or refuse it with all reasons. Waits for every process's answer."""
    from sensors.registry import read_text

    text = read_text(file)

    async def work(desk: Desk) -> tuple[list[str], Version]:
        before = desk.known.in_force()
        applied = await desk.apply(text, by=getpass.getuser(), note=note, next_=next_)
        return _changes(desk, before, applied), applied

    with faults_as_json(as_json):
        _change(work, as_json)


@types.command()
@click.argument("name")
@click.argument("version", type=int)
@_note
@as_json_option
def restore(name: str, version: int, note: str, as_json: bool) -> None:
    """Put a version that is known in force again."""

    async def work(desk: Desk) -> tuple[list[str], Version]:
        before = desk.known.in_force()
        restored = await desk.restore(name, version, by=getpass.getuser(), note=note)
        return _changes(desk, before, restored), restored

    with faults_as_json(as_json):
        _change(work, as_json)


@types.command()
@click.argument("name")
@_note
@as_json_option
def withdraw(name: str, note: str, as_json: bool) -> None:
    """Take a type out of force. Its versions stay known; what comes on its topic from now on is kept as rejects."""

    async def work(desk: Desk) -> tuple[list[str], str]:
        await desk.withdraw(name, by=getpass.getuser(), note=note)
        return [f"{name} is withdrawn"], name

    _change(work, as_json)


def _change(work: Any, as_json: bool) -> None:
    """Do it, tell what has changed and what every process says; exit code 1 when one does not run it."""
    from registry.desk import Desk, all_run

    async def run() -> tuple[list[str], str, int | None, dict[str, str]]:
        async with Desk(load_settings()) as desk:
            changes, what = await work(desk)
            name, version = (what, None) if isinstance(what, str) else (what.name, what.version)
            if not as_json:
                click.echo("\n".join(changes))
            answers = {}
            async for process, answer in desk.answers(name, version):
                answers[process] = answer
                if not as_json:
                    click.echo(f"{process}: {answer}")
            return changes, name, version, answers

    changes, name, version, answers = asyncio.run(run())
    good = all_run(answers)
    if as_json:
        told = {"name": name, "version": version, "ok": good, "changes": changes, "answers": answers, "faults": []}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        stands = "is withdrawn" if version is None else f"@{version} is in force"
        where = "on every process" if good else "but not on every process"
        none = "; no process runs: it counts from their next start" if not answers else f" {where}"
        click.echo(f"{name}{'' if version else ' '}{stands}{none}")
    sys.exit(0 if good else 1)


def _changes(desk: Desk, before: dict[str, int], after: Version) -> list[str]:
    from registry.diff import in_words

    old = before.get(after.name)
    if old == after.version:
        return [f"{after.name}@{old} is in force already"]
    if old is None:
        return [f"{after.name}@{after.version} is new in force"]
    found = in_words(desk.known.found(after.name, old).declared, after.declared)
    return [f"{after.name}: from version {old} to {after.version}", *found]


# ---------------------------------------------------------------- what they share


async def known_now() -> Known:
    """What the log says; without a broker, what the files say."""
    from registry.desk import Desk

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it says of a broker that is away, we say below
    desk = Desk(load_settings())
    try:
        async with desk:
            return desk.known
    except (ServerError, TopicError) as error:
        click.echo(f"aedilis: only what the files say: {error}", err=True)
        return desk.known


@contextmanager
def faults_as_json(wanted: bool) -> Iterator[None]:
    """Where an object is wanted faults are one, too."""
    from registry.check import faults_of

    try:
        yield
    except DeclarationError as error:
        if not wanted:
            raise
        click.echo(json.dumps({"ok": False, "faults": faults_of(error)}, ensure_ascii=False, indent=2))
        sys.exit(2)


def _name_and_version(what: str) -> tuple[str, int | None]:
    name, at, version = what.partition("@")
    if at and not version.isdecimal():
        raise UnknownSensorType(name=what, known="names such as air-station, versions such as air-station@1")
    return name, int(version) if at else None


def _told(version: Version) -> dict[str, Any]:
    moment = None if version.applied_at is None else datetime.fromtimestamp(version.applied_at / 1e6, UTC)
    return {
        "name": version.name,
        "version": version.version,
        "applied_at": moment and moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "applied_by": version.applied_by,
        "note": version.note,
    }


def _declared(version: Version) -> dict[str, str]:
    from registry.types import topics_of

    try:
        declared = version.declared
    except DeclarationError as error:
        return {"topic": "", "title": f"cannot be read: {error}"}
    return {"topic": topics_of(declared), "title": declared.title}


def _when(told: dict[str, Any]) -> str:
    if told["applied_at"] is None:
        return "  (a file, not yet in use)"
    return f"  (since {told['applied_at']} by {told['applied_by']}{': ' if told['note'] else ''}{told['note']})"

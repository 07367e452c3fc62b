"""`aedilis types infer` and `aedilis types try`. The group is `registry.commands.types`, which knows them by name only."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aedilis.errors import StorageError
from aedilis.settings import Settings, load
from aedilis.vocabulary import RejectReason
from registry.commands import as_json_option, faults_as_json, known_now
from sensors.infer.samples import Sample

if TYPE_CHECKING:
    from kept.raw import RawMessage
    from sensors.compile import CompiledType
    from storage.queries import Reader
    from trial.run import Outcome

MOST_SAMPLES = 500
"""That a proposal rests on: of quarantine the first, of recorded traffic the latest."""
_HOURS = click.FloatRange(min=0, min_open=True)
_READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)


# ---------------------------------------------------------------- infer


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--group", "groups", type=int, multiple=True, help="A group in quarantine, as the page of rejects names it."
)
@click.option("--topic", help="Recorded traffic under an MQTT filter, such as plant/+/data.")
@click.option("--hours", type=_HOURS, default=24.0, show_default=True, help="How far back recorded traffic is read.")
@click.option("--name", default="new-type", show_default=True, help="Of the type.")
@click.option("--agency", default="city", show_default=True, help="Who owns the Things where the samples do not tell.")
@click.option("--format", "format_", help="The payload format, where it is known.")
@click.option("--zone", help="IANA zone of local times that name none; by default the city's.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the declaration to a new file.")
@as_json_option
def infer(
    files: tuple[Path, ...],
    groups: tuple[int, ...],
    topic: str | None,
    hours: float,
    name: str,
    agency: str,
    format_: str | None,
    zone: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Propose a sensor type from samples of one kind of device, and show what each of them would become.

    FILES hold a message a line, `topic payload` or JSON; `-` is standard input. Without any samples it lists what stands
    in quarantine.
    """
    from registry.check import check
    from sensors.format import all_formats
    from sensors.infer.finish import finished
    from sensors.infer.propose import NothingToPropose, propose
    from sensors.preview import in_words, preview

    if format_ is not None and format_ not in all_formats():
        raise click.BadParameter(f"--format: expected one of {', '.join(sorted(all_formats()))}, got {format_!r}")
    settings = load()
    if not (files or groups or topic):
        _list(asyncio.run(_waiting(settings)), as_json)
        return
    samples = _samples(settings, files, groups, topic, hours)
    now = time.time_ns() // 1000
    try:
        found = propose(samples, now, name=name, agency=agency, zone=zone or settings.timezone, payload_format=format_)
    except NothingToPropose as error:
        raise click.ClickException(str(error)) from error
    text = finished(found, now)
    if out is not None:
        _write(out, text)
    elif not as_json:
        click.echo(text)
    with faults_as_json(as_json):
        shown = preview(check(text, name), samples, now)
    if as_json:
        told = {
            "ok": True,
            "faults": [],
            "text": text,
            "format": found.fit.format.name,
            "guesses": [guess._asdict() for guess in found.guesses],
            "samples": [one._asdict() for one in shown],
        }
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    click.echo(in_words(shown), err=out is None)  # what is piped into a file is the declaration alone
    if out is not None:
        click.echo(f"wrote {out}; edit it, then `aedilis types check {out}` and `aedilis types try {out}`")


def _samples(
    settings: Settings, files: Sequence[Path], groups: Sequence[int], topic: str | None, hours: float
) -> list[Sample]:
    from sensors.infer.lines import from_lines

    lines = chain.from_iterable(from_lines(_source(file)) for file in files)
    samples = [Sample(line.topic, line.payload, line.received_at) for line in lines]
    for group in groups:
        samples += asyncio.run(_of_group(settings, group))
    if topic is not None:
        samples += asyncio.run(_recorded(settings, topic, hours))
    if not samples:
        raise click.ClickException(
            "no message was found there; `aedilis types infer` alone lists the groups that stand"
        )
    return samples[:MOST_SAMPLES]


def _source(file: Path) -> Path | Iterable[bytes]:
    return sys.stdin.buffer if str(file) == "-" else file


def _list(groups: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    if as_json:
        keys = ("id", "standing", "shape", "payload_shape")
        click.echo(json.dumps([{key: group[key] for key in keys} for group in groups], ensure_ascii=False, indent=2))
        return
    for group in groups:
        click.echo(f"{group['id']}  {group['standing']:,} messages  {group['shape']}  {group['payload_shape']}")
    if not groups:
        click.echo("No message in quarantine is without a type.")


async def _waiting(settings: Settings) -> list[dict[str, Any]]:
    """Groups of messages that no type reads, those that came last first."""
    async with _tables(settings) as reader:
        groups = await reader.reject_groups()
    return [group for group in groups if group["reason"] == RejectReason.UNKNOWN_TOPIC and group["standing"]]


async def _of_group(settings: Settings, group: int) -> list[Sample]:
    """Whole messages of a group that stand in the log of rejects; its table keeps only the beginnings of some."""
    from kept.redrive import Selection, envelopes

    samples: list[Sample] = []
    numbers = dict.fromkeys(("selected", "cut", "gone"), 0)
    async with _tables(settings) as reader:
        async for one in envelopes(settings, reader, Selection(group=group), "", numbers):
            samples.append(Sample(one.topic, one.payload, one.received_at))
            if len(samples) == MOST_SAMPLES:
                break
    return samples


@asynccontextmanager
async def _tables(settings: Settings) -> AsyncIterator[Reader]:
    from storage.queries import Reader
    from storage.writer import Unavailable

    reader = Reader(settings)
    await reader.open()
    try:
        yield reader
    except Unavailable as error:
        raise StorageError(problem=str(error), mend="is it running? `aedilis servers status`") from error
    finally:
        await reader.close()


async def _recorded(settings: Settings, topic: str, hours: float) -> list[Sample]:
    from kept.raw import read_raw

    since = time.time_ns() // 1000 - round(hours * 3_600_000_000)
    latest: deque[Sample] = deque(maxlen=MOST_SAMPLES)
    async for one in read_raw(settings, since, topic=topic):
        latest.append(Sample(one.topic, one.payload, one.received_at))
    return list(latest)


def _write(out: Path, text: str) -> None:
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}; name another one with --out") from error


# ---------------------------------------------------------------- try


@click.command("try")
@click.argument("file", type=_READABLE)
@click.option(
    "--input", "inputs", type=_READABLE, multiple=True, help="Messages of a file instead of recorded traffic."
)
@click.option("--hours", type=_HOURS, default=24.0, show_default=True, help="How far back recorded traffic is read.")
@click.option("--against", help="The version beside it, or `none`; by default the one in force.")
@as_json_option
def try_(file: Path, inputs: tuple[Path, ...], hours: float, against: str | None, as_json: bool) -> None:
    """Run a file on recorded traffic as the line would, beside the version in force. Nothing is written anywhere."""
    from registry.check import check
    from sensors.registry import read_text
    from trial.compare import compare
    from trial.run import summary
    from trial.words import told

    with faults_as_json(as_json):
        new = check(read_text(file), str(file))
    old = _other(new.name, against)
    settings = load()
    messages = _messages(settings, new, [one for one in (new, old) if one], inputs, hours)
    outcome, *others = _run(settings, [one for one in (new, old) if one], messages, quiet=as_json)
    before = others[0] if others else None
    difference = None if before is None else compare(before, outcome)
    if as_json:
        content = {
            "ok": True,
            "faults": [],
            "new": summary(outcome),
            "old": before and summary(before),
            "difference": difference and difference._asdict(),
        }
        click.echo(json.dumps(content, ensure_ascii=False, indent=2))
    else:
        click.echo(told(outcome, before, difference))


def _other(name: str, against: str | None) -> CompiledType | None:
    """The version that the file stands beside, as it was applied."""
    from sensors.compile import compile_type

    if against == "none":
        return None
    if against is not None and not against.isdecimal():
        raise click.BadParameter(f"--against: expected a version such as 1, or `none`, got {against!r}")
    known = asyncio.run(known_now())
    number = int(against) if against is not None else known.in_force().get(name)
    return None if number is None else compile_type(known.found(name, number).declared)


def _messages(
    settings: Settings, new: CompiledType, kinds: Sequence[CompiledType], inputs: Sequence[Path], hours: float
) -> list[RawMessage]:
    from trial.traffic import from_file, recorded

    if not inputs:
        return asyncio.run(recorded(settings, kinds, hours))
    now = time.time_ns() // 1000
    messages = [message for path in inputs for message in from_file(path, new.declared, now)]
    return sorted(messages, key=lambda message: message.received_at)  # stable: those of one moment keep their order


def _run(
    settings: Settings, kinds: Sequence[CompiledType], messages: Sequence[RawMessage], *, quiet: bool
) -> list[Outcome]:
    from trial.run import run

    length = len(messages) * len(kinds)
    bar: Any = click.progressbar(
        length=length, label="trying", file=sys.stderr, hidden=quiet or not sys.stderr.isatty()
    )
    with bar:
        return [run(kind, settings, messages, bar.update) for kind in kinds]

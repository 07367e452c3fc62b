"""`aedilis backtest`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aedilis.errors import BacktestError
from aedilis.settings import Settings, load

if TYPE_CHECKING:
    from sensors.compile import CompiledType
    from trial.backtest.watch import Seen


@click.command()
@click.option("--sensor-type", required=True, help="Whose stored Observations are watched again.")
@click.option("--version", type=int, help="By default the one in force.")
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A text instead of a version."
)
@click.option("--against", help="The version beside it, or `none`; by default the one in force, if it is another.")
@click.option("--from", "start", type=click.DateTime(), help="UTC; by default all that is stored.")
@click.option("--until", "end", type=click.DateTime(), help="UTC, not this moment itself.")
@click.option("--agency", help="Only its Things.")
@click.option("--json", "as_json", is_flag=True, help="An object for tools; docs/commands.md lists the keys.")
def backtest(
    sensor_type: str,
    version: int | None,
    file: Path | None,
    against: str | None,
    start: datetime | None,
    end: datetime | None,
    agency: str | None,
    as_json: bool,
) -> None:
    """Run a sensor type's detectors over stored history, and set two versions side by side. Nothing is written anywhere."""
    from trial.backtest.compare import compare, summary
    from trial.backtest.words import told

    if file is not None and version is not None:
        raise BacktestError(problem="--file and --version exclude each other", mend="name one; the other is --against")
    if against is not None and against != "none" and not against.isdecimal():
        raise BacktestError(problem=f"--against {against}: expected a version or `none`", mend="write --against 1")
    new, old = _versions(sensor_type, version, file, against)
    seen, first, last = _watched(load(), [one for one in (new, old) if one], start, end, agency, quiet=as_json)
    mine, before = seen[0], seen[1] if old else None
    if not as_json:
        click.echo(told(mine, before, first, last))
        return
    span = round((last - first).total_seconds() * 1e6)
    content = {
        "sensor_type": sensor_type,
        "from": first.isoformat().replace("+00:00", "Z"),
        "until": last.isoformat().replace("+00:00", "Z"),
        "new": summary(mine, span),
        "old": before and summary(before, span),
        "difference": before and compare(before, mine)._asdict(),
    }
    click.echo(json.dumps(content, ensure_ascii=False, indent=2))


def _versions(
    name: str, version: int | None, file: Path | None, against: str | None
) -> tuple[CompiledType, CompiledType | None]:
    from registry.check import check
    from registry.commands import known_now
    from sensors.compile import compile_type
    from sensors.registry import read_text

    known = asyncio.run(known_now())
    if file is None:
        new = compile_type(known.found(name, version).declared)
    else:
        new = check(read_text(file), str(file))
        if new.name != name:
            raise BacktestError(
                problem=f"{file} declares {new.name}, not {name}", mend="name the type that it declares"
            )
    if against == "none":
        return new, None
    number = int(against) if against else known.in_force().get(name)
    if number is None or (against is None and file is None and number == new.version):
        return new, None
    return new, compile_type(known.found(name, number).declared)


def _watched(
    settings: Settings,
    kinds: Sequence[CompiledType],
    start: datetime | None,
    end: datetime | None,
    agency: str | None,
    *,
    quiet: bool,
) -> tuple[list[Seen], datetime, datetime]:
    from storage.history import history
    from trial.backtest.watch import Watching

    with history(settings) as stored:
        datastreams = stored.datastreams(kinds[0].name, agency)
        ids = [one.id for one in datastreams]
        span = stored.span(ids)
        if span is None:
            whose = kinds[0].name + (f" in agency {agency}" if agency else "")
            raise BacktestError(
                problem=f"nothing is stored of {whose}", mend="see `aedilis types list`, or the page Things"
            )
        first = start.replace(tzinfo=UTC) if start else span[0]
        last = end.replace(tzinfo=UTC) if end else span[1] + timedelta(microseconds=1)
        if first >= last:
            raise BacktestError(
                problem=f"from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} is no span",
                mend=f"what is stored lies between {span[0]:%Y-%m-%d %H:%M} and {span[1]:%Y-%m-%d %H:%M}",
            )
        watching = [Watching(kind, datastreams) for kind in kinds]
        seconds = (last - first).total_seconds()
        bar: Any = click.progressbar(length=round(seconds), label="watching", file=sys.stderr, hidden=quiet)
        with bar:
            reached = 0
            for part in stored.parts(ids, first, last):
                for one in watching:
                    one.take(part)
                now = round((datetime.fromtimestamp(int(part.time[-1]) / 1e6, UTC) - first).total_seconds())
                bar.update(now - reached)
                reached = now
            bar.update(round(seconds) - reached)
    return [one.close() for one in watching], first, last

"""`aedilis simulate` and `aedilis replay`."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from aedilis import logs
from aedilis.health import HealthServer
from aedilis.settings import Settings, load
from sensors.registry import one
from simulation.city import City
from simulation.publisher import Publisher
from simulation.replay import Pace, Summary, items, places

console = Console(stderr=True)


class Speed(click.ParamType):
    """A factor, or `max`."""

    name = "N|max"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """0 stands for max."""
        if isinstance(value, int | float):
            return float(value)
        if value == "max":
            return 0.0
        try:
            speed = float(str(value))
        except ValueError:
            self.fail(f"expected a number or max, got {value!r}", param, ctx)
        if not 0 < speed < float("inf"):
            self.fail(f"expected a number above 0, got {value!r}", param, ctx)
        return speed


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--sensor-type", required=True, help="Which type's devices recorded the files.")
@click.option("--speed", type=Speed(), default="max", show_default=True, help="Times recorded time, or max.")
@click.option("--agency", default="demo", show_default=True)
@click.option("--things", type=click.Path(exists=True, path_type=Path), help="JSON: name → [longitude, latitude].")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON on standard output.")
def replay(
    files: tuple[Path, ...], sensor_type: str, speed: float, agency: str, things: Path | None, as_json: bool
) -> None:
    """Publish CSV FILES over MQTT as the devices would."""
    settings = load()
    declared = one(sensor_type, settings.sensor_types)
    summary = Summary()
    with Publisher(settings) as publisher, _progress() as progress:
        reading = progress.add_task("reading", total=None)
        stream = list(items(list(files), declared, agency, summary, places(things)))
        progress.remove_task(reading)
        task = progress.add_task("publishing", total=len(stream))
        pace = Pace(speed)
        for item in stream:
            pace.wait(item.moment)
            publisher.publish(item.topic, item.payload)
            summary.messages += 1
            summary.observations += item.observations
            summary.missing += item.missing
            if summary.messages % 200 == 0:
                progress.update(task, completed=summary.messages)
        progress.update(task, completed=summary.messages, description="waiting for the broker")
        publisher.flush()
    if as_json:
        click.echo(json.dumps(summary.as_json()))
        return
    click.echo(
        f"published {summary.messages:,} messages, {summary.observations:,} observations, {summary.missing:,} missing"
    )
    for reason, number in summary.malformed.items():
        click.echo(f"not published, {reason}: {number:,} lines")
    for line in summary.lines:
        click.echo(f"  {line}")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console)


@click.command()
@click.option("--seed", default=1, show_default=True)
@click.option("--agency", default="demo", show_default=True)
@click.option("--start", type=click.DateTime(), help="UTC; now, less the back-fill, if absent.")
@click.option("--duration", type=float, help="Days; without end if absent.")
@click.option("--speed", type=Speed(), default="1", show_default=True, help="Times real time, or max.")
@click.option("--backfill", type=float, default=0.0, show_default=True, help="Hours published at once at the start.")
@click.option("--labels", type=click.Path(path_type=Path), help="File for the truth about incidents (JSON).")
def simulate(
    seed: int,
    agency: str,
    start: datetime | None,
    duration: float | None,
    speed: float,
    backfill: float,
    labels: Path | None,
) -> None:
    """Publish a simulated city: 40 stations, 30 markets, with a stuck sensor, a price surge and a silent station."""
    logs.setup("simulate")
    settings = load()
    begin = start.replace(tzinfo=UTC) if start else datetime.now(UTC) - timedelta(hours=backfill)
    city = City(seed, begin, agency)
    labels = labels or settings.home_path / "simulation-labels.json"
    labels.parent.mkdir(parents=True, exist_ok=True)
    labels.write_text(json.dumps(city.labels(), indent=1))
    end = begin + timedelta(days=duration) if duration else datetime.max.replace(tzinfo=UTC)
    _serve_health(settings)
    with Publisher(settings) as publisher:
        filled = min(begin + timedelta(hours=backfill), end)
        for _, topic, payload in city.between(begin, filled):
            publisher.publish(topic, payload)
        for _, topic, payload in _paced(city, filled, end, speed):
            publisher.publish(topic, payload)
    click.echo(f"published {publisher.sent:,} messages; labels in {labels}")


def _paced(city: City, begin: datetime, end: datetime, speed: float) -> Iterator[tuple[datetime, str, bytes]]:
    """The city from `begin` on, each message when it is due; live, the messages of one instant are spread a little."""
    zero = time.monotonic()
    at = begin
    while at < end:
        until = min(at + timedelta(minutes=15), end)
        batch: Iterable[tuple[datetime, str, bytes]] = city.between(at, until)
        for item in batch:
            if speed:
                due = zero + (item[0] - begin).total_seconds() / speed
                time.sleep(max(0.0, due - time.monotonic()))
            yield item
        at = until


def _serve_health(settings: Settings) -> None:
    """Health and metrics from a thread of their own: publishing blocks."""

    async def serve() -> None:
        await HealthServer(settings, "simulate", {}).start()
        await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()

"""`aedilis simulate` and `aedilis replay`."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from aedilis import logs
from aedilis.errors import ServerError
from aedilis.health import HealthServer
from aedilis.settings import Settings, load
from sensors.registry import one
from simulation.city import DATASTREAMS, FEWEST, MOST, STEP_SECONDS, City
from simulation.memory import Memory, memory_file
from simulation.pace import at_speed, live
from simulation.publisher import Publisher, anybody_listens
from simulation.replay import Recording, Summary, merged, places
from simulation.run import Run

log = logging.getLogger(__name__)


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
@click.option("--anyway", is_flag=True, help="Even if nobody has subscribed.")
def replay(
    files: tuple[Path, ...],
    sensor_type: str,
    speed: float,
    agency: str,
    things: Path | None,
    as_json: bool,
    anyway: bool,
) -> None:
    """Publish CSV FILES over MQTT as the devices would; exit code 130 if interrupted."""
    settings = load()
    declared = one(sensor_type, settings.sensor_types)
    where = places(things)
    recordings = [Recording(path, declared, agency, where) for path in files]
    summary = Summary()
    stopping = _on_stop()
    with Publisher(settings, stopping) as publisher, _progress() as progress:
        if not anyway and not anybody_listens(settings):
            raise ServerError(
                server="mqtt",
                problem="no ingest process has ever subscribed there, and the broker keeps nothing for nobody",
                mend="start `aedilis ingest` (or `aedilis up`) first; --anyway publishes all the same",
            )
        reading = progress.add_task("reading", total=sum(path.stat().st_size for path in files))

        def advance(size: int) -> bool:
            progress.advance(reading, size)
            return not stopping.is_set()

        for recording in recordings:
            recording.survey(summary, advance)
        publishing = progress.add_task("publishing", total=sum(recording.messages for recording in recordings))
        delay = at_speed(speed)
        for item in merged(recordings):
            if not publisher.rest(delay(item.moment / 1e6)) or not publisher.publish(item.topic, item.payload):
                break
            summary.add(item)
            if speed or summary.messages % 200 == 0:
                progress.update(publishing, completed=summary.messages)
        progress.update(publishing, completed=summary.messages)
    summary.interrupted = stopping.is_set()
    _tell(summary, as_json=as_json)
    sys.exit(130 if summary.interrupted else 0)


def _tell(summary: Summary, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary.as_json()))
        return
    how = "interrupted: published only" if summary.interrupted else "published"
    click.echo(
        f"{how} {summary.messages:,} messages, {summary.observations:,} observations, {summary.missing:,} missing"
    )
    for reason, number in summary.malformed.items():
        click.echo(f"not published, {reason}: {number:,} lines")
    for line in summary.lines:
        click.echo(f"  {line}")
    click.echo(
        f"`aedilis counts` then shows published {summary.observations:,} more and missing {summary.missing:,} more;"
        " messages refused whole stand under rejected instead"
    )


def _progress() -> Progress:
    columns: list[ProgressColumn] = [
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=False),
    ]
    return Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True))


@click.command()
@click.option("--seed", default=1, show_default=True)
@click.option("--agency", default="demo", show_default=True)
@click.option(
    "--datastreams",
    type=click.IntRange(FEWEST, MOST),
    default=DATASTREAMS,
    show_default=True,
    help="How big the city is, about.",
)
@click.option("--calm", is_flag=True, help="The same city without incidents.")
@click.option("--start", type=click.DateTime(), help="UTC. If absent, the city lives by the wall clock and remembers.")
@click.option("--duration", type=float, help="Days from where it begins; without end if absent.")
@click.option("--speed", type=Speed(), default="1", show_default=True, help="Times real time, or max.")
@click.option("--backfill", type=float, default=0.0, show_default=True, help="Hours of history of a new city.")
@click.option("--labels", type=click.Path(path_type=Path), help="File for the truth about incidents (JSON).")
def simulate(
    seed: int,
    agency: str,
    datastreams: int,
    calm: bool,
    start: datetime | None,
    duration: float | None,
    speed: float,
    backfill: float,
    labels: Path | None,
) -> None:
    """Publish a simulated city: street stations, weather masts, river gauges, market halls; its incidents are labelled.

    With --start or --speed, a run depends on its options only. Without, the city lives: it keeps under the home folder
    when it began and how far it is published, and a later run goes on from there and fills what lies between. The
    labels tell of every incident that was published since it began.
    """
    logs.setup("simulate")
    settings = load()
    lives = start is None and speed == 1
    now = datetime.fromtimestamp(time.time() // STEP_SECONDS * STEP_SECONDS, UTC)
    begin = start.replace(tzinfo=UTC) if start else now - timedelta(hours=backfill)
    memory = Memory(memory_file(settings, agency, seed, datastreams, calm=calm) if lives else None, begin)
    begin = memory.go_on_from
    end = begin + timedelta(days=duration) if duration else datetime.max.replace(tzinfo=UTC)
    labels = labels or settings.home_path / "simulation-labels.json"
    with Publisher(settings, _on_stop()) as publisher:
        if not anybody_listens(settings):
            log.warning("no ingest process has ever subscribed at %s: what is published now is lost", settings.mqtt)
        _serve_health(settings, publisher)
        log.info("the city that began at %s goes on from %s", memory.start, begin)
        city = City(seed, memory.start, agency, datastreams, calm=calm)
        run = Run(city, publisher, memory, labels)
        run.publish(begin, end, live if lives else at_speed(speed))
    click.echo(f"published {publisher.published:,} messages; labels in {labels}")


def _on_stop() -> threading.Event:
    """Set by SIGTERM or Ctrl-C; a second one ends at once."""
    stopping = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        stopping.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return stopping


def _serve_health(settings: Settings, publisher: Publisher) -> None:
    """Health and metrics from a thread of their own: publishing blocks."""

    async def mqtt() -> str | None:
        return publisher.problem

    async def serve() -> None:
        await HealthServer(settings, "simulate", {"mqtt": mqtt}).start()
        await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()

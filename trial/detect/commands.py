"""`aedilis detect`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aedilis.errors import DetectError
from aedilis.settings import load

if TYPE_CHECKING:
    from sensors.compile import CompiledType

_PATH = click.Path(path_type=Path)


@click.command()
@click.option(
    "--input", "source", type=_PATH, required=True, help="CSV: time, thing, property, value; or timestamp, value."
)
@click.option("--sensor-type", help="Watch it as this type is watched; by default as the form of the file suggests.")
@click.option("--detector", help="Watch every series by this detector alone.")
@click.option("--scores", type=_PATH, help="Write the rows of the input with quality and score.")
@click.option("--anomalies", type=_PATH, help="Write what was found.")
@click.option(
    "--warm-up", type=click.IntRange(min=1), help="Rows of each series that only teach, for detectors that ask."
)
def detect(
    source: Path,
    sensor_type: str | None,
    detector: str | None,
    scores: Path | None,
    anomalies: Path | None,
    warm_up: int | None,
) -> None:
    """Run the detectors over a file as if it came in row by row. No server is asked.

    The file is sorted by time, and nothing is known of a row before its time has come.
    """
    from trial.detect import pipeline, write
    from trial.detect.rows import read
    from trial.detect.run import run
    from trial.detect.series import Series
    from trial.detect.times import Times
    from trial.detect.words import told

    if sensor_type and detector:
        mend = "leave one out; without both the form of the file decides"
        raise DetectError(path=source, problem="--sensor-type and --detector exclude each other", mend=mend)
    compiled = _compiled(sensor_type) if sensor_type else None
    if detector:
        _check_detector(source, detector)
    for path in filter(None, (scores, anomalies)):
        write.check(path, source)
    size = source.stat().st_size if source.is_file() else 0
    with _bar("reading", size) as advance:
        rows = read(source, Times(pipeline.zone_of(compiled) if compiled else None), advance)
    if scores:
        write.check_columns(rows)
    series = Series(rows)
    if compiled:
        watched = pipeline.of_type(series, compiled, warm_up)
    elif detector:
        watched = pipeline.of_detector(series, detector, warm_up)
    else:
        watched = pipeline.of_form(series, warm_up)
    with _bar("detecting", len(rows)) as advance:
        found = run(series, watched, advance)
    if scores:
        with _bar("writing", len(rows.states)) as advance:
            write.write_scores(scores, rows, found, advance)
    if anomalies:
        write.write_anomalies(anomalies, rows, found.anomalies)
    click.echo(told(rows, watched, found, examples=not anomalies))


def _compiled(name: str) -> CompiledType:
    from sensors.compile import compile_type
    from sensors.registry import one

    return compile_type(one(name, load().sensor_types))


def _check_detector(source: Path, name: str) -> None:
    from detectors.core.discovery import all_detectors

    if name not in all_detectors():
        known = ", ".join(sorted(all_detectors()))
        raise DetectError(path=source, problem=f"detector {name!r} is not there", mend=f"name one of {known}")


@contextmanager
def _bar(label: str, length: int) -> Iterator[Callable[[int], object]]:
    """A bar where somebody looks, else one line."""
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update

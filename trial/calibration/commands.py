"""`aedilis calibrate`: what scores mean, by simulated cities whose truth is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from aedilis import marked
from aedilis.errors import PageError
from detectors.core.calibration import Calibration, Line, Lines, strength

if TYPE_CHECKING:
    from trial.calibration.reliability import Judged

MOMENTS = {"opened": "when they opened", "ended": "in the end"}
Key = tuple[str, str]
"""Detector and kind."""
BEGIN, END = "<!-- calibrate: written by `aedilis calibrate --page` -->", "<!-- /calibrate -->"
FIRST_SHOWN = 101
"""Seeds of the cities that are shown: none of those that were fitted."""
SEASONS = ((1, 5), (7, 6))
"""Cities begin on these days of 2026 in turn: month and day, Mondays."""


class Scores(NamedTuple):
    """The raw scores of one detector and kind, as they were when anomalies opened and in the end."""

    opened: list[Judged]
    ended: list[Judged]


@click.command()
@click.option("--seeds", type=click.IntRange(min=1, max=100), default=8, show_default=True, help="Cities to fit by.")
@click.option(
    "--shown", type=click.IntRange(min=1, max=100), default=6, show_default=True, help="Cities to show it on."
)
@click.option("--days", type=click.FloatRange(min=2), default=56.0, show_default=True, help="Of each city.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the calibration to this file.")
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="Put the tables into this page.")
def calibrate(seeds: int, shown: int, days: float, out: Path | None, page: Path | None) -> None:
    """Fit what scores mean on simulated cities, and show on others how well it holds.

    It is in force when it is written over detectors/core/calibration.json.
    """
    import msgspec
    from rich.console import Console
    from rich.progress import Progress

    from trial.calibration.reliability import fitted

    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("cities", total=(seeds + shown) * days * 24)
        fit = gathered(range(1, seeds + 1), days, lambda hours: progress.advance(task, hours))
        others = gathered(range(FIRST_SHOWN, FIRST_SHOWN + shown), days, lambda hours: progress.advance(task, hours))
    lines = {key: Lines(fitted(one.opened), fitted(one.ended)) for key, one in sorted(fit.items())}
    made = f"aedilis calibrate --seeds {seeds} --shown {shown} --days {days:g}"
    tables = f"Made with `{made}`.\n\n{markdown(lines, fit, others)}"
    click.echo(tables)
    if out is not None:
        by_detector: dict[str, dict[str, Lines]] = defaultdict(dict)
        for (detector, kind), known in lines.items():
            if known != Lines():
                by_detector[detector][kind] = known
        raw = msgspec.json.encode(Calibration(made, dict(by_detector)))
        out.write_bytes(msgspec.json.format(raw, indent=2) + b"\n")
    if page is not None:
        put(tables, page)


def gathered(seeds: Iterable[int], days: float, advance: Callable[[int], None]) -> dict[Key, Scores]:
    """Run these cities; the scores of all that was found in them and may be true there, and whether it was."""
    from datetime import UTC

    from trial.calibration.city import watch
    from trial.calibration.labels import NEVER, Truth
    from trial.calibration.reliability import Judged

    found: dict[Key, Scores] = defaultdict(lambda: Scores([], []))
    for seed in seeds:
        seen = watch(seed, days, advance, datetime(2026, *SEASONS[seed % len(SEASONS)], tzinfo=UTC))
        truth = Truth(seen.labels, seen.zones)
        for anomaly in seen.opened.values():
            if anomaly.kind in NEVER:
                continue
            true = truth.holds(anomaly)
            scores = found[anomaly.detector, anomaly.kind]
            scores.opened.append(Judged(anomaly.score, true))
            scores.ended.append(Judged(seen.last[anomaly.id].score, true))
    return dict(found)


def markdown(lines: Mapping[Key, Lines], fit: Mapping[Key, Scores], shown: Mapping[Key, Scores]) -> str:
    """How far each score is off on the cities shown, raw and calibrated, and the reliability curves."""
    head = "| detector | kind | anomalies to fit by | shown on | of these true |"
    head += " off when opened: raw, calibrated | off in the end |\n"
    rows = [head + "| --- | --- | --- | --- | --- | --- | --- |"]
    none = Scores([], [])
    for key in sorted({*fit, *shown}):
        seen = shown.get(key, none)
        true = f"{sum(one.true for one in seen.opened) / len(seen.opened):.1%}" if seen.opened else "–"
        known = "" if lines.get(key, Lines()) != Lines() else ", too few"
        fitted_by = f"{len(fit.get(key, none).opened):,}{known}"
        told = " | ".join(_off([key], lines, shown, moment) for moment in MOMENTS) if seen.opened else "– | –"
        rows.append(f"| {key[0]} | {key[1]} | {fitted_by} | {len(seen.opened):,} | {true} | {told} |")
    parts = ["\n".join(rows)]
    graded = [key for key in shown if len({one.score for one in shown[key].opened}) > 1]
    for title, keys in (("All together", list(shown)), ("Those whose scores differ from anomaly to anomaly", graded)):
        for moment, words in MOMENTS.items():
            off = _off(keys, lines, shown, moment)
            parts.append(f"{title}, {words} (off: {off}):\n\n{_curve(_all(keys, lines, shown, moment))}")
    return "\n\n".join(parts) + "\n"


def _off(keys: Sequence[Key], lines: Mapping[Key, Lines], shown: Mapping[Key, Scores], moment: str) -> str:
    """Raw and calibrated."""
    from trial.calibration.reliability import expected_error

    raw, said = (expected_error(_all(keys, by, shown, moment)) for by in ({}, lines))
    return f"{raw:.3f}, {said:.3f}"


def _all(keys: Sequence[Key], lines: Mapping[Key, Lines], shown: Mapping[Key, Scores], moment: str) -> list[Judged]:
    """What these said at a moment, calibrated by `lines`."""
    found: list[Judged] = []
    for key in keys:
        line: Line | None = getattr(lines.get(key, Lines()), moment)
        raw: list[Judged] = getattr(shown[key], moment)
        found += raw if line is None else [one._replace(score=line.at(strength(one.score))) for one in raw]
    return found


def _curve(said: Sequence[Judged]) -> str:
    from trial.calibration.reliability import bins

    rows = ["| score | anomalies | said on average | true |", "| --- | --- | --- | --- |"]
    rows += [f"| {one.low:g} to {one.high:g} | {one.n:,} | {one.said:.3f} | {one.true:.3f} |" for one in bins(said)]
    return "\n".join(rows)


def put(tables: str, page: Path) -> None:
    """Put tables into a page, in place of those that stand there.

    Raises:
        PageError: the page has no place for them.
    """
    if not marked.put(tables, page, BEGIN, END):
        raise PageError(page=str(page), mend=f"put the lines {BEGIN} and {END} into it")

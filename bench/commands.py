"""`aedilis bench`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import click
import msgspec
from rich.console import Console

from bench import datastreams, formats, latency, limits, machine, plain, table, takeover, throughput
from bench.figures import Report
from bench.installation import Servers

console = Console(stderr=True, highlight=False)
SECONDS = 15.0
QUICK_SECONDS = 2.0
DETECTION = ("nab", "air", "prices", "water", "city", "speed")
"""The sections of `aedilis bench detectors`."""
_ENDS = (signal.SIGINT, signal.SIGTERM)


class Plan(msgspec.Struct, frozen=True):
    """How long each load runs, and whether all is to be small."""

    seconds: float
    quick: bool


Section = Callable[[Servers, Plan, Report, Callable[[str], None]], None]


def _throughput(servers: Servers, plan: Plan, report: Report, say: Callable[[str], None]) -> None:
    loads = throughput.QUICK_LOADS if plan.quick else throughput.LOADS
    number = 1_000 if plan.quick else throughput.DATASTREAMS
    report.throughput = throughput.run(servers, loads, plan.seconds, say, datastreams=number)


def _plain(servers: Servers, plan: Plan, report: Report, say: Callable[[str], None]) -> None:
    loads = plain.QUICK_LOADS if plan.quick else plain.LOADS
    report.plain = plain.run(servers, loads, plan.seconds / 2, say, datastreams=1_000)


def _limits(servers: Servers, plan: Plan, report: Report, say: Callable[[str], None]) -> None:
    report.limits = limits.run(servers, plan.seconds / 5, say)


def _latency(servers: Servers, plan: Plan, report: Report, say: Callable[[str], None]) -> None:
    for form in ("hub",) if plan.quick else ("hub", "single"):
        measured = [one for one in report.throughput if (one.form, one.qos) == (form, 1)]
        if not measured:
            measured = throughput.run(servers, ((form, 1),), plan.seconds, say, datastreams=throughput.DATASTREAMS)
        drained = measured[0].observations_per_s
        live = 0.0 if plan.quick else latency.sustained(servers, form, drained, say)
        half = (live or drained) / 2
        report.latency.append(latency.run(servers, form, half, plan.seconds, say, drained=drained, live=live))


def _datastreams(servers: Servers, plan: Plan, report: Report, say: Callable[[str], None]) -> None:
    numbers = datastreams.QUICK_NUMBERS if plan.quick else datastreams.NUMBERS
    report.datastreams = datastreams.run(servers, numbers, plan.seconds, say)


def _takeover(servers: Servers, plan: Plan, report: Report, say: Callable[[str], None]) -> None:
    report.takeover = takeover.run(servers, say, 1 if plan.quick else takeover.KILLS)


SECTIONS: dict[str, Section] = {
    "throughput": _throughput,
    "plain": _plain,
    "limits": _limits,
    "latency": _latency,
    "datastreams": _datastreams,
    "takeover": _takeover,
}
"""In the order of their run: later ones set theirs beside the figures of earlier ones."""


def _end(*_: object) -> NoReturn:
    """Leave, and let nothing disturb the cleaning up."""
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@click.group(invoke_without_command=True)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures there.")
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="Put the tables into this page.")
@click.option("--quick", is_flag=True, help="A short run that shows whether all works; its figures mean little.")
@click.option("--only", multiple=True, type=click.Choice(list(SECTIONS)), help="Only these sections.")
@click.option("--seconds", type=click.FloatRange(1), help="How long each load runs; 15, with --quick 2.")
@click.pass_context
def bench(
    context: click.Context,
    json_file: Path | None,
    page: Path | None,
    quick: bool,
    only: Sequence[str],
    seconds: float | None,
) -> None:
    """Measure how fast the line is on this machine, beside a plain Faust app and the servers' raw limits.

    It starts servers and lines of its own and deletes them in the end.
    """
    if context.invoked_subcommand is not None:
        return
    for number in _ENDS:
        signal.signal(number, _end)
    load_average = os.getloadavg()[0]
    if load_average > machine.QUIET:
        console.print(f"the machine is at work (load average {load_average:.1f}): figures will be too low")
    plan = Plan(seconds or (QUICK_SECONDS if quick else SECONDS), quick)
    report: Report | None = None
    try:
        with console.status("starting servers") as status, Servers() as servers:

            def say(text: str) -> None:
                status.update(text)
                if not console.is_terminal:
                    console.print(text)

            report = Report(machine=machine.describe(servers, load_average))
            for name, section in SECTIONS.items():
                if not only or name in only:
                    section(servers, plan, report, say)
    finally:  # what was measured before an interruption or an error is not lost
        if report is not None:
            table.show(report, Console(width=None if sys.stdout.isatty() else 140))
            if json_file is not None:
                json_file.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    if page is not None:
        table.write_page(report, page)


@bench.command()
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures there.")
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="Put the tables into this page.")
@click.option("--quick", is_flag=True, help="A short run that shows whether all works; its figures mean little.")
def types(json_file: Path | None, page: Path | None, quick: bool) -> None:
    """Measure how fast messages of each format become Observations, beside a parse alone and beside code by hand."""
    messages, repeats = (
        (formats.QUICK_MESSAGES, formats.QUICK_REPEATS) if quick else (formats.MESSAGES, formats.REPEATS)
    )
    with console.status("reading messages") as status:
        figures = formats.run(messages, repeats, status.update)
    made = formats.sheets(figures)
    table.print_sheets(made, Console(width=None if sys.stdout.isatty() else 140))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))
    if page is not None:
        table.put_tables(table.join_sheets(machine.processor(), made), page)


@bench.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("../shared/data"),
    show_default=True,
    help="Folder with nab, air, prices and water; what is not there is left out.",
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures there.")
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="Put the tables into this page.")
@click.option("--only", multiple=True, type=click.Choice(DETECTION), help="Only these sections.")
@click.option("--quick", is_flag=True, help="One case of each kind, and a short count of Observations a second.")
def detectors(data: Path, json_file: Path | None, page: Path | None, only: Sequence[str], quick: bool) -> None:
    """Measure how well the detectors find what is labelled, and how fast, beside published figures and baselines."""
    from bench.detection import sheets
    from bench.detection.plan import run

    with console.status("detecting") as status:
        figures = run(data, only or DETECTION, quick, status.update if console.is_terminal else lambda _: None)
    made = sheets.sheets(figures)
    table.print_sheets(made, Console(width=None if sys.stdout.isatty() else 140))
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))
    if page is not None:
        table.put_tables(table.join_sheets(machine.processor(), made), page)

"""The figures as tables: on the terminal, and in Markdown for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from aedilis import marked
from aedilis.errors import BenchError
from bench.figures import Latency, Machine, Plain, Report, Scale, Takeover, Throughput

BEGIN, END = "<!-- bench: written by `aedilis bench --page` -->", "<!-- /bench -->"
"""The lines of a page between which its tables stand."""


@dataclass(frozen=True)
class Sheet:
    """One table: its title, its columns, its rows."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def sheets(report: Report) -> list[Sheet]:
    """A table for each section that was measured."""
    made = []
    if report.throughput:
        made += [_throughput(report.throughput), _cpu("Processor time, µs an Observation", report.throughput)]
    if report.plain:
        made += [_plain(report), _cpu("The plain app's processor time, µs an Observation", report.plain)]
    if report.limits:
        made.append(_limits(report))
    if report.latency:
        made.append(_latency(report.latency))
    if report.datastreams:
        made += [_datastreams(report.datastreams), _growth(report.datastreams)]
    if report.takeover is not None:
        made.append(_takeover(report.takeover))
    return made


def _load(one: Throughput | Plain) -> str:
    state = f", {one.state}" if isinstance(one, Plain) else ""
    return f"{one.form}, {one.in_message} a message, QoS {one.qos}{state}"


def _throughput(figures: list[Throughput]) -> Sheet:
    columns = ["load", "observations/s", "messages/s", "stored", "lost", "seconds", "anomalies", "rejects"]
    rows = [
        [
            _load(one),
            f"{one.observations_per_s:,.0f}",
            f"{one.messages_per_s:,.0f}",
            f"{one.stored:,}",
            f"{one.published - one.stored:,}",
            f"{one.seconds:.1f}",
            str(one.anomalies),
            str(one.rejects),
        ]
        for one in figures
    ]
    return Sheet("End to end: MQTT to row, detectors on", columns, rows)


def _cpu(title: str, figures: Sequence[Throughput | Plain]) -> Sheet:
    names = list(figures[0].cpu_us)
    rows = []
    for one in figures:
        cells = [f"{one.cpu_us[name]:.2f}" for name in names]
        rows.append([_load(one), *cells, f"{sum(one.cpu_us.values()):.2f}"])
    return Sheet(title, ["load", *(name.removeprefix("worker-") for name in names), "all"], rows)


def _plain(report: Report) -> Sheet:
    """Ours beside it, in observations a second and in processor time an Observation."""
    rows = []
    for plain in report.plain:
        row = [_load(plain), f"{plain.observations_per_s:,.0f}", f"{sum(plain.cpu_us.values()):.0f}"]
        ours = next((one for one in report.throughput if (one.form, one.qos) == (plain.form, plain.qos)), None)
        if ours is None:
            rows.append([*row, "", "", ""])
            continue
        faster = ours.observations_per_s / plain.observations_per_s
        cheaper = sum(plain.cpu_us.values()) / sum(ours.cpu_us.values())
        rows.append([*row, f"{ours.observations_per_s:,.0f}", f"{faster:.1f}", f"{cheaper:.1f}"])
    columns = [
        "load",
        "plain, observations/s",
        "plain, µs",
        "ours, observations/s",
        "ours / plain",
        "by processor time",
    ]
    return Sheet("A plain Faust app on the same servers", columns, rows)


def _limits(report: Report) -> Sheet:
    """Ours beside each: the best of the loads with as many in a message, which is all where the limit knows none."""
    rows = []
    for limit in report.limits:
        same = [one for one in report.throughput if f" {one.in_message} a message, QoS {one.qos}" in limit.what]
        ours = max((one.observations_per_s for one in same or report.throughput), default=0.0)
        ratio = f"{ours / limit.observations_per_s:.2f}" if ours and limit.observations_per_s else ""
        rows.append([limit.what, f"{limit.observations_per_s:,.0f}", f"{ours:,.0f}" if ours else "", ratio])
    return Sheet("Raw limits of the servers", ["what", "observations/s", "ours", "ours / limit"], rows)


def _latency(figures: list[Latency]) -> Sheet:
    rows = []
    for one in figures:
        load = f"{one.form}, {one.in_message} a message, QoS {one.qos}, {one.per_s:,.0f}/s"
        rates = [f"{one.live_per_s:,.0f}", f"{one.drained_per_s:,.0f}"]
        for end, spread in (("row", one.row), ("webhook", one.webhook)):
            times = [f"{ms:.0f}" for ms in (spread.p50_ms, spread.p99_ms, spread.p999_ms, spread.max_ms)]
            rows.append([f"{load}, to the {end}", f"{spread.count:,}", *times, f"{one.behind / one.per_s:.1f}", *rates])
    columns = ["from publish", "counted", "p50", "p99", "p99.9", "max", "behind at the end, s"]
    columns += ["sustained live, obs/s", "of a queue, obs/s"]
    return Sheet("Latency at half of what is sustained live, ms", columns, rows)


def _datastreams(figures: list[Scale]) -> Sheet:
    rows = []
    for one in figures:
        share = one.observations_per_s / figures[0].observations_per_s
        memory = [f"{size / 2**20:.0f}" for size in one.memory_bytes.values()]
        speed = [f"{one.observations_per_s:,.0f}", f"{share:.2f}", f"{sum(one.cpu_us.values()):.1f}"]
        rows.append([f"{one.datastreams:,}", *speed, *memory])
    columns = ["Datastreams", "observations/s", "to the first", "µs an Observation"]
    names = [f"{name.removeprefix('worker-')}, MiB" for name in figures[0].memory_bytes]
    return Sheet("With more Datastreams (50 a message, QoS 1)", [*columns, *names], rows)


def _growth(figures: list[Scale]) -> Sheet:
    """Bytes a Datastream: from the fewest to the most in memory, and the live bytes of the most in the state topics."""
    first, last = figures[0], figures[-1]
    more = max(1, last.datastreams - first.datastreams)
    rows = [
        [f"memory of {name.removeprefix('worker-')}", f"{(size - first.memory_bytes[name]) / more:,.0f}"]
        for name, size in last.memory_bytes.items()
    ]
    rows += [[f"topic {name}", f"{size / last.datastreams:,.0f}"] for name, size in last.state_bytes.items()]
    return Sheet("Bytes a Datastream", ["where", "bytes"], rows)


def _takeover(figure: Takeover) -> Sheet:
    row = [f"{figure.p50_s:.1f}", f"{figure.max_s:.1f}", str(figure.kills), f"{figure.session_timeout_s:.0f}"]
    columns = ["p50, s", "max, s", "kills", "session timeout, s"]
    return Sheet("SIGKILL of a detecting worker until its partitions are served", columns, [row])


def machine_line(machine: Machine) -> str:
    """The machine in a sentence."""
    parts = ", ".join(f"{name} {version}" for name, version in {**machine.servers, **machine.libraries}.items())
    return (
        f"{machine.cores} cores of {machine.cpu}, {machine.memory_bytes / 2**30:.0f} GiB, load average"
        f" {machine.load_average:.1f} before; Python {machine.python}, {parts}; commit {machine.commit}."
    )


def show(report: Report, console: Console) -> None:
    """Print all tables."""
    console.print(machine_line(report.machine))
    print_sheets(sheets(report), console)


def print_sheets(made: list[Sheet], console: Console) -> None:
    """Print these."""
    for sheet in made:
        console.print(sheet.title, style="bold")
        table = Table(box=box.SIMPLE)
        for number, column in enumerate(sheet.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)


def markdown(report: Report) -> str:
    """All tables as Markdown."""
    return join_sheets(machine_line(report.machine), sheets(report))


def join_sheets(head: str, made: list[Sheet]) -> str:
    """Tables as Markdown, after a paragraph."""
    parts = [head]
    for sheet in made:
        rule = ["---"] + ["---:"] * (len(sheet.columns) - 1)
        lines = ["| " + " | ".join(cells) + " |" for cells in (sheet.columns, rule, *sheet.rows)]
        parts.append(f"**{sheet.title}**\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def write_page(report: Report, page: Path) -> None:
    """Put all tables into a page, in place of those that stand there.

    Raises:
        BenchError: the page has no place for them.
    """
    put_tables(markdown(report), page)


def put_tables(tables: str, page: Path) -> None:
    """Put tables, as Markdown, into a page, in place of those that stand there.

    Raises:
        BenchError: the page has no place for them.
    """
    if not marked.put(tables, page, BEGIN, END):
        raise BenchError(problem=f"{page} has no place for tables", mend=f"put the lines {BEGIN} and {END} into it")

"""Figures become tables with ratios, on a terminal and in a page."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from aedilis.errors import BenchError
from bench.figures import Latency, Limit, Machine, Plain, Report, Scale, Spread, Takeover, Throughput
from bench.table import BEGIN, END, markdown, sheets, show, write_page

MACHINE = Machine(
    cores=2,
    cpu="a processor",
    memory_bytes=2**33,
    load_average=0.1,
    python="3.11",
    libraries={},
    servers={},
    commit="a",
)


def throughput(form: str, in_message: int, qos: int, per_s: float) -> Throughput:
    return Throughput(
        form=form,
        in_message=in_message,
        qos=qos,
        datastreams=1000,
        published=1100,
        stored=1000,
        anomalies=0,
        rejects=0,
        stored_seconds=1.0,
        seconds=1.0,
        observations_per_s=per_s,
        messages_per_s=per_s / in_message,
        cpu_us={"worker-detect": 4.0, "kafka": 1.0},
    )


def report() -> Report:
    spread = Spread(count=10, p50_ms=1, p99_ms=2, p999_ms=3, max_ms=4)
    scale = {"cpu_us": {"kafka": 1.0}, "state_bytes": {"detect-state": 6_000_000}}
    return Report(
        machine=MACHINE,
        throughput=[throughput("hub", 50, 1, 200_000.0), throughput("single", 1, 0, 30_000.0)],
        plain=[
            Plain(
                form="hub",
                in_message=50,
                qos=1,
                state="dict",
                datastreams=1000,
                published=10,
                stored=10,
                seconds=1.0,
                observations_per_s=1_000.0,
                cpu_us={"plain-agent": 500.0},
            )
        ],
        limits=[
            Limit(what="Mosquitto to paho, 1 a message, QoS 0", observations_per_s=60_000.0),
            Limit(what="COPY", observations_per_s=400_000.0),
        ],
        latency=[
            Latency(
                form="hub",
                in_message=50,
                qos=1,
                datastreams=10,
                per_s=100.0,
                drained_per_s=500.0,
                live_per_s=200.0,
                behind=50,
                row=spread,
                webhook=spread,
                asked_every_ms=2,
                cores={},
            )
        ],
        datastreams=[
            Scale(datastreams=1_000, observations_per_s=200.0, memory_bytes={"ingest": 1_000_000}, **scale),  # type: ignore[arg-type]
            Scale(datastreams=11_000, observations_per_s=150.0, memory_bytes={"ingest": 6_000_000}, **scale),  # type: ignore[arg-type]
        ],
        takeover=Takeover(kills=3, observations_per_s=1.0, session_timeout_s=6, p50_s=7.1, max_s=8.2),
    )


def cells(title: str) -> list[list[str]]:
    (rows,) = [sheet.rows for sheet in sheets(report()) if sheet.title.startswith(title)]
    return rows


def test_ours_stands_beside_the_plain_app_with_the_ratio() -> None:
    assert cells("A plain Faust app")[0][-2:] == ["200.0", "100.0"]


def test_a_limit_is_compared_with_the_load_of_its_kind_or_the_best() -> None:
    assert [row[-2:] for row in cells("Raw limits")] == [["30,000", "0.50"], ["200,000", "0.50"]]


def test_what_was_lost_is_shown() -> None:
    assert "100" in cells("End to end")[0]


def test_growth_is_a_datastream_from_the_fewest_to_the_most() -> None:
    assert cells("Bytes a Datastream") == [["memory of ingest", "500"], ["topic detect-state", "545"]]


def test_a_row_has_a_cell_for_each_column_and_an_empty_section_no_table() -> None:
    for sheet in sheets(report()):
        assert all(len(row) == len(sheet.columns) for row in sheet.rows), sheet.title
    assert sheets(Report(machine=MACHINE)) == []


def test_the_terminal_shows_every_table() -> None:
    out = StringIO()
    show(report(), Console(file=out, width=200))
    assert all(sheet.title in out.getvalue() for sheet in sheets(report()))


def test_a_page_keeps_what_stands_around_its_tables(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_page(report(), page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert markdown(report()) in text
    write_page(report(), page)
    assert page.read_text() == text


def test_a_page_without_a_place_is_refused_and_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("no place\n")
    with pytest.raises(BenchError, match="no place for tables"):
        write_page(report(), page)
    assert page.read_text() == "no place\n"

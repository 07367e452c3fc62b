"""Servers and a line of the fault tests' own, made once; the figures that they measure, shown at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.line import Line
from tests.faults.operator import Operator
from tests.faults.servers import Servers

FIGURES: list[str] = []


@pytest.fixture(scope="session")
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    """A line that has had its calm run."""
    servers, operator = Servers(), Operator()
    made = None
    try:
        made = Line(servers, operator, FIGURES)
        yield made
    finally:
        if made is not None:
            made.close()
        operator.stop()
        servers.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures."""
    if FIGURES:
        terminalreporter.section("measured")
        for figure in FIGURES:
            terminalreporter.write_line(figure)

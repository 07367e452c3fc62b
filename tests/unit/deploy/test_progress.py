"""How far a fetch has come, read from what apt-get and Maven say, and shown."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from deploy.progress import AptLines, Progress, maven_line

APT = """Reading package lists...
The following NEW packages will be installed:
  libpq5 postgresql-17
0 upgraded, 92 newly installed, 0 to remove and 0 not upgraded.
Need to get 93.1 MB of archives.
After this operation, 410 MB of additional disk space will be used.
Get:1 http://mirror.example/debian trixie/main amd64 libpq5 amd64 17.6-0+deb13u1 [228 kB]
Get:2 http://mirror.example/debian trixie/main amd64 postgresql-17 amd64 17.6-0+deb13u1 [16.7 MB]
Fetched 93.1 MB in 3s (30.0 MB/s)"""


def test_apt_says_which_package_of_how_many() -> None:
    tell = AptLines()
    assert [said for line in APT.splitlines() if (said := tell(line))] == [
        "package 1 of 92, libpq5 (228 kB), 93.1 MB in all",
        "package 2 of 92, postgresql-17 (16.7 MB), 93.1 MB in all",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "[INFO] Downloaded from central: https://m.example/org/kafka-clients-4.1.0.jar (9.8 MB at 3.1 MB/s)",
            "kafka-clients-4.1.0.jar (9.8 MB)",
        ),
        ("Downloaded from central: https://m.example/org/kafka-clients-4.1.0.pom (2.1 kB at 30 kB/s)", None),
        ("[INFO] BUILD SUCCESS", None),
    ],
)
def test_maven_says_which_file_came(line: str, said: str | None) -> None:
    assert maven_line(line) == said


def test_without_a_terminal_a_line_comes_every_few_seconds() -> None:
    out = io.StringIO()
    console = Console(file=out, width=100)
    with Progress(console, "a thing (3 MB)", every_seconds=0.0) as progress:
        progress.say("1 MB")
        progress.say(None)
    with Progress(console, "another", every_seconds=60.0) as progress:
        progress.say("too soon")
    assert out.getvalue().splitlines() == [
        "fetching a thing (3 MB)",
        "  1 MB",
        "fetched a thing (3 MB)",
        "fetching another",
        "fetched another",
    ]


def test_what_failed_is_not_said_to_be_fetched() -> None:
    out = io.StringIO()
    with pytest.raises(OSError, match="no line"), Progress(Console(file=out), "a thing"):
        raise OSError("no line")
    assert "fetched" not in out.getvalue()


def test_on_a_terminal_the_line_changes_in_place() -> None:
    out = io.StringIO()
    with Progress(Console(file=out, force_terminal=True, width=100), "a thing") as progress:
        progress.say("1 MB")
        assert progress._status is not None
        assert progress._status.status == "fetching a thing: 1 MB"
    assert "fetched a thing" in out.getvalue()

"""The mirror, what is missing, how commands fail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aedilis.errors import MissingPrerequisite, ServerError, SettingError
from deploy import fetch

NEW_FORM = """Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("deb http://mirror.example/debian bookworm main\n", ["http://mirror.example/debian"]),
        ("deb [arch=amd64 signed-by=/k.gpg] https://m.example/debian/ sid main\n", ["https://m.example/debian/"]),
        (NEW_FORM, ["http://mirror.example/debian"]),
        ("# deb http://mirror.example/debian bookworm main\n", []),
        ("deb http://mirror.example/ubuntu jammy main\n", []),
        ("deb-src http://mirror.example/debian bookworm main\n", []),
        ("", []),
    ],
)
def test_mirrors_are_read_from_apts_sources(text: str, found: list[str]) -> None:
    assert fetch.mirrors(text) == found


@pytest.mark.parametrize(("user", "sudo"), [(0, ""), (1000, "sudo ")])
def test_a_missing_program_is_named_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, user: int, sudo: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingPrerequisite) as caught:
        fetch.need("mvn", "maven")
    assert str(caught.value) == f"mvn is missing. Install it with: {sudo}apt-get install -y maven"


def test_the_cache_is_the_one_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AEDILIS_CACHE", str(tmp_path / "c"))
    assert fetch.cache_folder() == tmp_path / "c"


@pytest.mark.parametrize(("user", "folder"), [(0, "/var/cache/aedilis"), (1000, "/x/cache/aedilis")])
def test_the_cache_of_a_user_and_of_root(monkeypatch: pytest.MonkeyPatch, user: int, folder: str) -> None:
    monkeypatch.delenv("AEDILIS_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/x/cache")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert fetch.cache_folder() == Path(folder)


def test_lines_of_a_command_are_seen_as_they_come() -> None:
    lines: list[str] = []
    fetch.run(["sh", "-c", "echo one; echo two >&2"], "x", each_line=lines.append)
    assert [line.strip() for line in lines] == ["one", "two"]


def test_a_command_that_fails_shows_the_end_of_its_output() -> None:
    with pytest.raises(ServerError) as caught:
        fetch.run(["sh", "-c", "seq 100; exit 3"], "x", "pray")
    assert "99\n100" in str(caught.value)
    assert "\n12\n" not in str(caught.value)
    assert str(caught.value).endswith("Mend: pray")


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AEDILIS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(SettingError, match="AEDILIS_CACHE: expected a folder that can be written"):
        fetch.kafka()

"""docs/onboarding.md, step by step: its files are written, its commands run, its pages opened; what it says comes."""

from __future__ import annotations

import html
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

from tests.installation import ROOT, Installation

PAGE = (ROOT / "docs/onboarding.md").read_text(encoding="utf-8")
STEP = re.compile(r"^```(\w+)\n(.*?)^```$|^Open (.*?)\n\n", re.MULTILINE | re.DOTALL)
SECONDS = 20
"""So long what is stored a moment later is waited for."""
ASKS = ("aedilis counts", "aedilis types infer")
"""Commands that only look, and may look again."""


def test_a_newcomer_gets_from_box_to_chart(installation: Installation, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        installation.env["AEDILIS_API"] = f"127.0.0.1:{free.getsockname()[1]}"
    installation.line()
    installation.start("api", "api")
    reader = Newcomer(installation, tmp_path / "desk")
    steps = list(STEP.finditer(PAGE))
    for step in steps:
        language, body, pages = step.groups()
        if pages:
            reader.open(pages)
        elif language == "console":
            reader.run(body)
        elif language == "diff":
            reader.edit(body)
        else:
            name, content = re.fullmatch(r"# (\S+)\n(.*)", body, re.DOTALL).groups()  # type: ignore[union-attr]
            (reader.desk / name).write_text(content, encoding="utf-8")
    assert len(steps) > 20, "a step was not recognised as one"


class Newcomer:
    """Does what the page says, in a folder of their own."""

    def __init__(self, installation: Installation, desk: Path) -> None:
        self.desk = desk
        desk.mkdir()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._env = {**installation.env, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "140"}
        settings = installation.settings
        self._site = f"http://{settings.api}"
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        login = urlencode({"user": settings.admin_user, "password": settings.admin_password}).encode()
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self._browser.open(f"{self._site}/login", login)
                return
            except urllib.error.URLError:  # it has just been started
                assert time.monotonic() < deadline
                time.sleep(0.2)

    def run(self, body: str) -> None:
        """Commands, each with what it prints."""
        for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            command, _, wanted = part.partition("\n")
            faults = "fault(s)" in wanted

            def told(command: str = command, faults: bool = faults) -> str:
                ended = subprocess.run(
                    ["bash", "-c", command],
                    cwd=self.desk, env=self._env, check=False, capture_output=True, text=True, timeout=100,
                )  # fmt: skip
                assert ended.returncode == (2 if faults else 0), f"{command}: {ended.stdout}{ended.stderr}"
                return ended.stderr + ended.stdout

            self._comes(told, _form(wanted), again=command.startswith(ASKS))

    def edit(self, body: str) -> None:
        """A change of lines that stand once in a file."""
        name, *lines = body.splitlines()
        file = self.desk / name.removeprefix("# ")
        before = "\n".join(line[1:] for line in lines if line[0] in " -") + "\n"
        after = "\n".join(line[1:] for line in lines if line[0] in " +") + "\n"
        text = file.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in\n{text}"
        file.write_text(text.replace(before, after), encoding="utf-8")

    def open(self, text: str) -> None:
        """A page, links to follow, and words that it shows."""
        way, _, shown = text.partition(":")
        address, *links = re.findall(r"`(.*?)`|\*\*(.*?)\*\*", way)
        at = address[0]
        for _, link in links:
            linked = rf'<a[^>]*href="([^"]+)"[^>]*>\s*(?:<[^>]*>\s*)*{re.escape(link)}\s*<'
            content = self._comes(lambda at=at: self._fetch(at), re.compile(linked))  # type: ignore[misc]
            at = html.unescape(re.search(linked, content)[1])  # type: ignore[index]
        for word in re.findall(r"\*\*(.*?)\*\*", shown, re.DOTALL) or [links[-1][1]]:
            self._comes(lambda at=at: self._fetch(at), re.compile(re.escape(" ".join(word.split()))))  # type: ignore[misc]

    def _fetch(self, address: str) -> str:
        content: str = self._browser.open(self._site + address, timeout=20).read().decode()
        return content

    def _comes(self, told: Callable[[], str], wanted: re.Pattern[str], *, again: bool = True) -> str:
        deadline = time.monotonic() + SECONDS
        while not wanted.search(found := told()):
            over = not again or time.monotonic() > deadline
            assert not over, f"expected {wanted.pattern}\ngot {found}"
            time.sleep(0.3)
        return found


def _form(wanted: str) -> re.Pattern[str]:
    """What a command prints: `…` is anything, in a line or, where it stands alone, some lines."""

    def lines() -> Iterator[str]:
        for line in wanted.splitlines():
            yield r"(.*\n)*?" if line == "…" else re.escape(line.strip()).replace("…", ".*").join((r"\s*", r"\s*\n"))

    return re.compile(r"\A" + "".join(lines()) + r"\s*\Z")

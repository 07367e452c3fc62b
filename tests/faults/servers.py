"""Mosquitto, Kafka and PostgreSQL of the fault tests' own, by the project's own code, to be killed and filled."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path
from unittest.mock import patch

import psutil

from aedilis.settings import Settings, load
from deploy import choices
from deploy.process import Guarded
from deploy.servers import Server, fetch_programs, local_servers, wait_ready
from tests.acceptance.own_home import CLEAN

DISK_MIB = 1024
"""The quota of Kafka and of PostgreSQL, where a folder can be given one."""


class Servers:
    """The three, each in its guard. What the supervisor does on an end, `again` does when the test wants it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="aedilis-faults-"))
        self.folder.chmod(0o711)  # PostgreSQL's user passes through
        home = self.folder / "servers"
        home.mkdir(mode=0o711)
        self._mounted = [place for name in ("kafka", "postgresql") if _mount(place := home / name)]
        self.quota = bool(self._mounted)
        # not the usual ports: while one of these servers is away, another installation may want them
        ports = dict(zip(choices.PREFERRED, random.sample(range(20_000, 32_000), len(choices.PREFERRED)), strict=True))
        environment = patch.dict(os.environ, {**CLEAN, "AEDILIS_HOME": str(home)}, clear=True)
        with environment, patch.dict(choices.PREFERRED, ports):
            choices.choose(home, choices.PREFERRED)
            self.settings: Settings = load()
            fetch_programs()
            self._servers: dict[str, Server] = {server.name: server for server in local_servers(self.settings)}
            self._running: dict[str, Guarded] = {}
            for name, server in self._servers.items():
                self._running[name] = server.prepare()
                self._running[name].start()
            for name, server in reversed(self._servers.items()):
                wait_ready(self._running[name], server.address)
                server.finish()

    @property
    def given(self) -> dict[str, str]:
        """The variables with which a line uses them."""
        names = ("mqtt", "mqtt_user", "mqtt_password", "kafka", "database")
        return {f"AEDILIS_{name.upper()}": getattr(self.settings, name) for name in names}

    def kill(self, name: str) -> None:
        """SIGKILL to all processes of a server at once: of PostgreSQL the postmaster and its backends."""
        for pid in self._running[name].commands():
            with contextlib.suppress(psutil.NoSuchProcess):
                whole = psutil.Process(pid)
                for process in [whole, *whole.children(recursive=True)]:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
        self._running[name].wait()

    def again(self, name: str) -> None:
        """Start one that has ended, as the supervisor would, and wait until it lets us in."""
        self._running[name].start()
        wait_ready(self._running[name], self._servers[name].address)
        self._servers[name].finish()

    def ended(self, name: str) -> bool:
        """Whether it has ended."""
        return self._running[name].poll() is not None

    def fill(self, name: str) -> Path:
        """Leave not a byte on the disk of a server; returns the file that fills it."""
        filler = self.folder / "servers" / {"database": "postgresql", "kafka": "kafka"}[name] / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(65_536))
        return filler

    def said(self, name: str, words: str) -> bool:
        """Whether a server's log has these words."""
        return words in self._running[name].log.read_text(errors="replace")

    def stop(self) -> None:
        """Stop all three, delete all."""
        for process in self._running.values():
            process.ask_to_stop()
        for process in self._running.values():
            process.wait()
        for place in self._mounted:
            subprocess.run(["umount", str(place)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def _mount(place: Path) -> bool:
    """Give a folder a disk of its own. It needs root."""
    place.mkdir(mode=0o711)
    if os.geteuid() != 0:
        return False
    options = ["-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(place)]
    return subprocess.run(["mount", *options], check=False, capture_output=True).returncode == 0

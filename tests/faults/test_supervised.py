"""What `aedilis up` does with its processes and servers when they are killed, when they hang, and when it is enough."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import psutil
import psycopg
import pytest

from aedilis.health import running
from deploy.supervisor import ASK_SECONDS
from simulation.city import City
from tests.acceptance.own_home import OwnHome, until
from tests.faults.load import observations_in

pytestmark = [pytest.mark.long, pytest.mark.timeout(290)]

SERVERS = {"kafka": "kafka.Kafka", "database": "bin/postgres", "mqtt": "mosquitto"}
"""Name → a word of its command."""
DAYS = 0.02
LINE = ("ingest-all", "worker-detect", "worker-store", "worker-alert", "worker-notify")


class Up(OwnHome):
    """`aedilis up --no-simulate` with servers of its own."""

    def find(self, name: str) -> psutil.Process:
        """The process of this name that runs now."""
        found: list[psutil.Process] = []
        deadline = time.monotonic() + 60
        while not found:
            assert time.monotonic() < deadline, f"{name} does not run: {self.errors.read_text()[-2000:]}"
            if name in SERVERS:
                found = [
                    process
                    for guard in self.processes()
                    if "guard.py" in " ".join(_command(guard))
                    for process in guard.children()
                    if SERVERS[name] in " ".join(_command(process))
                ]
            else:
                found = [psutil.Process(one.pid) for one in running(self.folder) if one.process == name]
        return found[0]

    def wait_ready(self) -> None:
        """Wait until ingest and workers say that they are ready."""
        for name in LINE:
            until(lambda name=name: self._ready(name), self.errors.read_text, 90)  # type: ignore[misc]

    def _ready(self, name: str) -> bool:
        for one in running(self.folder):
            if one.process == name:
                try:
                    with urlopen(f"http://127.0.0.1:{one.port}/health/ready", timeout=2):
                        return True
                except OSError:
                    return False
        return False

    def carries(self, start: str) -> None:
        """A load published now is stored, once, and counted."""
        begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
        city = City(1, begin, "demo").between(begin, begin + timedelta(days=DAYS))
        stored = self._stored() + observations_in([(topic, payload) for _, topic, payload in city])
        self.ok("simulate", "--start", start, "--duration", str(DAYS), "--speed", "max")
        until(lambda: self._stored() == stored, lambda: f"{self._stored()} of {stored}", 90)
        until(lambda: self.run("counts").returncode == 0, self.errors.read_text, 60)

    def _stored(self) -> int:
        with psycopg.connect(self.settings()["database"]) as connection:
            return int(connection.execute("select count(*) from observation").fetchall()[0][0])


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def up() -> Iterator[Up]:
    folder = Path(tempfile.mkdtemp(prefix="aedilis-up-"))
    folder.chmod(0o711)  # PostgreSQL's user passes through
    made = Up(folder / "home")
    made.start_up("--no-simulate")
    yield made
    made.close()
    shutil.rmtree(folder, ignore_errors=True)


def test_killed_and_hanging_ones_are_replaced(up: Up) -> None:
    for name in (*SERVERS, *LINE):
        up.find(name).kill()
    until(lambda: up.errors.read_text().count("starts again now") >= len(SERVERS) + len(LINE))
    up.wait_ready()
    up.carries("2026-01-05")

    time.sleep(2 * ASK_SECONDS)  # each has been asked since it started: one that has never answered has much longer
    names = ("worker-store", "ingest-all", "kafka", "mqtt")
    hanging = {name: up.find(name) for name in names}
    for process in hanging.values():
        process.suspend()
    until(
        lambda: up.errors.read_text().count("has not answered for 30 s; stopped") >= len(names), up.errors.read_text, 90
    )
    until(lambda: not any(process.is_running() for process in hanging.values()), up.errors.read_text, 60)
    for name, process in hanging.items():
        assert up.find(name).pid != process.pid
    up.wait_ready()
    up.carries("2026-02-05")
    for name in ("mosquitto", "postgresql", "kafka"):
        log = (up.folder / "logs" / f"{name}.log").read_text().splitlines()
        assert len(log) < 200, f"being asked whether it answers fills its log: {log[-5:]}"


def test_what_ends_again_and_again_ends_all_and_is_named(up: Up) -> None:
    assert up.up is not None
    killed: set[int] = set()
    deadline = time.monotonic() + 120
    while up.up.poll() is None:
        assert time.monotonic() < deadline
        for one in running(up.folder):
            if one.process == "worker-alert" and one.pid not in killed:
                killed.add(one.pid)
                psutil.Process(one.pid).kill()
        time.sleep(0.05)
    assert up.up.returncode == 2
    assert "Server worker-alert: ended 6 times in five minutes" in up.errors.read_text()
    up.until_gone()

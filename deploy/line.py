"""The processes of the line: which there are, and how each is known to be ready or to hang."""

from __future__ import annotations

import http.client
import sys
import time
from collections.abc import Callable

from aedilis.errors import ServerError
from aedilis.health import running
from aedilis.settings import Settings
from aedilis.vocabulary import ROLES
from deploy.process import Guarded
from deploy.supervisor import Supervisor

READY_SECONDS = 90.0

Commands = dict[str, list[str]]
"""Name → arguments of a process."""
LINE: Commands = {
    "api": ["api"],
    "ingest": ["ingest"],
    **{f"worker-{role}": ["worker", "--role", role] for role in ROLES},
}
CITY: Commands = {"simulate": ["simulate", "--backfill", "24"]}
"""What publishes. It starts when the line is ready: a broker keeps nothing for who has never subscribed."""


def start(settings: Settings, supervisor: Supervisor, hold: int, commands: Commands) -> dict[str, Guarded]:
    """Start processes; their guards keep the file descriptor `hold` open. Returns name → process."""
    started = {}
    for name, arguments in commands.items():
        log = settings.home_path / "logs" / f"{name}.log"
        process = Guarded(name, [sys.executable, "-m", "aedilis", *arguments], log)
        started[name] = supervisor.add(process, layer=1, hold=[hold], answers=_answers(settings, process))
    return started


def _answers(settings: Settings, process: Guarded) -> Callable[[], bool]:
    return lambda: not problem(settings, process, "/health/live")


def problem(settings: Settings, process: Guarded, path: str = "/health/ready") -> str:
    """Empty when the process that runs now answers with success, else what it says, or that it does not."""
    if process.name == "api":
        return _ask(settings.api, path)
    below = process.commands()
    for found in running(settings.home_path):
        if found.pid in below:
            return _ask(f"127.0.0.1:{found.port}", path)
    return "it does not serve its health yet"


def _ask(address: str, path: str) -> str:
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=2)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
        return "" if answer.status == 200 else body
    except (OSError, http.client.HTTPException) as error:
        return f"{path} does not answer: {error}"
    finally:
        connection.close()


def wait_ready(
    settings: Settings, supervisor: Supervisor, started: dict[str, Guarded], say: Callable[[str], None]
) -> None:
    """Wait until every process says that it is ready.

    Raises:
        ServerError: one did not in time, or ended again and again; says what it lacks.
    """
    waiting = dict(started)
    deadline = time.monotonic() + READY_SECONDS
    while waiting:
        for line in supervisor.tend():
            say(line)
        for name, process in list(waiting.items()):
            wrong = problem(settings, process)
            if not wrong:
                del waiting[name]
                say(f"{name:14} ready")
            elif time.monotonic() > deadline:
                raise ServerError(server=name, problem=f"is not ready: {wrong}", mend=f"read {process.log}")
        time.sleep(0.05)

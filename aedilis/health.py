"""The small HTTP server that every process has: is it alive, is it ready and if not why, its metrics.

`/health/live` answers while the event loop turns. `/health/ready` runs the checks and says what is wrong.
`/metrics` is Prometheus text. Where it listens stands in `<home>/run/<process>.<pid>.json`; `running` reads that.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec
import psutil
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from aedilis.errors import SettingError
from aedilis.settings import Settings

Check = Callable[[], Awaitable[str | None]]
"""Says what is wrong, or None."""


class Running(msgspec.Struct, frozen=True):
    """A process that has a health server: the content of its file. A number that was given anew is told by `started`."""

    process: str
    pid: int
    port: int
    started: float  # seconds since 1970, as the kernel counts

    @property
    def alive(self) -> bool:
        """Whether that very process is still there."""
        try:
            process = psutil.Process(self.pid)
            anew = abs(process.create_time() - self.started) > 1
            return not anew and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def _folder(home: Path) -> Path:
    return home / "run"


def _files(home: Path) -> list[tuple[Path, Running]]:
    found = []
    for file in sorted(_folder(home).glob("*.json")):
        try:
            found.append((file, msgspec.json.decode(file.read_bytes(), type=Running)))
        except (FileNotFoundError, msgspec.DecodeError):  # just removed, or not of ours
            continue
    return found


def running(home: Path) -> list[Running]:
    """The processes of an installation that are alive and have a health server."""
    return [found for _, found in _files(home) if found.alive]


class HealthServer:
    """Serves health and metrics of one process until `stop`."""

    def __init__(self, settings: Settings, process: str, checks: Mapping[str, Check]) -> None:
        self._settings = settings
        self._process = process
        self._checks = checks
        self._runner: web.AppRunner | None = None
        self._file = _folder(settings.home_path) / f"{process}.{os.getpid()}.json"

    async def start(self) -> None:
        """Bind to 127.0.0.1 and write the file; those of dead processes go.

        Raises:
            SettingError: the port that the settings name is taken.
        """
        app = web.Application()
        app.add_routes(
            [
                web.get("/health/live", self._live),
                web.get("/health/ready", self._ready),
                web.get("/metrics", self._metrics),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", self._settings.metrics_port).start()
        except OSError as error:
            raise SettingError(
                name="AEDILIS_METRICS_PORT",
                expected="a port that is free",
                got=self._settings.metrics_port,
                mend="each process needs one of its own; unset, it takes any free one",
            ) from error
        self._announce(self._runner.addresses[0][1])

    def _announce(self, port: int) -> None:
        home = self._settings.home_path
        _folder(home).mkdir(mode=0o700, parents=True, exist_ok=True)
        for file, found in _files(home):
            if not found.alive:
                file.unlink(missing_ok=True)
        me = psutil.Process()
        partial = self._file.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(Running(self._process, me.pid, port, me.create_time())))
        partial.replace(self._file)

    async def stop(self) -> None:
        """Close the port, remove the file."""
        self._file.unlink(missing_ok=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _live(self, _: web.Request) -> web.Response:
        return web.json_response({"process": self._process, "live": True})

    async def _ready(self, _: web.Request) -> web.Response:
        wrong = {}
        for name, check in self._checks.items():
            if (problem := await check()) is not None:
                wrong[name] = problem
        body = {"process": self._process, "ready": not wrong, "wrong": wrong}
        return web.json_response(body, status=503 if wrong else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

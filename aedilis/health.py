"""The small HTTP server that every process has: is it alive, is it ready and if not why, its metrics.

`/health/live` answers while the event loop turns. `/health/ready` runs the checks and says what is wrong.
`/metrics` is Prometheus text. The port is written to `<home>/run/<process>.json`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from aedilis.settings import Settings

Check = Callable[[], Awaitable[str | None]]
"""Says what is wrong, or None."""


def run_file(settings: Settings, process: str) -> Path:
    """Where a process writes its pid and port."""
    return settings.home_path / "run" / f"{process}.json"


class HealthServer:
    """Serves health and metrics of one process until `stop`."""

    def __init__(self, settings: Settings, process: str, checks: Mapping[str, Check]) -> None:
        self._settings = settings
        self._process = process
        self._checks = checks
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Bind to 127.0.0.1 and write the run file."""
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
        await web.TCPSite(self._runner, "127.0.0.1", self._settings.metrics_port).start()
        file = run_file(self._settings, self._process)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps({"pid": os.getpid(), "port": self._runner.addresses[0][1]}))
        partial.replace(file)

    async def stop(self) -> None:
        """Close the port."""
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

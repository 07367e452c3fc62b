"""The application: a table of routes, who may pass, and what an error looks like."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from aedilis.settings import Settings
from api import data, live, onboarding, pages, rejects, things, types
from api.security import Door, Headers
from api.words import zone_of
from registry.desk import Desk
from registry.things import Things
from storage.queries import Reader
from storage.writer import Unavailable

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
VENDORED = {
    "uPlot.esm.js": HERE / "web/node_modules/uplot/dist/uPlot.esm.js",
    "uPlot.min.css": HERE / "web/node_modules/uplot/dist/uPlot.min.css",
}
"""What the browser gets of other people's libraries."""
OPEN = ("/login", "/static/", "/health/", "/metrics")
"""Addresses that need no login."""


def make_app(settings: Settings) -> FastAPI:
    """The application; it starts without a database and says so on its pages.

    Raises:
        SettingError: the time zone of the settings does not exist.
        DeclarationError: a file that declares a sensor type has faults.
    """
    zone = zone_of(settings.timezone)
    reader = Reader(settings)
    pulse = live.Pulse(reader)
    desk = Desk(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await reader.open()
        follow = things.follow(app.state.things)
        tasks = [asyncio.create_task(one) for one in (pulse.run(), desk.open(), follow)]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await app.state.things.close()
        await desk.close()
        await reader.close()

    app = FastAPI(title="Aedilis", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json", lifespan=lifespan)
    app.state.reader, app.state.pulse, app.state.door = reader, pulse, Door(settings, reader)
    app.state.settings, app.state.zone, app.state.desk = settings, zone, desk
    app.state.redriving = asyncio.Lock()
    app.state.things = Things(settings)
    app.include_router(pages.router)
    app.include_router(things.pages)
    app.include_router(data.router)
    app.include_router(things.data)
    app.include_router(live.router)
    app.include_router(rejects.router)
    app.include_router(onboarding.pages)  # before those of types: `infer` is no type
    app.include_router(onboarding.data)
    app.include_router(types.pages)
    app.include_router(types.data)
    app.add_api_route("/health/live", _alive, methods=["GET"])
    app.add_api_route("/health/ready", _ready, methods=["GET"])
    app.add_api_route("/metrics", _metrics, methods=["GET"])
    app.add_api_route("/static/vendor/{name}", _vendored, methods=["GET"])
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.middleware("http")(_pass)
    app.add_middleware(Headers)
    app.add_exception_handler(Unavailable, _database_down)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    return app


async def _pass(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Let those through who are logged in. A fault of ours is logged, and told without what it says."""
    try:
        if request.url.path.startswith(OPEN):
            return await call_next(request)
        request.state.user = await request.app.state.door.who(request)
        if request.state.user is not None:
            return await call_next(request)
    except Unavailable as error:
        return await _database_down(request, error)
    except Exception:
        log.exception("a request for %s failed", request.url.path)
        return _problem(request, 500, "This is a fault of the program. It stands in the log of the process api.")
    if _wants_json(request):
        return _problem(request, 401, "Log in first: POST user and password to /login.")
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse("/login" if wanted == "/" else f"/login?next={quote(wanted, safe='/')}", 303)


def _wants_json(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/live"))


def _problem(request: Request, status: int, detail: str) -> Response:
    """RFC 9457 for programs, a page for people."""
    title = HTTPStatus(status).phrase
    if _wants_json(request):
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        return JSONResponse(body, status, media_type="application/problem+json")
    return pages.page(request, "error", status, title=title, detail=detail, retry=status == 503)


async def _database_down(request: Request, error: Exception) -> Response:
    detail = f"The database cannot be reached, so nothing can be shown. Detection goes on. ({str(error)[:200]})"
    return _problem(request, 503, detail)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _problem(request, error.status_code, str(error.detail))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}, got {one['input']!r}" for one in error.errors()]
    return _problem(request, 422, "; ".join(faults)[:1000])


async def _alive() -> JSONResponse:
    return JSONResponse({"process": "api", "live": True})


async def _ready(request: Request) -> JSONResponse:
    try:
        await request.app.state.reader.versions()
    except Unavailable as error:
        wrong = {"database": f"cannot be reached: {error}"}
        return JSONResponse({"process": "api", "ready": False, "wrong": wrong}, 503)
    return JSONResponse({"process": "api", "ready": True, "wrong": {}})


async def _metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _vendored(name: str) -> FileResponse:
    if name not in VENDORED:
        raise HTTPException(404, "There is no such file.")
    return FileResponse(VENDORED[name])

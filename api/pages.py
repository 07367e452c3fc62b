"""The pages. Each has a stable address, says where one is, and has a JSON twin."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates

from api.data import found, plain, reader_of, span
from api.security import COOKIE, Door, from_here

router = APIRouter(default_response_class=HTMLResponse)
templates = Jinja2Templates(Path(__file__).parent / "templates")
STALE_INTERVALS = 3
SHAPES = {
    "critical": "M6 1h8l5 5v8l-5 5H6l-5-5V6z",
    "major": "M10 1l9 17H1z",
    "minor": "M10 1l9 9-9 9-9-9z",
    "notice": "M10 2a8 8 0 100 16 8 8 0 000-16z",
}


def _ago(moment: datetime | None) -> str:
    if moment is None:
        return "never"
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for size, word in ((86_400 * 365, "years"), (86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word} ago"
    return "just now"


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _number(value: float | None) -> str:
    if value is None:
        return "no value"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _unit(unit: str) -> str:
    return {"ug/m3": "µg/m³", "mg/m3": "mg/m³", "Cel": "°C", "deg": "°", "1": ""}.get(unit, unit)


templates.env.filters.update(ago=_ago, time=_time, number=_number, unit=_unit)
templates.env.globals["shapes"] = SHAPES


def page(request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of this name."""
    user = getattr(request.state, "user", None)
    return templates.TemplateResponse(request, f"{name}.html", {"user": user, **values}, status_code=status)


def project(things: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Where each Thing that has a Location lies on a map of 1000 x 600; longitudes shrink with the latitude."""
    placed = [thing for thing in things if thing["longitude"] is not None]
    if not placed:
        return []
    shrink = math.cos(math.radians(sum(thing["latitude"] for thing in placed) / len(placed)))
    xs = [thing["longitude"] * shrink for thing in placed]
    ys = [-thing["latitude"] for thing in placed]
    width, height = max(xs) - min(xs) or 1e-6, max(ys) - min(ys) or 1e-6
    scale = min(940 / width, 540 / height)
    left, top = (1000 - width * scale) / 2, (600 - height * scale) / 2
    return [
        {**thing, "x": round(left + (x - min(xs)) * scale, 1), "y": round(top + (y - min(ys)) * scale, 1)}
        for thing, x, y in zip(placed, xs, ys, strict=True)
    ]


@router.get("/")
async def city(request: Request) -> Response:
    """The city: what is measured where, what is anomalous, what was alerted."""
    reader = reader_of(request)
    things = await reader.city()
    zones: dict[str, list[dict[str, Any]]] = {}
    for thing in things:
        zones.setdefault(thing["zone"], []).append(thing)
    return page(
        request,
        "city",
        zones=zones,
        dots=project(things),
        things=len(things),
        datastreams=sum(thing["datastreams"] for thing in things),
        anomalies=await reader.anomalies(open_only=True, limit=30),
        alerts=await reader.alerts(limit=30),
    )


@router.get("/things/{number}")
async def thing(request: Request, number: int) -> Response:
    """A Thing: its Datastreams, what each last said, what is wrong with it."""
    reader = reader_of(request)
    row = found(await reader.thing(number), "Thing")
    return page(request, "thing", thing=row, datastreams=await reader.datastreams(number))


@router.get("/datastreams/{number}")
async def datastream(
    request: Request, number: int, start: datetime | None = None, end: datetime | None = None
) -> Response:
    """A Datastream: its chart, what was found in it."""
    reader = reader_of(request)
    row = found(await reader.datastream(number), "Datastream")
    first, last = span(row, start, end)
    marks = await reader.anomalies(datastream=number, limit=50)
    return page(request, "datastream", datastream=row, start=first, end=last, anomalies=marks)


@router.get("/anomalies")
async def anomalies(request: Request, open_only: bool = False, kind: str | None = None) -> Response:
    """All anomalies."""
    rows = await reader_of(request).anomalies(open_only=open_only, kind=kind or None, limit=500)
    return page(request, "anomalies", anomalies=rows, open_only=open_only, kind=kind)


@router.get("/alerts")
async def alerts(request: Request, status: str | None = None) -> Response:
    """All alerts."""
    rows = await reader_of(request).alerts(status=status or None, limit=500)
    return page(request, "alerts", alerts=rows, wanted=status)


@router.get("/counts")
async def counts(request: Request) -> Response:
    """Whether the counts of all hops agree."""
    return page(request, "counts", counts=await reader_of(request).counts())


@router.get("/rejects")
async def rejects(request: Request) -> Response:
    """What was refused and why, with the latest bytes."""
    reader = reader_of(request)
    groups = await reader.reject_groups()
    samples = {group["id"]: [plain(row) for row in await reader.reject_samples(group["id"])] for group in groups[:30]}
    return page(request, "rejects", groups=groups, samples=samples)


@router.get("/login")
async def login_form(request: Request) -> Response:
    """The form."""
    return page(request, "login")


@router.post("/login")
async def login(request: Request) -> Response:
    """Log in."""
    door: Door = request.app.state.door
    if not from_here(request):
        return page(request, "login", 403, problem="This form was sent from another site.")
    if door.crowded():
        return page(request, "login", 429, problem="Too many wrong passwords. Wait a minute.")
    form = await request.form(max_fields=4)
    token = await door.enter(str(form.get("user", "")), str(form.get("password", "")))
    if token is None:
        return page(request, "login", 401, problem="User or password is wrong. `aedilis settings --json` shows them.")
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, token, httponly=True, samesite="lax", max_age=12 * 3600)
    return answer


@router.post("/logout")
async def logout(request: Request) -> Response:
    """Log out."""
    if from_here(request):
        await request.app.state.door.leave(request)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE)
    return answer

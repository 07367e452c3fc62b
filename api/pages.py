"""The pages. Each has a stable address, says where one is, and has a JSON twin.

What a page shows is decided here (of Things in `things`), how a value is written in `words`. Elements that a template marks `data-live` or
`data-list` are refreshed in place by `static/live.js`, which asks for the same address again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import jinja2
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates

from aedilis import units
from aedilis.quality import QUALITY_WORDS
from aedilis.vocabulary import AlertStatus, Scope, Severity
from api import words
from api.data import About, Identity, Known, Last, Moment, Row, Word, found, more, normal, reader_of, span
from api.security import COOKIE, Door, from_here, own_address
from detectors.core.discovery import all_detectors
from detectors.core.explain import name_of

router = APIRouter(default_response_class=HTMLResponse)
templates = Jinja2Templates(Path(__file__).parent / "templates")
LISTED = 30
"""Anomalies and alerts on the city page."""
PIECE = 100
"""Rows of the longer lists, before the way to the older ones."""
SMALL_CITY = 150
"""Up to so many Things the city page lists each; beyond it their zones."""
SMALL_MAP = 400
"""Up to so many Things each is a link on the map; beyond it only those with something wrong."""
SHAPES = {
    "critical": "M6 1h8l5 5v8l-5 5H6l-5-5V6z",
    "major": "M10 1l9 17H1z",
    "minor": "M10 1l9 9-9 9-9-9z",
    "notice": "M10 2a8 8 0 100 16 8 8 0 000-16z",
    "silent": "M10 3a7 7 0 100 14 7 7 0 000-14z",
}
"""Severity, or silent → its shape in a square of 20."""
RANGES = (("6h", "6 h"), ("24h", "24 h"), ("7d", "7 days"), ("30d", "30 days"), ("1y", "1 year"), ("10y", "10 years"))
_RANGE = ("start", "end", "last")


@jinja2.pass_context
def _local(context: jinja2.runtime.Context, moment: datetime | None) -> str:
    return words.local(moment, context["zone"])


@jinja2.pass_context
def _sentence(context: jinja2.runtime.Context, text: str) -> str:
    return words.sentence(text, context["zone"])


@jinja2.pass_context
def _told(context: jinja2.runtime.Context, row: Mapping[str, Any]) -> str:
    return words.sentence(words.told(row, context["language"]), context["zone"])


@jinja2.pass_context
def _called(context: jinja2.runtime.Context, name: str, detector: str) -> str:
    return name_of(detector, name, context["language"])


@jinja2.pass_context
def _address(context: jinja2.runtime.Context, **changes: str | None) -> str:
    """This page's address with other parameters; those changed to None are left out, a piece begins anew."""
    query = {**context["request"].query_params, "before": None, "after": None, **changes}
    given = {name: value for name, value in query.items() if value}
    path = context["request"].url.path
    return f"{path}?{urlencode(given)}" if given else str(path)


def shown_at(row: Mapping[str, Any]) -> str:
    """The address where an anomaly or alert can be seen: the chart of its Datastream, with some time around it, of an
    open one up to the newest; of one about more than a Datastream the page of the anomaly."""
    if row["datastream"] is None:
        return f"/anomalies/{row['anomalies'][-1] if 'anomalies' in row else row['id']}"
    begin = row.get("starts_at") or row["opened_at"]
    end = row.get("ends_at") or row.get("resolved_at")
    if row["interval_us"] is None:  # the tables do not know it yet
        return f"/datastreams/{row['datastream']}"
    spacing = timedelta(microseconds=row["interval_us"])
    margin = max(20 * spacing, ((end or begin) - begin) / 2)
    query = {"start": begin - margin}
    if end is not None:
        query["end"] = end + margin + spacing
    times = {name: moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ") for name, moment in query.items()}
    return f"/datastreams/{row['datastream']}?{urlencode(times, safe=':')}"


templates.env.filters.update(
    ago=words.ago,
    time=_local,
    number=words.number,
    unit=units.written,
    with_unit=units.with_unit,
    sentence=_sentence,
    told=_told,
    subject=words.subject,
    shown_at=shown_at,
    called=_called,
)
templates.env.globals.update(
    shapes=SHAPES, severities=[*Severity], quality=QUALITY_WORDS, address=_address, band=words.band
)


def page(request: Request, name: str, code: int = 200, /, **values: Any) -> HTMLResponse:
    """A page of this name."""
    kept = {key: value for key, value in request.query_params.items() if key in _RANGE and value}
    common = {
        "user": getattr(request.state, "user", None),
        "zone": request.app.state.zone,
        "language": words.language_of(request.query_params.get("lang"), request.headers.get("accept-language")),
        "keep": f"?{urlencode(kept, safe=':')}" if kept else "",
    }
    return templates.TemplateResponse(request, f"{name}.html", {**common, **values}, status_code=code)


# ---------------------------------------------------------------- city


def project(things: Sequence[Row]) -> list[Row]:
    """Where each Thing that has a Location lies on a map of 1000 x 800; longitudes shrink with the latitude."""
    placed = [thing for thing in things if thing["longitude"] is not None]
    if not placed:
        return []
    shrink = math.cos(math.radians(sum(thing["latitude"] for thing in placed) / len(placed)))
    xs = [thing["longitude"] * shrink for thing in placed]
    ys = [-thing["latitude"] for thing in placed]
    width, height = max(xs) - min(xs) or 1e-6, max(ys) - min(ys) or 1e-6
    scale = min(940 / width, 740 / height)
    left, top = (1000 - width * scale) / 2, (800 - height * scale) / 2
    return [
        {**thing, "x": round(left + (x - min(xs)) * scale, 1), "y": round(top + (y - min(ys)) * scale, 1)}
        for thing, x, y in zip(placed, xs, ys, strict=True)
    ]


def zones_of(things: Sequence[Row], alerted: Sequence[Row] = ()) -> list[Row]:
    """The zones of Things: agency, zone, things, datastreams, last_time, silent, open_alerts, severity, members, own.

    `alerted` has what is open on zones as such, which counts with what is open on their Things; `own` is that of the zone.
    """
    of_zone = {(one["agency"], one["zone"]): one for one in alerted}
    grouped: dict[tuple[str, str], list[Row]] = {}
    for thing in things:
        grouped.setdefault((thing["agency"], thing["zone"]), []).append(thing)
    return [
        {
            "agency": agency,
            "zone": zone,
            "members": members,
            "things": len(members),
            "datastreams": sum(thing["datastreams"] for thing in members),
            "last_time": max((thing["last_time"] for thing in members if thing["last_time"]), default=None),
            "silent": sum(thing["silent"] for thing in members),
            "open_alerts": sum(thing["open_alerts"] for thing in members) + (own["alerts"] if own else 0),
            "severity": worst([*(thing["severity"] for thing in members), own["severity"] if own else None]),
            "own": own,
        }
        for (agency, zone), members in grouped.items()
        for own in (of_zone.get((agency, zone)),)
    ]


def worst(severities: Sequence[str | None]) -> str | None:
    """The worst of them; None when there is none."""
    order = list(Severity)
    known = [order.index(Severity(one)) for one in severities if one]
    return order[min(known)].value if known else None


@router.get("/")
async def city(request: Request) -> Response:
    """The city: what is measured where, what is anomalous, what was alerted."""
    reader = reader_of(request)
    things = await reader.city()
    dots = project(things)
    marked = [dot for dot in dots if dot["severity"] or dot["silent"]]
    marked.sort(key=lambda dot: (dot["severity"] is not None, dot["open_alerts"]))  # the worst are drawn last, on top
    calm = [dot for dot in dots if not (dot["severity"] or dot["silent"])]
    wrong = [thing for thing in things if thing["severity"] or thing["silent"]]
    return page(
        request,
        "city",
        zones=zones_of(things, await reader.open_alerts_of_zones()),
        marked=marked[-SMALL_MAP:],
        calm=calm if len(dots) <= SMALL_MAP else [],
        crowd="".join(f"M{dot['x']} {dot['y']}h0" for dot in calm) if len(dots) > SMALL_MAP else "",
        small=len(things) <= SMALL_CITY,
        things=len(things),
        datastreams=sum(thing["datastreams"] for thing in things),
        silent=sum(thing["silent"] for thing in things),
        wrong=[thing for thing in wrong if thing["severity"]][:LISTED],
        now=await reader.versions(),
        anomalies=await reader.anomalies(open_only=True, limit=LISTED),
        alerts=await reader.alerts(limit=LISTED),
        listed=LISTED,
    )


# ---------------------------------------------------------------- datastream


def ranges(interval_us: int) -> list[tuple[str, str]]:
    """The (`last`, words) of spans that hold at least ten intervals."""
    hours = {"h": 1, "d": 24, "y": 8766}
    return [
        (last, shown) for last, shown in RANGES if int(last[:-1]) * hours[last[-1]] * 3_600_000_000 >= 10 * interval_us
    ]


def at(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    """A time from an address: without a zone it is of the pages' zone."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=zone)


@router.get("/datastreams/{number}")
async def datastream(
    request: Request, number: Identity, start: Moment = None, end: Moment = None, last: Last = None
) -> Response:
    """A Datastream: its chart, what was found in it. Without an `end` the chart follows the data."""
    reader = reader_of(request)
    row = found(await reader.datastream(number), "Datastream")
    zone = request.app.state.zone
    start, end = at(start, zone), at(end, zone)
    first, until = span(row, start, end, last)
    asked = {"start": start, "end": end}
    query = {name: moment.astimezone(UTC).isoformat() for name, moment in asked.items() if moment}
    if last and not start:
        query["last"] = request.query_params["last"]
    marks = await reader.anomalies(datastream=number, its_thing=True, limit=PIECE)
    return page(
        request,
        "datastream",
        datastream=row,
        source=f"/api/v1/datastreams/{number}/observations?{urlencode(query)}",
        start=words.field(first, zone),
        end=words.field(end, zone),
        earlier={"start": _stamp(first - (until - first)), "end": _stamp(first), "last": None},
        later={"start": _stamp(until), "end": _stamp(until + (until - first)), "last": None} if end else None,
        ranges=ranges(row["interval_us"]),
        anomalies=marks,
        wrong=[mark for mark in marks if mark["ends_at"] is None],
    )


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


# ---------------------------------------------------------------- lists


def kinds(wanted: str | None) -> list[str]:
    """The kinds that the detectors know, and the one that was asked for."""
    return sorted(
        {kind for detector in all_detectors().values() for kind in detector.kinds} | ({wanted} if wanted else set())
    )


@router.get("/anomalies")
async def anomalies(
    request: Request,
    open_only: bool = False,
    status: Annotated[Word, Query(pattern="^(open|ended)$")] = None,
    kind: Word = None,
    scope: About = None,
    agency: Word = None,
    before: Known = None,
) -> Response:
    """Anomalies, the newest first."""
    reader = reader_of(request)
    status = "open" if open_only else status
    rows = await reader.anomalies(
        open_only=status == "open",
        ended_only=status == "ended",
        kind=kind,
        scope=scope,
        agency=agency,
        before=before,
        limit=PIECE,
    )
    shown: Row = {"status": status, "kind": kind, "scope": scope, "agency": agency, "before": before}
    choices: Row = {"kinds": kinds(kind), "agencies": await reader.agencies(), "next": more(rows, PIECE)}
    return page(request, "anomalies", anomalies=rows, scopes=[*Scope], **shown, **choices)


@router.get("/anomalies/{number}")
async def anomaly(request: Request, number: Identity) -> Response:
    """One anomaly: what came, what was expected, what spoke for it."""
    row = found(await reader_of(request).anomaly(number), "anomaly")
    return page(request, "anomaly", a=row, normal=normal(row))


@router.get("/alerts")
async def alerts(
    request: Request,
    status: Annotated[Word, Query(pattern="^(open|resolved)$")] = None,
    kind: Word = None,
    agency: Word = None,
    before: Known = None,
) -> Response:
    """Alerts, the newest first."""
    reader = reader_of(request)
    rows = await reader.alerts(status=status, kind=kind, agency=agency, before=before, limit=PIECE)
    shown: Row = {"status": status, "kind": kind, "agency": agency, "before": before, "statuses": [*AlertStatus]}
    choices: Row = {"kinds": kinds(kind), "agencies": await reader.agencies(), "next": more(rows, PIECE)}
    return page(request, "alerts", alerts=rows, **shown, **choices)


@router.get("/counts")
async def counts(request: Request) -> Response:
    """Whether the counts of all hops agree."""
    return page(request, "counts", counts=await reader_of(request).counts())


# ---------------------------------------------------------------- in and out


@router.get("/login")
async def login_form(request: Request, next: str = "/") -> Response:
    """The form."""
    return page(request, "login", next=own_address(next))


@router.post("/login")
async def login(request: Request) -> Response:
    """Log in, and go on to the page that was wanted."""
    door: Door = request.app.state.door
    form = await request.form(max_fields=4)
    target = own_address(str(form.get("next", "/")))
    if not from_here(request):
        return page(request, "login", 403, next=target, problem="This form was sent from another site.")
    if door.crowded():
        return page(request, "login", 429, next=target, problem="Too many wrong passwords. Wait a minute.")
    token = await door.enter(str(form.get("user", "")), str(form.get("password", "")))
    if token is None:
        problem = "User or password is wrong. `aedilis settings --json` shows them."
        return page(request, "login", 401, next=target, problem=problem)
    answer = RedirectResponse(target, 303)
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

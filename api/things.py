"""Things: their pages and JSON twins, what is wrong with each, and what somebody tells of one.

What is told goes into the registry, a topic that this process follows (`registry.things`), and not into the tables: they
have it with the Thing's next message. Until then a page shows both.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from aedilis.errors import ServerError, TopicError
from aedilis.identity import to_topic_level
from aedilis.vocabulary import RejectReason, Scope
from api.data import Identity, Known, Last, Moment, Row, Word, more, plain, reader_of, span
from api.pages import PIECE, at, page, ranges
from api.security import from_here
from registry.things import FIELDS, Entry, Fault, Key, Stranger, Things, read_fields

log = logging.getLogger(__name__)
pages = APIRouter(default_response_class=HTMLResponse)
data = APIRouter(prefix="/api/v1")

DAY, WEEK = 24, 168
"""Hours over which completeness is told."""
ENOUGH = 0.75
"""Share of expected observations from which on a span is valid: the EEA's data capture."""
DOUBTED = 0.05
"""Share of suspect or failed observations that is worth a word."""
JUDGED = 500
PLACES = 20
WAITING = 500
FOUND = 20
"""Anomalies on the page of a Thing."""
REJECTS = 10
"""Groups of rejects on the page of a Thing."""
LISTED = 5
_SPARK = (120, 24)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def follow(things: Things) -> None:
    """Follow the registry as soon as its topics are there; the pages are served meanwhile."""
    while True:
        try:
            await things.open()
            return
        except TopicError as error:
            log.warning("%s", error)
            await asyncio.sleep(5)


def things_of(request: Request) -> Things:
    """The registry as this process follows it."""
    things: Things = request.app.state.things
    return things


# ---------------------------------------------------------------- what is known of a Thing


def sparkline(rows: Sequence[Row], interval_us: int) -> str:
    """The path of `time` and `result` in a box of 120 x 24; a gap, or a bucket without a result, breaks the line."""
    known = [row for row in rows if row["result"] is not None]
    if not known:
        return ""
    first, last = rows[0]["time"], rows[-1]["time"]
    width, height = _SPARK
    low, high = min(row["result"] for row in known), max(row["result"] for row in known)
    length = (last - first).total_seconds() or 1.0
    step = max(interval_us / 1e6, length / 96)
    path, before = [], None
    for row in rows:
        if row["result"] is None:
            before = None
            continue
        x = 2 + (row["time"] - first).total_seconds() / length * (width - 4)
        y = height / 2 if high == low else height - 2 - (row["result"] - low) / (high - low) * (height - 4)
        joined = before is not None and (row["time"] - before).total_seconds() <= 2.5 * step
        path.append(f"{'L' if joined else 'M'}{x:.0f} {y:.1f}" + ("" if joined else "h0"))
        before = row["time"]
    return "".join(path)


def shares(rows: Sequence[Row]) -> tuple[dict[int, dict[int, float]], dict[int, Row]]:
    """Datastream → hours → share that came; and hours → `expected`, `came` and `share` of the whole Thing."""
    each: dict[int, dict[int, float]] = {}
    whole: dict[int, Row] = {}
    for row in rows:
        each.setdefault(row["datastream"], {})[row["hours"]] = row["came"] / row["expected"]
        summed = whole.setdefault(row["hours"], {"expected": 0, "came": 0})
        summed["expected"] += row["expected"]
        summed["came"] += row["came"]
    for summed in whole.values():
        summed["share"] = summed["came"] / summed["expected"]
    return each, whole


def state_of(entry: Entry, stranger: Stranger | None, *, spoke: bool) -> str:
    """`held`, `waiting`, `silent` (told of, never heard) or `speaks`."""
    if entry.approved is False:
        return "held"
    if stranger is not None and not entry.approved:
        return "waiting"
    return "speaks" if spoke else "silent"


def wrong_with(
    state: str, datastreams: Sequence[Row], whole: Mapping[int, Row], doubts: Sequence[Row], alerts: Sequence[Row]
) -> list[Row]:
    """What is wrong with a Thing: `severity` (or `silent`), `what` in a few words, `datastream` where it is one, `row` of
    the alert or the Datastream that says it in several languages."""
    wrong: list[Row] = []

    def say(severity: str, what: str, datastream: int | None = None, **more: Any) -> None:
        wrong.append({"severity": severity, "what": what, "datastream": datastream, **more})

    if state == "waiting":
        say("notice", "It waits for approval; what it says is kept in quarantine.")
    if state == "held":
        say("notice", "It was put on hold; what it says is kept in quarantine.")
    for alert in alerts:
        say(alert["severity"], alert["summary"], alert["datastream"], row=alert, alert=alert)
    alerted = {(alert["datastream"], alert["kind"]) for alert in alerts}
    for one in datastreams:
        if one["open_kind"] and (one["id"], one["open_kind"]) not in alerted:
            say(one["severity"], one["explanation"], one["id"], row=one)
    stale = [one for one in datastreams if one["silent"]]
    if stale and len(stale) == len(datastreams):
        say("silent", "It is silent: none of its Datastreams has spoken for three intervals.")
    elif stale:
        names = _named([one["name"] for one in stale])
        say("silent", f"{len(stale)} of {len(datastreams)} Datastreams are stale: {names}.")
    day = whole.get(DAY)
    if day is not None and day["share"] < ENOUGH:
        numbers = f"{day['came']:,} of {day['expected']:,} expected Observations ({day['share']:.0%})"
        say("notice", f"In the last 24 h {numbers} came, less than {ENOUGH:.0%}.")
    names_of = {one["id"]: one["name"] for one in datastreams}
    for one in doubts:
        if (one["suspect"] + one["failed"]) / one["seen"] >= DOUBTED and one["datastream"] in names_of:
            parts = [f"{one[part] / one['seen']:.0%} {part}" for part in ("failed", "suspect") if one[part]]
            what = f"{names_of[one['datastream']]}: {' and '.join(parts)} of the newest {one['seen']} Observations."
            say("minor" if one["failed"] else "notice", what, one["datastream"])
    return wrong


def _named(names: Sequence[str]) -> str:
    rest = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {rest} more" if rest > 0 else "")


def pending(entry: Entry, row: Row | None) -> Row:
    """What was told and is not yet in the tables: field → value."""
    if row is None:
        return {name: value for name, value in entry.tells().items() if value is not None and name != "approved"}
    known = {**row, "zone": row["zone"].partition("/")[2].partition("#")[0]}
    told = {**entry.tells(), "zone": entry.zone and to_topic_level(entry.zone)}
    return {
        name: getattr(entry, name)
        for name in ("title", "zone", "longitude", "latitude")
        if told[name] is not None and told[name] != known[name]
    }


class Portrait:
    """All that is known of one Thing."""

    def __init__(self, request: Request, number: int) -> None:
        self._reader = reader_of(request)
        self._things = things_of(request)
        self.number = number
        self.row: Row | None = None
        self.datastreams: list[Row] = []
        self.places: list[Row] = []
        self.each: dict[int, dict[int, float]] = {}
        self.whole: dict[int, Row] = {}
        self.wrong: list[Row] = []

    async def look(self) -> Portrait:
        """Ask the tables and the registry.

        Raises:
            HTTPException: nobody knows the Thing.
        """
        self.row = await self._reader.thing(self.number)
        names = self._things.names.get(self.number)
        self.key: Key = (self.row["agency"], self.row["name"]) if self.row else names or ("", "")
        if not any(self.key):
            raise HTTPException(404, "There is no Thing of this identity.")
        self.entry = self._things.get(*self.key)
        self.stranger = self._things.stranger(*self.key)
        self.state = state_of(self.entry, self.stranger, spoke=self.row is not None)
        doubts: list[Row] = []
        alerts: list[Row] = []
        if self.row is not None:
            self.datastreams = await self._reader.datastreams(self.number)
            self.places = await self._reader.places(self.number, PLACES)
            alerts = await self._reader.open_alerts_of(self.number, PIECE)
            until = self.row["clock_time"]
            if until is not None:
                self.each, self.whole = shares(await self._reader.completeness(self.number, until, (DAY, WEEK)))
                doubts = await self._reader.doubts(self.number, until, JUDGED)
        self.wrong = wrong_with(self.state, self.datastreams, self.whole, doubts, alerts)
        return self

    @property
    def shown(self) -> Row:
        """The row of the Thing, or what stands in for it while the tables have none."""
        names: Row = {"id": self.number, "agency": self.key[0], "name": self.key[1], "title": ""}
        return self.row or {**names, "zone": None, "longitude": None, "latitude": None}

    @property
    def last_time(self) -> datetime | None:
        """When it last spoke."""
        return max((one["last_time"] for one in self.datastreams if one["last_time"]), default=None)


def _moment(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def _waits(stranger: Stranger) -> Row:
    return {
        "id": stranger.id,
        "agency": stranger.agency,
        "thing": stranger.thing,
        "sensor_type": stranger.sensor_type,
        "topic": stranger.topic,
        "messages": stranger.messages,
        "first_at": _moment(stranger.first_at),
        "last_at": _moment(stranger.last_at),
    }


# ---------------------------------------------------------------- pages


@pages.get("/things")
async def things(
    request: Request, agency: Word = None, zone: Word = None, q: Word = None, after: Known = None
) -> Response:
    """The Things of a zone, an agency, a search, or all, in pieces."""
    reader = reader_of(request)
    rows = await reader.city(agency=agency, zone=zone, search=q, after=after, limit=PIECE)
    shown: Row = {"agency": agency, "wanted_zone": zone, "q": q, "after": after, "agencies": await reader.agencies()}
    waiting = len(things_of(request).strangers())
    of_zone = []
    if zone is not None:
        of_zone = await reader.anomalies(scope=Scope.ZONE, agency=agency, zone=zone, open_only=True, limit=PIECE)
    return page(request, "things", things=rows, next=more(rows, PIECE), waiting=waiting, wrong=of_zone, **shown)


@pages.get("/things/waiting")
async def waiting(request: Request) -> Response:
    """Who waits for approval."""
    strangers = things_of(request).strangers()
    rows = [_waits(one) for one in strangers[:WAITING]]
    return page(request, "waiting", waiting=rows, more=len(strangers) - len(rows))


@pages.post("/things/waiting")
async def approve_some(request: Request) -> Response:
    """Let those in that were ticked."""
    _own(request)
    form = await request.form(max_fields=WAITING + 4)
    names = {str(number): key for number, key in things_of(request).names.items()}
    keys = [names[str(one)] for one in form.getlist("thing") if str(one) in names]
    await _tell(request, {key: {"approved": True} for key in keys})
    return RedirectResponse("/things/waiting", 303)


@pages.get("/things/{number}")
async def thing(
    request: Request, number: Identity, start: Moment = None, end: Moment = None, last: Last = None
) -> Response:
    """A Thing: when it last spoke, how complete it was, what is wrong with it, its Datastreams, where it is and was."""
    portrait = await Portrait(request, number).look()
    return await _show(request, portrait, 200, start, end, last)


@pages.post("/things/{number}")
async def tell(request: Request, number: Identity) -> Response:
    """What a form tells of a Thing: fields, or whether it is approved."""
    _own(request)
    portrait = await Portrait(request, number).look()
    form = await request.form(max_fields=10)
    fields, faults = read_fields({name: str(text) for name, text in form.items() if name in FIELDS})
    if faults:
        return await _show(request, portrait, 422, faults=faults, given={k: str(v) for k, v in form.items()})
    await _tell(request, {portrait.key: fields})
    return RedirectResponse(f"/things/{number}", 303)


async def _show(
    request: Request,
    portrait: Portrait,
    status: int,
    start: datetime | None = None,
    end: datetime | None = None,
    last: timedelta | None = None,
    faults: Sequence[Fault] = (),
    given: Mapping[str, str] | None = None,
) -> Response:
    rows = portrait.datastreams
    newest = portrait.last_time
    first = until = None
    if newest and (start or end or last):
        zone = request.app.state.zone
        spacing = max(one["interval_us"] for one in rows)
        bounds = {"interval_us": spacing, "last_time": newest, "clock_time": newest}
        first, until = span(bounds, at(start, zone), at(end, zone), last)
    rejects = await reader_of(request).rejects_named(to_topic_level(portrait.key[1]), REJECTS)
    anomalies = await reader_of(request).anomalies(thing=portrait.number, limit=FOUND)
    lines = await reader_of(request).sparklines(portrait.number, first, until) if rows else {}
    told = {name: "" if value is None else str(value) for name, value in portrait.entry.tells().items()}
    return page(
        request,
        "thing",
        status,
        thing=portrait.shown,
        known=portrait.row is not None,
        datastreams=rows,
        lines={one["id"]: sparkline(lines.get(one["id"], []), one["interval_us"]) for one in rows},
        ranges=ranges(min((one["interval_us"] for one in rows), default=1)),
        types=sorted({f"{one['sensor_type']}@{one['sensor_version']}" for one in rows}),
        last_time=newest,
        each=portrait.each,
        whole=portrait.whole,
        day=DAY,
        week=WEEK,
        enough=ENOUGH,
        wrong=portrait.wrong,
        anomalies=anomalies,
        places=portrait.places,
        rejects=rejects,
        waited=[one for one in rejects if one["reason"] == RejectReason.NOT_APPROVED and one["stands"]],
        state=portrait.state,
        stranger=portrait.stranger and _waits(portrait.stranger),
        entry=portrait.entry,
        told_at=_moment(portrait.entry.at) if portrait.entry.at else None,
        pending=pending(portrait.entry, portrait.row),
        given={**told, **(given or {})},
        faults=faults,
    )


# ---------------------------------------------------------------- JSON


@data.get("/things/waiting")
async def waiting_data(request: Request) -> list[Row]:
    """Who waits for approval, the latest first."""
    return [plain(_waits(one)) for one in things_of(request).strangers()]


@data.get("/things/{number}")
async def thing_data(request: Request, number: Identity) -> Row:
    """One Thing with its Datastreams, what was told of it, where it was, how complete it was, what is wrong."""
    portrait = await Portrait(request, number).look()
    entry = portrait.entry
    told = {**entry.tells(), "by": entry.by, "at": _moment(entry.at)} if entry.at else None
    datastreams = [
        {
            **plain(one),
            "completeness": {f"{hours}h": share for hours, share in portrait.each.get(one["id"], {}).items()},
        }
        for one in portrait.datastreams
    ]
    return {
        **plain(portrait.shown),
        "state": portrait.state,
        "last_time": portrait.last_time and plain({"at": portrait.last_time})["at"],
        "told": told and plain(told),
        "pending": pending(entry, portrait.row),
        "completeness": {f"{hours}h": summed for hours, summed in portrait.whole.items()},
        "wrong": [plain({name: one[name] for name in ("severity", "what", "datastream")}) for one in portrait.wrong],
        "places": [plain(one) for one in portrait.places],
        "datastreams": datastreams,
    }


@data.patch("/things/{number}")
async def tell_data(request: Request, number: Identity) -> Row:
    """Tell title, zone, longitude and latitude, approved of a Thing; null takes one back."""
    _own(request)
    portrait = await Portrait(request, number).look()
    try:
        content = await request.json()
    except ValueError as error:
        raise HTTPException(422, f"Expected a JSON object, got what is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise HTTPException(422, f"Expected a JSON object with some of {', '.join(FIELDS)}.")
    fields, faults = read_fields({str(name): _text(value) for name, value in content.items()})
    if faults:
        said = [f"{one.column}: expected {one.expected}, got {one.got!r}; {one.mend}" for one in faults]
        raise HTTPException(422, ". ".join(said))
    await _tell(request, {portrait.key: fields})
    return await thing_data(request, number)


@data.post("/things/{number}/approve")
async def approve_data(request: Request, number: Identity) -> Row:
    """Let a Thing in."""
    _own(request)
    portrait = await Portrait(request, number).look()
    await _tell(request, {portrait.key: {"approved": True}})
    return await thing_data(request, number)


def _text(value: object) -> str:
    if value is None:
        return ""
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _own(request: Request) -> None:
    if not from_here(request):
        raise HTTPException(403, "This was sent from another site.")


async def _tell(request: Request, told: Mapping[Key, Mapping[str, Any]]) -> None:
    try:
        await things_of(request).tell(told.items(), request.state.user)
    except ServerError as error:
        raise HTTPException(503, f"What was told is not confirmed. {error}") from error

"""JSON: the twin of every page. Identities are text, because JavaScript's numbers end at 2^53; times are UTC.

Longer lists come in pieces: `Link: <…>; rel="next"` is the address of the next one.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pydantic import BeforeValidator

from aedilis.quality import QUALITY_WORDS, said_by, validity
from aedilis.vocabulary import Scope
from detectors.core.explain import Finding, would_be_normal
from storage.queries import Reader

router = APIRouter(prefix="/api/v1")
Row = dict[str, Any]
_IDENTITIES = frozenset({"id", "datastream", "thing_id", "subject"})
_HOURS = {"h": 1, "d": 24, "y": 8766}
DEFAULT_INTERVALS = 200
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _range(text: str | None) -> timedelta | None:
    """`6h`, `7d`, `1y` as a length of time.

    Raises:
        ValueError: it is not of this form.
    """
    if not text:
        return None
    found = re.fullmatch(r"([1-9]\d{0,4})([hdy])", text)
    if found is None:
        raise ValueError("expected a number and h, d or y, such as 24h")
    return timedelta(hours=int(found[1]) * _HOURS[found[2]])


def _filled(value: Any) -> Any:
    """A form sends an empty text for a field that was left empty."""
    return value or None


_BIGINT = {"ge": -(2**63), "lt": 2**63}
Identity = Annotated[int, Path(**_BIGINT, description="BLAKE2b-64, signed")]
Known = Annotated[int | None, BeforeValidator(_filled), Query(**_BIGINT)]
"""The identity of the last row of the piece before."""
Moment = Annotated[datetime | None, BeforeValidator(_filled)]
Word = Annotated[str | None, BeforeValidator(_filled), Query(max_length=200)]
About = Annotated[Scope | None, BeforeValidator(_filled)]
Last = Annotated[timedelta | None, BeforeValidator(_range)]
Limit = Annotated[int, Query(ge=1, le=5000)]


def reader_of(request: Request) -> Reader:
    """The reader of this process."""
    reader: Reader = request.app.state.reader
    return reader


def plain(row: Row) -> Row:
    """A row for JSON: identities as text, times as ISO 8601, bytes as text."""
    out: Row = {}
    for name, value in row.items():
        if name in _IDENTITIES and value is not None:
            out[name] = str(value)
        elif name == "anomalies" and isinstance(value, list):
            out[name] = [str(one) for one in value]
        elif isinstance(value, datetime):
            out[name] = value.isoformat().replace("+00:00", "Z")
        elif isinstance(value, bytes):
            out[name] = value.decode(errors="replace")
        else:
            out[name] = value
    return out


def normal(row: Row) -> dict[str, str]:
    """Language → what would have made an anomaly normal; empty where nobody can tell."""
    finding = Finding(
        kind=row["kind"],
        detector=row["detector"],
        scope=Scope(row["scope"]),
        thing=row["thing"],
        name=row["name"],
        zone=row["zone"],
        unit=row["unit"],
        interval=row["interval_us"] or 0,
        result=row["result"],
        expected_low=row["expected_low"],
        expected_high=row["expected_high"],
        starts_at=0,
        facts=row["facts"],
    )
    return {"en": would_be_normal(finding, "en"), "zh": would_be_normal(finding, "zh")}


def found(row: Row | None, what: str) -> Row:
    """The row, or 404."""
    if row is None:
        raise HTTPException(404, f"There is no {what} of this identity.")
    return row


def span(
    row: Row, start: datetime | None, end: datetime | None, last: timedelta | None = None
) -> tuple[datetime, datetime]:
    """What a chart shows: by default 200 intervals, or `last`, up to now by the Datastream's clock.

    Where nothing was observed for long, silence fills half of it at most. A time without zone is UTC.
    """
    spacing = timedelta(microseconds=row["interval_us"])
    length = last or DEFAULT_INTERVALS * spacing
    if end is None:
        now = row["clock_time"] or datetime.now(UTC)
        newest = row["last_time"] or now
        end = max(newest, min(now, newest + length / 2)) + spacing
    start, end = (moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) for moment in (start, end))
    assert end is not None
    for moment in (start, end):
        if moment is not None and not EARLIEST <= moment < LATEST:
            raise HTTPException(422, f"Expected start and end between 1970 and 2200, got {moment.isoformat()}.")
    start = start or max(EARLIEST, end - length)
    if start >= end:
        raise HTTPException(422, "Expected start before end.")
    return start, end


def more(rows: list[Row], limit: int) -> int | None:
    """The identity after which the next piece begins; None when this was the last."""
    return int(rows[-1]["id"]) if len(rows) == limit else None


def _link_next(request: Request, response: Response, name: str, known: int | None) -> None:
    if known is not None:
        query = urlencode({**request.query_params, name: known})
        response.headers["link"] = f'<{request.url.path}?{query}>; rel="next"'


@router.get("/city")
async def city(request: Request) -> list[Row]:
    """Every Thing and what is open on it."""
    return [plain(row) for row in await reader_of(request).city()]


@router.get("/things")
async def things(
    request: Request,
    response: Response,
    agency: Word = None,
    zone: Word = None,
    q: Word = None,
    after: Known = None,
    limit: Limit = 200,
) -> list[Row]:
    """Things by agency, zone and name; `q` is looked for in name and zone."""
    rows = await reader_of(request).city(agency=agency, zone=zone, search=q, after=after, limit=limit)
    _link_next(request, response, "after", more(rows, limit))
    return [plain(row) for row in rows]


@router.get("/datastreams/{number}")
async def datastream(request: Request, number: Identity) -> Row:
    """One Datastream."""
    return plain(found(await reader_of(request).datastream(number), "Datastream"))


@router.get("/datastreams/{number}/observations")
async def observations(
    request: Request,
    number: Identity,
    start: Moment = None,
    end: Moment = None,
    last: Last = None,
    points: Annotated[int, Query(ge=10, le=20_000)] = 2_000,
) -> Row:
    """Observations of a span (the last 200 intervals if none is named) and the anomalies in it, of its Thing as a whole too.

    Where there are more than `points`, they come in buckets of `bucket_us`.
    """
    reader = reader_of(request)
    row = found(await reader.datastream(number), "Datastream")
    first, until = span(row, start, end, last)
    series, width = await reader.series(number, first, until, points)
    marks = await reader.anomalies(datastream=number, its_thing=True, start=first, end=until, limit=500)
    return {
        "start": first.isoformat(),
        "end": until.isoformat(),
        "interval_us": row["interval_us"],
        "bucket_us": width and int(width.total_seconds() * 1e6),
        "newest": plain({key: row[key] for key in ("last_time", "last_result", "last_quality", "silent")}),
        "observations": [_judged(plain(one), whole=width is None) for one in series],
        "anomalies": [plain(one) for one in marks],
    }


def _judged(row: Row, *, whole: bool) -> Row:
    """With its flags in words and, unless it is a bucket of many, the EEA's validity code."""
    said: Row = {"quality_word": QUALITY_WORDS[row["quality"]], "tests_said": said_by(row["tests"])}
    return {**row, **said, "validity": validity(row["quality"], row["raw_flag"]) if whole else None}


@router.get("/anomalies")
async def anomalies(
    request: Request,
    response: Response,
    open_only: bool = False,
    status: Annotated[Word, Query(pattern="^(open|ended)$")] = None,
    kind: Word = None,
    scope: About = None,
    agency: Word = None,
    before: Known = None,
    limit: Limit = 200,
) -> list[Row]:
    """Anomalies, the newest first; `before` is the identity of the last one already known."""
    rows = await reader_of(request).anomalies(
        open_only=open_only or status == "open",
        ended_only=status == "ended",
        kind=kind,
        scope=scope,
        agency=agency,
        before=before,
        limit=limit,
    )
    _link_next(request, response, "before", more(rows, limit))
    return [plain(row) for row in rows]


@router.get("/anomalies/{number}")
async def anomaly(request: Request, number: Identity) -> Row:
    """One anomaly, and what would have made it normal."""
    row = found(await reader_of(request).anomaly(number), "anomaly")
    return {**plain(row), "normal": normal(row)}


@router.get("/alerts")
async def alerts(
    request: Request,
    response: Response,
    status: Annotated[Word, Query(pattern="^(open|resolved)$")] = None,
    kind: Word = None,
    agency: Word = None,
    before: Known = None,
    limit: Limit = 200,
) -> list[Row]:
    """Alerts, the newest first; `before` is the identity of the last one already known."""
    rows = await reader_of(request).alerts(status=status, kind=kind, agency=agency, before=before, limit=limit)
    _link_next(request, response, "before", more(rows, limit))
    return [plain(row) for row in rows]


@router.get("/counts")
async def counts(request: Request) -> Any:
    """The accounting of all hops."""
    return msgspec.to_builtins(await reader_of(request).counts())

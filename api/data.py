"""JSON: the twin of every page. Identities are text, because JavaScript's numbers end at 2^53."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request

from storage.queries import Reader

router = APIRouter(prefix="/api/v1")
Identity = Annotated[int, "BLAKE2b-64, signed"]
_IDENTITIES = frozenset({"id", "datastream", "thing_id"})


def reader_of(request: Request) -> Reader:
    """The reader of this process."""
    reader: Reader = request.app.state.reader
    return reader


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row for JSON: identities as text, times as ISO 8601, bytes as text."""
    out: dict[str, Any] = {}
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


def found(row: dict[str, Any] | None, what: str) -> dict[str, Any]:
    """The row, or 404."""
    if row is None:
        raise HTTPException(404, f"There is no {what} of this identity.")
    return row


@router.get("/city")
async def city(request: Request) -> list[dict[str, Any]]:
    """Every Thing and what is open on it."""
    return [plain(row) for row in await reader_of(request).city()]


@router.get("/things/{number}")
async def thing(request: Request, number: int) -> dict[str, Any]:
    """One Thing with its Datastreams."""
    reader = reader_of(request)
    row = found(await reader.thing(number), "Thing")
    return {**plain(row), "datastreams": [plain(one) for one in await reader.datastreams(number)]}


@router.get("/datastreams/{number}")
async def datastream(request: Request, number: int) -> dict[str, Any]:
    """One Datastream."""
    return plain(found(await reader_of(request).datastream(number), "Datastream"))


@router.get("/datastreams/{number}/observations")
async def observations(
    request: Request,
    number: int,
    start: datetime | None = None,
    end: datetime | None = None,
    points: Annotated[int, Query(ge=10, le=20_000)] = 2_000,
) -> dict[str, Any]:
    """Observations of a span (the last 48 hours of data if none is named) and the anomalies in it."""
    reader = reader_of(request)
    row = found(await reader.datastream(number), "Datastream")
    start, end = span(row, start, end)
    series = await reader.series(number, start, end, points)
    marks = await reader.anomalies(datastream=number, start=start, end=end, limit=500)
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "interval_us": row["interval_us"],
        "observations": [plain(one) for one in series],
        "anomalies": [plain(one) for one in marks],
    }


def span(row: dict[str, Any], start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    """What a chart shows when the address does not say: up to the newest observation, 200 intervals back."""
    end = end or (row["last_time"] or datetime.now(UTC)) + timedelta(microseconds=row["interval_us"])
    start = start or end - timedelta(microseconds=200 * row["interval_us"])
    start, end = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (start, end))
    if start >= end:
        raise HTTPException(422, "Expected start before end.")
    return start, end


@router.get("/anomalies")
async def anomalies(
    request: Request,
    open_only: bool = False,
    kind: str | None = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 200,
) -> list[dict[str, Any]]:
    """Anomalies, the newest first."""
    return [plain(row) for row in await reader_of(request).anomalies(open_only=open_only, kind=kind, limit=limit)]


@router.get("/alerts")
async def alerts(
    request: Request,
    status: str | None = None,
    kind: str | None = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 200,
) -> list[dict[str, Any]]:
    """Alerts, the newest first."""
    return [plain(row) for row in await reader_of(request).alerts(status=status, kind=kind, limit=limit)]


@router.get("/rejects")
async def rejects(request: Request) -> list[dict[str, Any]]:
    """Rejects by reason and shape of topic."""
    return [plain(row) for row in await reader_of(request).reject_groups()]


@router.get("/rejects/{number}")
async def reject_samples(request: Request, number: int) -> list[dict[str, Any]]:
    """The latest bytes of a group of rejects."""
    return [plain(row) for row in await reader_of(request).reject_samples(number)]


@router.get("/counts")
async def counts(request: Request) -> Any:
    """The accounting of all hops."""
    return msgspec.to_builtins(await reader_of(request).counts())

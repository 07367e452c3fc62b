"""What was rejected, why, and with which bytes; and sending it through the line again. The page and its JSON twin."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Form, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from aedilis.errors import AedilisError
from api.data import Identity, Row, found, plain, reader_of
from api.pages import page
from api.security import from_here
from kept.redrive import Result, Selection, redrive

router = APIRouter()
LISTED = 200
"""Groups on the page."""
PATIENCE = 10.0
"""Seconds that a request waits for one more answer; what comes later is counted all the same."""
_IDENTITY = {"ge": -(2**63), "lt": 2**63}


def legible(payload: bytes) -> tuple[str, bool]:
    """Bytes as text, else as hexadecimal digits; and whether it is text."""
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        cut = error.start >= len(payload) - 3 and error.reason == "unexpected end of data"  # a sample may end anywhere
        text = payload[: error.start].decode() if cut and error.start else "\0"
    if any(char < " " and char not in "\t\r\n" for char in text):
        return payload.hex(" "), False
    return text, True


def _sample(row: Row) -> Row:
    """A sample for JSON: the bytes as text in `payload`, or, where they are none, in `payload_hex`."""
    text, is_text = legible(row["payload"])
    return {**plain(row), "payload": text if is_text else None, "payload_hex": None if is_text else text}


@router.get("/rejects", response_class=HTMLResponse)
async def rejects(
    request: Request,
    group: Annotated[int | None, Query(**_IDENTITY)] = None,
    run: Annotated[str | None, Query(max_length=60)] = None,
) -> Response:
    """Groups of what was refused, with their latest bytes; `run` tells what became of what was sent again."""
    reader = reader_of(request)
    groups = await reader.reject_groups(limit=LISTED, group=group)
    samples = await reader.reject_samples([one["id"] for one in groups], limit=5)
    shown = {number: [{**row, "bytes": legible(row["payload"])} for row in rows] for number, rows in samples.items()}
    return page(
        request,
        "rejects",
        groups=groups,
        samples=shown,
        bound=LISTED,
        one=group,
        counts=(await reader.counts()).quarantine,
        run=run,
        outcome=await reader.redrive_outcome(run) if run else None,
        reasons=await reader.refused_again(run) if run else {},
    )


@router.get("/quarantine")
async def quarantine() -> Response:
    """The other name of this page."""
    return RedirectResponse("/rejects", 307)


@router.post("/rejects/{number}/redrive")
async def redrive_and_show(
    request: Request, number: Identity, topic: Annotated[str | None, Form(max_length=1000)] = None
) -> Response:
    """Send a group again, or what it has of one topic, and show what became of it."""
    result = await _redrive(request, number, topic)
    return RedirectResponse(f"/rejects?{urlencode({'group': number, 'run': result.run})}", 303)


@router.get("/api/v1/rejects")
async def groups_as_json(request: Request, limit: Annotated[int, Query(ge=1, le=5000)] = 5000) -> list[Row]:
    """Rejects by reason, type and shapes, with how many stand, were read later, and went."""
    return [plain(row) for row in await reader_of(request).reject_groups(limit=limit)]


@router.get("/api/v1/rejects/{number}")
async def samples_as_json(request: Request, number: Identity) -> list[Row]:
    """The latest bytes of a group."""
    samples = await reader_of(request).reject_samples([number], limit=500)
    return [_sample(row) for row in samples[number]]


@router.post("/api/v1/rejects/{number}/redrive")
async def redrive_as_json(request: Request, number: Identity) -> Any:
    """Send what stands of a group through the line again, as `aedilis redrive --group` does; its sums."""
    return msgspec.to_builtins(await _redrive(request, number))


async def _redrive(request: Request, number: int, topic: str | None = None) -> Result:
    if not from_here(request):
        raise HTTPException(403, "This request was sent from another site.")
    reader = reader_of(request)
    found(next(iter(await reader.reject_groups(group=number)), None), "group of rejects")
    lock: asyncio.Lock = request.app.state.redriving
    if lock.locked():
        raise HTTPException(409, "Rejects are being sent again at this moment. Try it when that has ended.")
    async with lock:
        try:
            return await redrive(
                request.app.state.settings, reader, Selection(group=number, topic=topic), patience=PATIENCE
            )
        except AedilisError as error:
            raise HTTPException(503, str(error)) from error

"""From samples to a sensor type: proposes one, shows what each sample would become, tries it on recorded traffic.

Nothing here changes what is in force; `api/types.py` does. The page holds the same editor as the pages of types.
"""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from aedilis.errors import DeclarationError, ServerError
from aedilis.units import written
from api.data import Identity, Row, plain, reader_of
from api.pages import page
from api.rejects import legible
from api.security import from_here
from api.types import LONGEST_TEXT, desk_of, version_of
from registry.check import faults_of
from sensors.compile import CompiledType, compile_type
from sensors.format import all_formats
from sensors.infer.finish import finished
from sensors.infer.propose import NothingToPropose, propose
from sensors.infer.samples import Sample
from sensors.parsing import parse
from sensors.preview import Shown, preview
from trial.compare import compare
from trial.run import Outcome, run, summary
from trial.traffic import recorded
from trial.words import told

data = APIRouter(prefix="/api/v1")
pages = APIRouter(default_response_class=HTMLResponse)

MOST_SAMPLES = 200
MOST_MESSAGES = 200_000
"""That a trial reads: of a longer span the newest."""
MOST_HOURS = 72
_IDENTITY = {"ge": -(2**63), "lt": 2**63}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Message(_Body):
    """A sample: text, or bytes as hexadecimal digits."""

    topic: str = Field(min_length=1, max_length=1_000)
    payload: str | None = Field(None, max_length=1_000_000)
    payload_hex: str | None = Field(None, max_length=2_000_000, pattern=r"^([0-9a-fA-F]{2}\s?)*$")
    received_at: datetime | None = None

    @model_validator(mode="after")
    def _one(self) -> Message:
        if (self.payload is None) == (self.payload_hex is None):
            raise ValueError("expected payload or payload_hex, and not both")
        return self

    def sample(self) -> Sample:
        """As the room of sensors has it."""
        raw = bytes.fromhex(self.payload_hex) if self.payload_hex is not None else (self.payload or "").encode()
        moment = self.received_at
        if moment is not None and moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return Sample(self.topic, raw, None if moment is None else round(moment.timestamp() * 1e6))


class Samples(_Body):
    """What to make a type of."""

    samples: list[Message] = Field(min_length=1, max_length=MOST_SAMPLES)
    name: str = Field("new-type", pattern=r"^[a-z][a-z0-9-]{1,48}$")
    agency: str = Field("city", min_length=1, max_length=200)
    format: str | None = None


class Edited(_Body):
    """A declaration, and what to read with it."""

    text: str = Field(max_length=LONGEST_TEXT)
    samples: list[Message] = Field(default_factory=list, max_length=MOST_SAMPLES)


class Tried(_Body):
    """A declaration, and how far back to try it."""

    text: str = Field(max_length=LONGEST_TEXT)
    hours: float = Field(24, gt=0, le=MOST_HOURS)


def _ours(request: Request) -> None:
    if not from_here(request):
        raise HTTPException(403, "This was sent from another site.")


OnlyOurs = Annotated[None, Depends(_ours)]


def _now() -> int:
    return time.time_ns() // 1000


@data.post("/types/infer")
async def infer(request: Request, body: Samples, _: OnlyOurs) -> Row:
    """The likeliest declaration of samples: `text`, and each guess with its confidence and why."""
    samples, zone = [one.sample() for one in body.samples], request.app.state.zone.key
    try:
        found = await asyncio.to_thread(
            propose, samples, _now(), name=body.name, agency=body.agency, zone=zone, payload_format=body.format
        )
    except NothingToPropose as error:
        raise HTTPException(422, str(error)) from error
    return {
        "text": finished(found, _now()),
        "format": {"name": found.fit.format.name, "title": found.fit.format.title, "why": found.fit.why},
        "guesses": [guess._asdict() for guess in found.guesses],
    }


@data.post("/types/preview")
async def preview_(body: Edited, _: OnlyOurs) -> Row:
    """What each sample would become, or the faults of the declaration."""
    try:
        compiled = compile_type(parse(body.text))
    except DeclarationError as error:
        return {"faults": faults_of(error)}
    shown = await asyncio.to_thread(preview, compiled, [one.sample() for one in body.samples], _now())
    return {"faults": [], "samples": [_legibly(one) for one in shown]}


def _legibly(one: Shown) -> Row:
    """With units as people write them beside those that programs read."""
    return {**one._asdict(), "observations": [{**o, "unit_said": written(o["unit"])} for o in one.observations]}


@data.post("/types/try")
async def try_(request: Request, body: Tried, _: OnlyOurs) -> Response:
    """What recorded traffic would have become, next to what the version in force makes of it."""
    settings = request.app.state.settings
    try:
        new = compile_type(parse(body.text))
    except DeclarationError as error:
        return JSONResponse({"faults": faults_of(error)}, 422)
    old = _in_force(request, new.name)
    try:
        messages = await recorded(settings, [one for one in (new, old) if one], body.hours, MOST_MESSAGES)
    except ServerError as error:
        raise HTTPException(503, str(error)) from error
    outcomes = [await asyncio.to_thread(run, one, settings, messages) for one in (new, old) if one]
    before = outcomes[1] if len(outcomes) == 2 else None
    return JSONResponse(_report(outcomes[0], before))


def _in_force(request: Request, name: str) -> CompiledType | None:
    known = desk_of(request).known
    number = known.in_force().get(name)
    return None if number is None else compile_type(known.found(name, number).declared)


def _report(new: Outcome, old: Outcome | None) -> dict[str, Any]:
    difference = None if old is None else compare(old, new)
    return {
        "faults": [],
        "new": _summed(new),
        "old": None if old is None else _summed(old),
        "difference": None if difference is None else difference._asdict(),
        "report": told(new, old, difference),
    }


def _summed(outcome: Outcome) -> Row:
    summed = summary(outcome)
    for one in summed["properties"].values():
        one["unit_said"] = written(one["unit"])
    return summed


@data.get("/rejects/{number}/samples")
async def samples_of(request: Request, number: Identity) -> list[Row]:
    """The latest messages of a group of rejects, as `infer` takes them."""
    rows = (await reader_of(request).reject_samples([number], limit=20)).get(number, [])
    return [_message(row) for row in rows if row["payload_size"] == len(row["payload"])]


def _message(row: Row) -> Row:
    text, is_text = legible(row["payload"])
    content = {"payload": text} if is_text else {"payload_hex": text}
    return {"topic": row["topic"], "received_at": plain(row)["received_at"], **content}


@pages.get("/types/infer")
async def infer_page(
    request: Request,
    group: Annotated[int | None, Query(**_IDENTITY)] = None,
    kind: Annotated[str | None, Query(alias="type", max_length=100)] = None,
) -> Response:
    """Samples on one side, those of a group of rejects at first; the declaration on the other, that of a type at first,
    and below it what each sample would become."""
    rows = (await reader_of(request).reject_samples([group], limit=20)).get(group, []) if group is not None else []
    messages = [_message(row) for row in rows if row["payload_size"] == len(row["payload"])]
    return page(
        request,
        "infer",
        samples="\n".join(_in_a_line(one) for one in messages),
        received=[one["received_at"] for one in messages],
        formats=[all_formats()[name] for name in sorted(all_formats())],
        group=group,
        most_hours=MOST_HOURS,
        kind=kind,
        text="" if kind is None else version_of(desk_of(request), kind).text,
    )


def _in_a_line(message: Row) -> str:
    """As the page's samples have it: a line holds no line break, and a topic with spaces only before JSON."""
    topic, text = message["topic"], message.get("payload")
    if text is None or "\n" in text.strip() or "\r" in text.strip():
        raw = bytes.fromhex(message["payload_hex"]) if text is None else text.encode()
        line = f"hex:{raw.hex()}"
    else:
        line = text.strip()
    if topic.split() != [topic] and not line.startswith(("{", "[")):
        return json.dumps({key: message[key] for key in message if key != "received_at"}, ensure_ascii=False)
    return f"{topic} {line}"

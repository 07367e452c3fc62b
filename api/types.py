"""Sensor types as JSON and as pages: what is in force, what it says, what changed, and how to change it.

What is decided goes through `registry.desk`, as the command line does. The editor of the pages is `static/types.js`; it
asks the same addresses as any other program.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from aedilis.errors import DeclarationError, ServerError, UnknownSensorType
from api.data import Row, plain, reader_of
from api.pages import page
from api.security import from_here
from registry.check import check_change, faults_of, raised
from registry.desk import Desk, all_run
from registry.diff import in_lines, in_words
from registry.scaffold import scaffold
from registry.types import Version, topics_of
from sensors.declaration import Property, SensorType
from sensors.schema import schema as schema_of_a_file

data = APIRouter(prefix="/api/v1")
pages = APIRouter(default_response_class=HTMLResponse)

LONGEST_TEXT = 1_000_000
"""Characters of a declaration."""
ANSWER_SECONDS = 15.0
"""So long an answer waits for what the processes say."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Text(_Body):
    """A declaration."""

    text: str = Field(max_length=LONGEST_TEXT)
    next: bool = Field(False, description="raise the version to the one that follows all that are known")
    note: str = Field("", max_length=500)


class Restored(_Body):
    """Which version is to be in force again."""

    version: int = Field(ge=1)
    note: str = Field("", max_length=500)


def desk_of(request: Request) -> Desk:
    """The desk of this process."""
    desk: Desk = request.app.state.desk
    return desk


def _from_here(request: Request) -> str:
    """The user, where the request comes from one of our own pages or from a program."""
    if not from_here(request):
        raise HTTPException(403, "This was sent from another site.")
    return str(request.state.user)


def _to_change(request: Request, user: Annotated[str, Depends(_from_here)]) -> str:
    """The user, where the log was read: before that nobody knows which versions there are."""
    if not desk_of(request).ready:
        raise HTTPException(503, "The log of sensor types was not read yet: Kafka cannot be reached. Try again.")
    return user


User = Annotated[str, Depends(_to_change)]


def version_of(desk: Desk, name: str, version: int | None = None) -> Version:
    """A version of a type, by default the one in force.

    Raises:
        HTTPException: nobody knows it.
    """
    try:
        return desk.known.found(name, version)
    except UnknownSensorType as error:
        raise HTTPException(404, str(error)) from error


def _told(desk: Desk, version: Version) -> Row:
    """A version without its text: what the log says of it, and what it declares."""
    when = None if version.applied_at is None else datetime.fromtimestamp(version.applied_at / 1e6, UTC)
    row: Row = {
        "name": version.name,
        "version": version.version,
        "in_force": desk.known.in_force().get(version.name) == version.version,
        "applied_at": when,
        "applied_by": version.applied_by,
        "note": version.note,
        "title": "",
        "topic": "",
        "problem": None,
    }
    try:
        declared = version.declared
        row |= {"title": declared.title, "topic": topics_of(declared)}
    except DeclarationError as error:
        row["problem"] = str(error)
    return row


def _refusals(desk: Desk, name: str) -> list[tuple[str, str, str]]:
    """(process, version, why) of those that cannot run what is in force."""
    return [
        (report.process, key.partition("@")[2], why)
        for report in desk.reports.living()
        for key, why in report.refused.items()
        if key.partition("@")[0] == name
    ]


# ---------------------------------------------------------------- JSON


@data.get("/types")
async def types(request: Request) -> list[Row]:
    """Every sensor type by its version in force, or its newest where it is withdrawn."""
    desk = desk_of(request)
    return [
        plain({**_told(desk, desk.known.found(name)), "versions": list(desk.known.versions(name))})
        for name in desk.known.names()
        if desk.known.versions(name)
    ]


@data.get("/types.schema.json")
async def schema() -> Row:
    """The JSON schema of a declaration, for editors."""
    return schema_of_a_file()


@data.post("/types/check")
async def check(request: Request, body: Text, _: Annotated[str, Depends(_from_here)]) -> Row:
    """What stands against putting a text in force: `faults`, and `changes`, what it changes of what is in force."""
    known = desk_of(request).known
    try:
        text = raised(body.text, known) if body.next else body.text
        declared = check_change(text, known)
    except DeclarationError as error:
        return {"ok": False, "faults": faults_of(error), "changes": []}
    old = known.in_force().get(declared.name)
    changes = [f"{declared.name} is new"]
    if old is not None:
        changes = in_words(known.found(declared.name, old).declared, declared)
    told = {"name": declared.name, "version": declared.version, "before": old}
    return {"ok": True, "faults": [], **told, "changes": changes}


@data.post("/types")
async def apply(request: Request, body: Text, user: User) -> Response:
    """Put a text in force, or refuse it with all reasons; `answers` is what every process says."""
    desk = desk_of(request)
    try:
        applied = await desk.apply(body.text, by=user, note=body.note, next_=body.next)
    except DeclarationError as error:
        return JSONResponse({"ok": False, "faults": faults_of(error)}, 422)
    except ServerError as error:
        raise HTTPException(503, str(error)) from error
    return await _answered(desk, applied.name, applied.version)


@data.get("/types/{name}")
async def type_(request: Request, name: str) -> Row:
    """The version in force with its text, and all versions."""
    desk = desk_of(request)
    version = version_of(desk, name)
    versions = [plain(_told(desk, one)) for one in desk.known.versions(name).values()]
    return {**plain(_told(desk, version)), "text": version.text, "versions": versions}


@data.get("/types/{name}/versions/{number}")
async def version_(request: Request, name: str, number: int) -> Row:
    """One version with its text."""
    desk = desk_of(request)
    version = version_of(desk, name, number)
    return {**plain(_told(desk, version)), "text": version.text}


@data.get("/types/{name}/diff")
async def diff(request: Request, name: str, old: int, new: Annotated[int | None, Query()] = None) -> Row:
    """What changed between two versions, in words and in lines; `new` is by default the one in force."""
    desk = desk_of(request)
    before, after = version_of(desk, name, old), version_of(desk, name, new)
    try:
        changes = in_words(before.declared, after.declared)
    except DeclarationError as error:
        raise HTTPException(422, str(error)) from error
    told = {"name": name, "from": before.version, "to": after.version}
    return {**told, "changes": changes, "text": in_lines(before, after)}


@data.post("/types/{name}/restore")
async def restore(request: Request, name: str, body: Restored, user: User) -> Response:
    """Put a version that is known in force again."""
    desk = desk_of(request)
    version_of(desk, name, body.version)
    try:
        restored = await desk.restore(name, body.version, by=user, note=body.note)
    except DeclarationError as error:
        return JSONResponse({"ok": False, "faults": faults_of(error)}, 422)
    except ServerError as error:
        raise HTTPException(503, str(error)) from error
    return await _answered(desk, name, restored.version)


@data.post("/types/{name}/withdraw")
async def withdraw(request: Request, name: str, user: User) -> Response:
    """Take a type out of force."""
    desk = desk_of(request)
    try:
        await desk.withdraw(name, by=user)
    except UnknownSensorType as error:
        raise HTTPException(404, str(error)) from error
    except ServerError as error:
        raise HTTPException(503, str(error)) from error
    return await _answered(desk, name, None)


async def _answered(desk: Desk, name: str, version: int | None) -> Response:
    answers = {process: answer async for process, answer in desk.answers(name, version, ANSWER_SECONDS)}
    body = {"ok": all_run(answers), "name": name, "version": version, "answers": answers, "faults": []}
    return JSONResponse(body)


# ---------------------------------------------------------------- pages


@pages.get("/types")
async def types_page(request: Request) -> Response:
    """All sensor types: what is in force, and what comes by it."""
    desk, numbers = desk_of(request), await reader_of(request).types()
    none: Row = {"things": 0, "datastreams": 0, "observations_of_hour": 0, "rejects": 0, "last_time": None}
    rows = []
    for name in desk.known.names():
        if desk.known.versions(name):
            counted = {key: value for key, value in numbers.get(name, none).items() if key != "name"}
            rows.append({**_told(desk, desk.known.found(name)), **counted, "refusals": _refusals(desk, name)})
    return page(request, "types", types=rows, ready=desk.ready, text=scaffold("my-sensor"))


@pages.get("/types/{name}")
async def type_page(request: Request, name: str) -> Response:
    """A sensor type: what it declares, its versions, and an editor."""
    desk = desk_of(request)
    version = version_of(desk, name)
    numbers = (await reader_of(request).types()).get(name, {})
    try:
        declared: SensorType | None = version.declared
    except DeclarationError:
        declared = None
    return page(
        request,
        "type",
        type=_told(desk, version),
        ready=desk.ready,
        declared=declared,
        properties=[_property(declared, prop) for prop in declared.properties] if declared else [],
        text=version.text,
        numbers=numbers,
        versions=_history(desk, name),
        refusals=_refusals(desk, name),
    )


def _property(declared: SensorType, prop: Property) -> Row:
    """What a page says of a property."""
    own = {use.name for use in prop.detectors}
    uses = [
        *prop.detectors,
        *(use for use in declared.detectors if use.name not in own and use.name not in prop.without),
    ]
    key: Any = prop.field or prop.name
    return {
        "name": prop.name,
        "datastream": prop.datastream or prop.name,
        "key": key if isinstance(key, str) else ".".join(map(str, key)),
        "unit": prop.unit,
        "payload_unit": prop.payload_unit,
        "suspect": prop.suspect,
        "fail": prop.fail,
        "words": ", ".join(prop.categories),
        "detectors": uses,
    }


def _history(desk: Desk, name: str) -> list[Row]:
    """The versions, the newest first, each with what it changed of the one before."""
    rows: list[Row] = []
    before: Version | None = None
    for version in desk.known.versions(name).values():
        row = _told(desk, version)
        try:
            row["changes"] = None if before is None else in_words(before.declared, version.declared)
        except DeclarationError:
            row["changes"] = None
        row["before"] = before and before.version
        row["lines"] = before and in_lines(before, version)
        rows.append(row)
        before = version
    return rows[::-1]

"""Proposals and previews over HTTP: what is asked, what comes, and what is refused."""

from __future__ import annotations

import asyncio
import json as json_
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI

from aedilis.settings import load
from api import onboarding
from registry.scaffold import scaffold

SAMPLE = {"topic": "plant/unit7/data", "payload": '{"tempC": 20.5}', "received_at": "2026-01-05T08:00:00Z"}
EXAMPLE = {"topic": "city/demo/t1/lamp", "payload": '{"time": "2026-01-05T12:00:00Z", "temp": 21.5}'}


class Answer(NamedTuple):
    status_code: int
    body: bytes

    def json(self) -> Any:
        return json_.loads(self.body)


class Client:
    """Asks the application itself, without a server."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def post(self, path: str, json: object, headers: dict[str, str] | None = None) -> Answer:
        """One request."""
        sent: list[dict[str, Any]] = []
        fields = {"content-type": "application/json", "host": "here.example", **(headers or {})}
        scope = {
            "type": "http", "method": "POST", "path": path, "query_string": b"", "http_version": "1.1", "scheme": "http",
            "headers": [(key.encode(), value.encode()) for key, value in fields.items()],
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": json_.dumps(json).encode()}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self._app(scope, receive, send))
        return Answer(sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:]))


@pytest.fixture
def client() -> Client:
    """Only what is tested here: no login, no database."""
    app = FastAPI()
    app.state.zone, app.state.settings = ZoneInfo("Europe/Rome"), load({})
    app.include_router(onboarding.data)
    return Client(app)


def test_samples_become_a_text_with_its_guesses(client: Client) -> None:
    told = client.post("/api/v1/types/infer", json={"samples": [SAMPLE], "name": "plant"}).json()
    assert 'name = "plant"' in told["text"]
    assert told["format"]["name"] == "json"
    assert {"path", "value", "confidence", "why"} == set(told["guesses"][0])


def test_bytes_are_sent_as_hexadecimal_digits(client: Client) -> None:
    sample = {"topic": "home/kitchen/temperature", "payload_hex": "32 31 2e 35"}
    assert 'format = "number"' in client.post("/api/v1/types/infer", json={"samples": [sample]}).json()["text"]


def test_samples_without_a_value_are_told_to_be_so(client: Client) -> None:
    answer = client.post("/api/v1/types/infer", json={"samples": [{"topic": "a", "payload": '{"name": "x"}'}]})
    assert answer.status_code == 422
    assert "ObservedProperty" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"samples": []},
        {"samples": [{"topic": "a"}]},
        {"samples": [{"topic": "a", "payload": "1", "payload_hex": "31"}]},
        {"samples": [{"topic": "a", "payload_hex": "3"}]},
        {"samples": [SAMPLE], "name": "Not a name"},
        {"samples": [SAMPLE] * 201},
    ],
)
def test_what_is_no_question_is_refused(client: Client, body: dict[str, Any]) -> None:
    assert client.post("/api/v1/types/infer", json=body).status_code == 422


def test_what_comes_from_another_site_is_refused(client: Client) -> None:
    elsewhere = {"origin": "https://elsewhere.example"}
    for address in ("infer", "preview", "try"):
        body = {"samples": [SAMPLE]} if address == "infer" else {"text": ""}
        assert client.post(f"/api/v1/types/{address}", json=body, headers=elsewhere).status_code == 403


def test_a_text_shows_what_each_sample_becomes(client: Client) -> None:
    told = client.post("/api/v1/types/preview", json={"text": scaffold("lamp"), "samples": [EXAMPLE, SAMPLE]}).json()
    assert told["faults"] == []
    first, second = told["samples"]
    assert (first["observations"][0]["result"], first["observations"][0]["thing"]) == (21.5, "t1")
    assert second["refused"]["reason"] == "unknown_topic"


def test_a_text_with_faults_shows_them_all(client: Client) -> None:
    text = scaffold("lamp").replace("interval_s", "intervall_s")
    assert len(client.post("/api/v1/types/preview", json={"text": text}).json()["faults"]) == 2
    assert client.post("/api/v1/types/try", json={"text": text}).status_code == 422

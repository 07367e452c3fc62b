"""An operator's webhook gets each change of an alert once, signed, whatever is killed on the way."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook as Signer

from simulation.publisher import Publisher
from tests.installation import Installation

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Operator(ThreadingHTTPServer):
    """The outside world's end: keeps what it was sent, and refuses the first attempts of each as an unwell one does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.attempts: Counter[str] = Counter()
        self.refuse = 1


class _Handler(BaseHTTPRequestHandler):
    server: Operator

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        key = self.headers["webhook-id"]
        Signer(SECRET).verify(body, dict(self.headers.items()))
        self.server.attempts[key] += 1
        refused = self.server.attempts[key] <= self.server.refuse
        if not refused:
            self.server.received.append((key, json.loads(body)))
        self.send_response(503 if refused else 204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def operator() -> Iterator[Operator]:
    server = Operator()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_each_change_is_told_once(installation: Installation, operator: Operator) -> None:
    installation.env["AEDILIS_WEBHOOK"] = f"http://127.0.0.1:{operator.server_address[1]}/"
    installation.env["AEDILIS_WEBHOOK_SECRET"] = SECRET
    installation.line()
    installation.start("notify", "worker", "--role", "notify")
    now = datetime.now(UTC).replace(microsecond=0)
    with Publisher(installation.settings) as publisher:
        for minute in range(20):
            for station in range(10):
                # impossible, possible, impossible, …: an alert opens and resolves ten times at each of ten stations
                result = 9999 if minute % 2 == 0 else 20
                at = (now + timedelta(minutes=minute - 20)).isoformat()
                publisher.publish(f"city/demo/S{station}/street", json.dumps({"time": at, "TEMP": result}).encode())
            publisher.flush()
            if minute in (5, 9, 13):
                for name in ("detect", "alert"):
                    installation.signal(name, signal.SIGKILL)
                    installation.again(name)
            time.sleep(0.3)
        old = (now - timedelta(days=30)).isoformat()
        publisher.publish("city/demo/old/street", json.dumps({"time": old, "TEMP": 9999}).encode())
    installation.settle(201)
    wanted = 2 * 10 * 10
    deadline = time.monotonic() + 90
    while len(operator.received) < wanted:
        assert time.monotonic() < deadline, f"{len(operator.received)} of {wanted}"
        time.sleep(0.3)
    time.sleep(1)  # a second telling would come now
    keys = [key for key, _ in operator.received]
    assert len(keys) == len(set(keys)) == wanted
    told = [(body["data"]["id"], body["data"]["status"]) for _, body in operator.received]
    assert len(set(told)) == wanted
    assert {thing for _, body in operator.received if (thing := body["data"]["thing"]) == "old"} == set()
    outcomes = installation.rows(
        "select status, reason, count(*), min(attempts), max(attempts) from delivery group by 1, 2"
    )
    assert sorted(outcomes) == [
        ("delivered", "opened", 100, 2, 2),
        ("delivered", "resolved", 100, 2, 2),
        ("skipped", "historic", 1, 0, 0),
    ]

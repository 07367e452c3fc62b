"""The outside world's end of the webhook: an operator who is unwell, and keeps all that he was sent."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook as Signer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

Change = tuple[str, str, int]
"""What a delivery tells: the alert's id, its status, the sequence of its revision."""


class Operator(ThreadingHTTPServer):
    """Takes what is delivered. Of each five first attempts one is refused, and one is taken and never answered."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.attempts: Counter[str] = Counter()
        """Idempotency key → how often it came."""
        self.told: dict[str, set[Change]] = {}
        """Idempotency key → the changes that came under it."""
        self._agency: dict[str, str] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def take(self, key: str, body: bytes) -> str:
        """Keep it. Returns what becomes of the attempt: `refused`, `silent` or `taken`."""
        alert = json.loads(body)["data"]
        with self._lock:
            self.attempts[key] += 1
            self.told.setdefault(key, set()).add((alert["id"], alert["status"], alert["revision"]["sequence"]))
            self._agency[key] = alert["agency"]
            first = self.attempts[key] == 1
            return {0: "refused", 1: "silent"}.get(len(self.attempts) % 5, "taken") if first else "taken"

    def of(self, agency: str) -> list[str]:
        """The keys that came about an agency."""
        with self._lock:
            return [key for key, name in self._agency.items() if name == agency]

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Operator

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        Signer(SECRET).verify(body, dict(self.headers.items()))
        became = self.server.take(self.headers["webhook-id"], body)
        if became == "silent":  # it has it, and the one who sent it does not know
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(503 if became == "refused" else 204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass

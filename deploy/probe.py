"""Whether a server answers in its own protocol: one that hangs still accepts connections, for its kernel does."""

from __future__ import annotations

import socket

SECONDS = 2.0


def answer(address: str, question: bytes) -> bool:
    """Send these bytes to host:port; whether anything comes back in time."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
            connection.sendall(question)
            return bool(connection.recv(1))
    except OSError:
        return False

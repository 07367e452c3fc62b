"""A server that hangs accepts connections and says nothing."""

from __future__ import annotations

import socket
import threading

import pytest

from deploy import probe


def test_one_that_says_something_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(10) == b"who?"
                connection.sendall(b"me")

        thread = threading.Thread(target=serve)
        thread.start()
        assert probe.answer(f"127.0.0.1:{server.getsockname()[1]}", b"who?")
        thread.join()


def test_one_that_accepts_and_is_silent_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert not probe.answer(address, b"who?")
    assert not probe.answer(address, b"who?")

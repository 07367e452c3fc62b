"""A message through a payload format, and what it asked of its session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sensors.format import Decode, Format, Raw, Record

NOW = 1_770_000_000_000_000


class RecordedSession:
    """Keeps what a format asks for."""

    def __init__(self) -> None:
        self.memory: dict[Any, Any] = {}
        self.kept: list[str] = []
        self.asked: list[tuple[str, bytes]] = []

    def keep(self, key: str) -> None:
        self.kept.append(key)

    def ask(self, topic: str, payload: bytes) -> None:
        self.asked.append((topic, payload))


class Through:
    """One decoder and its session; each call is a message."""

    def __init__(self, format_: Format, options: Mapping[str, Any] | None = None) -> None:
        self.session = RecordedSession()
        self.decode: Decode = format_.decoder(format_.Options.model_validate(options or {}))

    def __call__(self, payload: bytes | str, topic: str = "a/b", at: int = NOW) -> Sequence[Record]:
        sent = payload.encode() if isinstance(payload, str) else payload
        return self.decode(Raw(sent, topic, {}, at), self.session)

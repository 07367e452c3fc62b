"""Identities are hashes of names, so that every process computes the same one without asking a database."""

from __future__ import annotations

import unicodedata
from hashlib import blake2b
from urllib.parse import quote, unquote


def stable_id(*names: str | int) -> int:
    """BLAKE2b-64 of the length-prefixed NFC UTF-8 names, as a signed 64-bit integer (a PostgreSQL bigint).

    The length prefix keeps ("ab", "c") apart from ("a", "bc").
    """
    digest = blake2b(digest_size=8)
    for name in names:
        raw = unicodedata.normalize("NFC", str(name)).encode()
        digest.update(len(raw).to_bytes(4, "big"))
        digest.update(raw)
    return int.from_bytes(digest.digest(), "big", signed=True)


def thing_id(agency: str, thing: str) -> int:
    """Identity of a Thing."""
    return stable_id(agency, thing)


def datastream_id(agency: str, thing: str, name: str) -> int:
    """Identity of a Datastream. Type, version, unit and place are not in it, so that they may change."""
    return stable_id(agency, thing, name)


def anomaly_id(datastream: int, kind: str, detector: str, detected_at: int) -> int:
    """Identity of an Anomaly; `detected_at` is the event time (µs) of the opening."""
    return stable_id("anomaly", datastream, kind, detector, detected_at)


def alert_id(key: str, opened_at: int) -> int:
    """Identity of an Alert; `key` is `subject|kind`, `opened_at` the event time (µs) of the opening."""
    return stable_id("alert", key, opened_at)


def to_topic_level(name: str) -> str:
    """A name as one MQTT topic level: `/`, `+`, `#`, `%` and what cannot be printed are percent-encoded."""
    return "".join(quote(char, safe="") if char in "/+#%" or not char.isprintable() else char for char in name)


def from_topic_level(level: str) -> str:
    """The inverse of `to_topic_level`.

    Raises:
        UnicodeDecodeError: what is percent-encoded is not UTF-8.
    """
    return unquote(level, errors="strict")

"""What messages look like when their values are left out, so that alike ones group.

A shape depends on the message alone, so it stays the same for good, and it is short, whoever sent the bytes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

LONGEST = 300
"""Characters of a shape."""
_DEEPEST, _WIDEST = 5, 40
"""Levels of JSON, and keys of one level, that a shape tells."""
_READ = 200
"""Characters of a text, and bytes of what may be one, that decide."""
_NUMBER = re.compile(r"(?:(?<!\w)[-+])?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORDS = re.compile(r"[^\W\d_]+(?:[ _][^\W\d_]+)*")
_decode = msgspec.json.Decoder().decode


@lru_cache(maxsize=10_000)
def topic_shape(topic: str) -> str:
    """A topic with its numbers and its third level, the Thing, replaced by `*`."""
    levels = [re.sub(r"\d+", "*", level)[:80] for level in topic[:2000].replace("\0", "�").split("/")[:8]]
    if len(levels) > 2:
        levels[2] = "*"
    return "/".join(levels)[:LONGEST]


def payload_shape(payload: bytes) -> str:
    """Of JSON its keys and kinds (`{PM10: number, time: text}`), of text its words and numbers (`text: a|n|a|n`), of
    other bytes how many there are and with which they begin (`binary: 65 to 128 bytes, begins 08`).
    """
    if not payload:
        return "empty"
    try:
        return _json(_decode(payload), 0).replace("\0", "�")[:LONGEST]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    text = _text(payload)
    if text is None:
        most = 1 << (len(payload) - 1).bit_length()
        return f"binary: {most // 2 + 1} to {most} bytes, begins {payload[0]:02x}"
    return f"text: {_NUMBER.sub('n', _WORDS.sub('a', text))[:80].strip()}"


def _text(payload: bytes) -> str | None:
    """The beginning of what is text; a character may be cut in two at the end of what is looked at."""
    head = payload[:_READ]
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if len(payload) <= _READ or error.start < _READ - 3:
            return None
        text = head[: error.start].decode()
    return None if any(char < " " and char not in "\t\r\n" for char in text) else text


def _json(value: Any, depth: int) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    if depth == _DEEPEST:
        return "…"
    if isinstance(value, list):
        kinds = dict.fromkeys(_json(one, depth + 1) for one in value[:_WIDEST])
        return f"[{' or '.join(kinds)}]"
    keys = {}
    for key in sorted(value)[:_WIDEST]:
        keys[re.sub(r"\d+", "#", key[:60])] = _json(value[key], depth + 1)
    more = ", …" if len(value) > _WIDEST else ""
    return f"{{{', '.join(f'{key}: {shape}' for key, shape in keys.items())}{more}}}"

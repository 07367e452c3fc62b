"""From bytes to content: JSON, names of Things and Datastreams, and how a message is refused whole."""

from __future__ import annotations

import json
import unicodedata
from functools import lru_cache
from typing import Any

import msgspec

from aedilis.identity import from_topic_level
from aedilis.vocabulary import RejectReason

LONGEST_NAME = 200
"""Characters of an Agency's, Thing's, zone's or label's name."""
_DIGITS_OF_AN_INTEGER = 300
"""A longer one is no float, and Python refuses to read one of more than 4,300."""


class Refused(Exception):
    """A message, or one record of it, that gives no observation at all."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def read_json(payload: bytes) -> Any:
    """The content of a payload. The tokens NaN and Infinity, which are no JSON, and numbers beyond a float are read as
    floats, so that they cost one value and not the whole message. Of a key that stands twice the last value counts.

    Raises:
        Refused: it is no JSON.
    """
    try:
        return msgspec.json.decode(payload)
    except RecursionError as error:
        raise Refused(RejectReason.INVALID_JSON, "nested too deep") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            text = payload.decode()
        except UnicodeDecodeError as undecodable:
            raise Refused(RejectReason.INVALID_UTF8, str(undecodable)[:200]) from undecodable
        if isinstance(error, msgspec.ValidationError) or "NaN" in text or "Infinity" in text:
            return _read_leniently(text)
        raise Refused(RejectReason.INVALID_JSON, str(error)) from error


def read_text(payload: bytes) -> str:
    """The text of a payload, without the mark that some editors put before UTF-8.

    Raises:
        Refused: it is no UTF-8.
    """
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise Refused(RejectReason.INVALID_UTF8, str(error)[:200]) from error
    return text.removeprefix("\ufeff")


def _read_leniently(text: str) -> Any:
    def integer(digits: str) -> float:
        return int(digits) if len(digits) <= _DIGITS_OF_AN_INTEGER else float(digits)

    try:
        content = json.loads(text, parse_int=integer)
        json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except RecursionError as error:
        raise Refused(RejectReason.INVALID_JSON, "nested too deep") from error
    except ValueError as error:
        raise Refused(RejectReason.INVALID_JSON, str(error)[:200]) from error
    return content


@lru_cache(maxsize=10_000)
def read_name(level: str, what: str, *, encoded: bool = True) -> str:
    """A name, NFC; `encoded` where it is a topic level, percent-encoded.

    Raises:
        Refused: it is empty, too long, or holds what cannot be printed.
    """
    try:
        name = from_topic_level(level) if encoded else level
    except UnicodeDecodeError as error:
        raise Refused(RejectReason.INVALID_UTF8, f"the {what} is not UTF-8 when percent-decoded") from error
    name = unicodedata.normalize("NFC", name)
    if not name.strip() or len(name) > LONGEST_NAME or any(unicodedata.category(char) == "Cc" for char in name):
        raise Refused(
            RejectReason.WRONG_SHAPE, f"expected a name of 1 to {LONGEST_NAME} printable characters as {what}"
        )
    return name


def shown(value: object) -> str:
    """A value as an error shows it."""
    return str(value)[:50] if not isinstance(value, int) or abs(value) < 10**18 else "a very large number"


def kind(value: object) -> str:
    """What a value is, in a word of JSON."""
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "nothing"}
    return names.get(type(value), "a number")

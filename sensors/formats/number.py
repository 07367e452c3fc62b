"""A single number or word as the whole payload: `21.5`, `21,5 °C`, `ON`, `true`.

The record has one value, under the key of the options; a unit behind the number is told as its unit. What is no number is
a word, for the type's categories. There is no time: the message is of when it came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, Raw, Record, Session
from sensors.payload import Refused, read_text

_LONGEST = 200
"""Bytes. What is longer is neither a number nor a word."""
_NUMBER = re.compile(r"([+-]?)(\d*)(?:([.,])(\d*))?([eE][+-]?\d{1,4})?(?:\s*([^\W\d_].*|[%‰°º/Ω].*))?", re.DOTALL)
_LITERALS = {"true": True, "false": False, "null": None}


class NumberOptions(BaseModel):
    """What to call the value, and how numbers are written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field("value", min_length=1, description="the key of the value, as properties name it")
    decimal: Literal[".", ","] = "."


class NumberFormat:
    """One value a message."""

    name = "number"
    title = "a single number or word"
    Options = NumberOptions
    time = Time(field="@time", default="received")
    numeric_text = False
    example = FormatExample(
        template="city/{agency}/{thing}/temperature",
        topic="city/demo/cold-room-3/temperature",
        payload=" -18,5 °C\n".encode(),
        records=({"value": -18.5, "@unit:value": "°C"},),
        options={"decimal": ","},
    )

    def suggest(self, topic: str, payloads: Sequence[bytes]) -> Sequence[Mapping[str, Any]]:
        """The value is called as the last level of its topic, if that is a word."""
        last = topic.rpartition("/")[2]
        key = last if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", last) else "value"
        comma = any(re.search(rb"\d,\d", payload) for payload in payloads)
        return [{"key": key, "decimal": ","} if comma else {"key": key}]

    def decoder(self, options: NumberOptions) -> Decode:
        """See the module."""
        key, unit_key = options.key, f"@unit:{options.key}"

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            if len(raw.payload) > _LONGEST:
                raise Refused(
                    RejectReason.INVALID_PAYLOAD, f"expected a number or a word, got {len(raw.payload)} bytes"
                )
            text = read_text(raw.payload).strip()
            if len(text) >= 2 and text[0] == text[-1] == '"':
                text = text[1:-1].strip()
            if text in _LITERALS:
                return [{key: _LITERALS[text]}]
            found = _NUMBER.fullmatch(text)
            if found is None or not (found[2] or found[4]):
                return [{key: _word(text)}]
            value, unit = _number(found, options.decimal), found[6]
            return [{key: value, unit_key: unit} if unit else {key: value}]

        return decode


def _number(found: re.Match[str], decimal: str) -> Any:
    sign, whole, mark, fraction, exponent = found.group(1, 2, 3, 4, 5)
    if mark and mark != decimal:
        raise Refused(
            RejectReason.NOT_A_NUMBER,
            f'expected "{decimal}" before the decimals, got {found[0][:50]!r}; the type may say decimal = "{mark}"',
        )
    if mark or exponent:
        return float(f"{sign}{whole or 0}.{fraction or 0}{exponent or ''}")
    return int(sign + whole)


def _word(text: str) -> str:
    if not text or not text.isprintable() or text[0] in "{[<":
        raise Refused(RejectReason.INVALID_PAYLOAD, f"expected a number or a word, got {text[:50]!r}")
    return text


FORMAT = NumberFormat()

"""CSV lines: each line of the payload is a record, its values are text.

A line with the wrong number of fields is told as `@fault` and the others count; if none is right the message is refused. A
quoted field ends on its line, so that one open quote costs one line and not all that follow. An empty field is a value
that the device does not have.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, Raw, Record, Session
from sensors.payload import Refused, read_text

_LINE_ENDS = re.compile(r"\r\n|\n|\r")
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+\s*")
_TOLD = 5
"""Faults told in words; the rest are counted. The reject keeps the bytes."""


_NAME = re.compile(r"[^\W\d][\w .%/-]*")


class CsvOptions(BaseModel):
    """What the columns are and how they are written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: tuple[str, ...] = Field((), description="names of the columns, in order")
    header: bool = Field(False, description="whether the first line of each message names the columns")
    delimiter: str = Field(",", min_length=1, max_length=1)
    decimal: Literal[".", ","] = "."
    comment: str = Field("", description="what a line begins with that is none; empty: there are none")

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if bool(self.columns) == self.header:
            raise ValueError("expected columns, or header = true, and not both")
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("expected each column once")
        if self.delimiter == self.decimal == ",":
            raise ValueError('expected another delimiter where decimal = ","')
        if self.delimiter in '"\r\n':
            raise ValueError("expected a delimiter that is neither a quote nor the end of a line")
        return self


class CsvLines:
    """A record a line."""

    name = "csv-lines"
    title = "CSV lines"
    Options = CsvOptions
    time: Time | None = None
    numeric_text = True
    example = FormatExample(
        template="city/{agency}/{thing}/footfall",
        topic="city/demo/north-gate/footfall",
        payload=b"2026-01-29T08:00:00Z;12;3,5\n2026-01-29T08:05:00Z;17;\n",
        records=(
            {"time": "2026-01-29T08:00:00Z", "entered": "12", "temperature": "3.5"},
            {"time": "2026-01-29T08:05:00Z", "entered": "17", "temperature": None},
        ),
        options={"columns": ("time", "entered", "temperature"), "delimiter": ";", "decimal": ","},
    )

    def suggest(self, topic: str, payloads: Sequence[bytes]) -> Sequence[Mapping[str, Any]]:
        """A delimiter that stands equally often in all lines; the first line names the columns if it is the same in all."""
        heads = [payload.decode(errors="replace").partition("\n")[0].strip() for payload in payloads]
        lines = [line for payload in payloads for line in payload.decode(errors="replace").splitlines() if line.strip()]
        suggested: list[Mapping[str, Any]] = []
        for delimiter in ",;\t|":
            if not lines or len({line.count(delimiter) for line in lines}) != 1 or delimiter not in lines[0]:
                continue
            names = [cell.strip() for cell in heads[0].split(delimiter)]
            named = len(set(names)) == len(names) and all(_NAME.fullmatch(name) for name in names)
            if named and len(set(heads)) == 1:
                suggested.append({"header": True, "delimiter": delimiter})
            else:
                suggested.append({"columns": [f"column {i}" for i in range(1, len(names) + 1)], "delimiter": delimiter})
        return suggested

    def decoder(self, options: CsvOptions) -> Decode:
        """See the module."""

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            columns: Sequence[str] = options.columns
            records: list[Record] = []
            faults: list[str] = []
            for number, line in enumerate(_LINE_ENDS.split(read_text(raw.payload)), start=1):
                if not line.strip() or (options.comment and line.startswith(options.comment)):
                    continue
                try:
                    fields = line.split(options.delimiter) if '"' not in line else _fields(line, options.delimiter)
                except csv.Error as error:
                    faults.append(f"line {number}: {error}: {line[:50]!r}")
                    continue
                if not columns:
                    columns = _named(fields)
                elif len(fields) != len(columns):
                    faults.append(f"line {number}: expected {len(columns)} fields, got {len(fields)}: {line[:50]!r}")
                else:
                    if options.decimal == ",":
                        fields = [one.replace(",", ".") if _DECIMAL_COMMA.fullmatch(one) else one for one in fields]
                    records.append(
                        {name: field if field.strip() else None for name, field in zip(columns, fields, strict=True)}
                    )
            return _told(records, faults)

        return decode


def _fields(line: str, delimiter: str) -> list[str]:
    return next(csv.reader((line,), delimiter=delimiter, strict=True))


def _named(fields: Sequence[str]) -> Sequence[str]:
    columns = [field.strip() for field in fields]
    if not all(columns) or len(set(columns)) != len(columns):
        raise Refused(RejectReason.INVALID_PAYLOAD, f"expected a name for each column, each once, got {columns[:20]}")
    return columns


def _told(records: list[Record], faults: Sequence[str]) -> Sequence[Record]:
    if faults:
        told = "; ".join(faults[:_TOLD])
        if len(faults) > _TOLD:
            told += f"; {len(faults) - _TOLD} more"
        if not records:
            raise Refused(RejectReason.WRONG_SHAPE, told)
        records.append({"@fault": told})
    elif not records:
        raise Refused(RejectReason.INVALID_PAYLOAD, "expected lines, got none")
    return records


FORMAT = CsvLines()

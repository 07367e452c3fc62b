"""UltraLight 2.0, the text of FIWARE's IoT Agent: `t|15|k|abc`, groups divided by `#`, each with its own time or none.

All values are text, and an empty one says that there is none. A group with a part too few is told as a fault, since its
names and values can no longer be told apart. Results of commands (`station@ping|pong`) say nothing of the city. On a topic
that ends in `/attrs/NAME` the payload is the value alone.
Source: https://github.com/telefonicaid/iotagent-ul (docs/usermanual.md, lib/ulParser.js).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, Raw, Record, Session
from sensors.payload import Refused, read_text

_TIME = re.compile(r"\d{4}-?\d\d-?\d\d(?:[T ]|$)")
_FAULTS = 5
"""So many are told of one message."""


class UltraLightOptions(BaseModel):
    """Which value, if any, is the place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    location: str | None = Field(None, description="the name whose value is two degrees with a slash between")
    order: Literal["latitude/longitude", "longitude/latitude"] = "latitude/longitude"


class UltraLight:
    """One flat record a group."""

    name = "ultralight"
    title = "UltraLight 2.0 (FIWARE)"
    Options = UltraLightOptions
    time = Time(field="@time", default="received")
    numeric_text = True
    example = FormatExample(
        template="ul/{agency}/{thing}/attrs",
        topic="ul/demo/station-167/attrs",
        payload=b"2016-06-13T00:35:30Z|t|15|h|#gps|40.42/-3.71|n|8",
        options={"location": "gps"},
        records=(
            {"@time": "2016-06-13T00:35:30Z", "t": "15", "h": None},
            {"@latitude": 40.42, "@longitude": -3.71, "n": "8"},
        ),
    )

    def decoder(self, options: UltraLightOptions) -> Decode:
        """See the module."""
        location = options.location
        first, second = ("@" + word for word in options.order.split("/"))

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            topic = raw.topic
            text = read_text(raw.payload).strip()
            if topic.endswith("/cmdexe"):
                return ()
            name = topic.rpartition("/attrs/")[2] if "/attrs/" in topic else ""
            if name and name[0] != "@":
                return [{name: text or None}]
            if text.partition("|")[0].find("@") > 0:  # device@command: its result
                return ()
            records: list[Record] = []
            faults: list[str] = []
            for group in text.split("#"):
                try:
                    record = _group(group.strip())
                except ValueError as error:
                    faults.append(str(error))
                    continue
                if location is not None and (place := record.pop(location, None)) is not None:
                    try:
                        record[first], record[second] = map(float, place.split("/"))
                    except ValueError:
                        record["@fault"] = f"expected degrees as {options.order}, got {place[:50]!r}"
                if record:
                    records.append(record)
            if not records:
                raise Refused(RejectReason.INVALID_PAYLOAD, "; ".join(faults[:_FAULTS]) or "expected name|value")
            if faults:
                records.append({"@fault": "; ".join(faults[:_FAULTS])})
            return records

        return decode


def _group(text: str) -> Record:
    parts = text.split("|")
    time = parts.pop(0) if len(parts) % 2 else ""
    names, values = parts[::2], parts[1::2]
    if not _TIME.match(time) if time else names and _TIME.match(names[0]):
        raise ValueError(f"expected a time, or none, and pairs of name|value, got {text[:80]!r}")
    record: Record = dict(zip(names, values, strict=False))  # as many of both
    if len(record) < len(names) or "" in record or ("@" in text and any(name[0] == "@" for name in names)):
        raise ValueError(f"expected names that differ, are not empty and do not begin with @, got {text[:80]!r}")
    if "" in values:
        record = {name: value or None for name, value in record.items()}
    if time and record:
        record["@time"] = time
    return record


FORMAT = UltraLight()

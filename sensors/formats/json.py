"""Plain JSON: an object is a record, a list of objects is as many. Where the times and values stand in them, and how deep,
the sensor type says.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, NoOptions, Raw, Record, Session
from sensors.payload import Refused, kind, read_json


class _Json:
    name = "json"
    title = "JSON: an object, or a list of objects"
    Options: type[BaseModel] = NoOptions
    time: Time | None = Time()
    numeric_text = False
    example = FormatExample(
        template="city/{agency}/{thing}/air",
        topic="city/demo/station-1/air",
        payload=b'{"time": "2026-06-01T08:00:00Z", "PM2.5": 11.8, "BME280": {"Temperature": 20.5}}',
        records=({"time": "2026-06-01T08:00:00Z", "PM2.5": 11.8, "BME280": {"Temperature": 20.5}},),
    )

    def decoder(self, options: BaseModel) -> Decode:
        return _decode


def _decode(raw: Raw, session: Session) -> Sequence[Record]:
    content = read_json(raw.payload)
    if type(content) is dict:
        return (content,)
    if type(content) is not list or not content or not all(type(one) is dict for one in content):
        found = kind(content) if type(content) is not list else "a list of something else"
        raise Refused(RejectReason.WRONG_SHAPE, f"expected an object, or a list of objects, got {found}")
    return content


FORMAT = _Json()

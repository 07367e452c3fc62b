"""ThingsBoard telemetry: an object of values; `{ts, values}` with milliseconds since 1970; a list of either.

A gateway (`v1/gateway/telemetry`) sends for many devices at once: their names and for each a list of the same. An object is
`{ts, values}` only if it has both keys: otherwise `ts` is a value like any other.
Source: https://thingsboard.io/docs/reference/mqtt-api/ and .../gateway-mqtt-api/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, Raw, Record, Session, may_pose, unmask
from sensors.payload import Refused, kind, read_json


class ThingsBoardOptions(BaseModel):
    """Who sends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gateway: bool = Field(False, description="whether a message names its devices, which become Things")


class ThingsBoard:
    """One record an object of values, which may be nested."""

    name = "thingsboard"
    title = "ThingsBoard telemetry"
    Options = ThingsBoardOptions
    time = Time(field="@time", form="epoch_ms", default="received")
    numeric_text = False
    example = FormatExample(
        template="v1/gateway/telemetry",
        topic="v1/gateway/telemetry",
        payload=b'{"Station A":[{"ts":1483228800000,"values":{"temperature":4.2}},{"temperature":4.3}],'
        b'"Station B":[{"ts":1483228800000,"values":{"temperature":2.8}}]}',
        options={"gateway": True},
        records=(
            {"temperature": 4.2, "@time": 1483228800000, "@thing": "Station A"},
            {"temperature": 4.3, "@thing": "Station A"},
            {"temperature": 2.8, "@time": 1483228800000, "@thing": "Station B"},
        ),
    )

    def suggest(self, topic: str, payloads: Sequence[bytes]) -> Sequence[Mapping[str, Any]]:
        """A gateway has a topic of its own."""
        return [{"gateway": True}] if topic.endswith("gateway/telemetry") else []

    def decoder(self, options: ThingsBoardOptions) -> Decode:
        """See the module."""

        def device(raw: Raw, session: Session) -> Sequence[Record]:
            return _records(read_json(raw.payload), may_pose(raw.payload), "$")

        def gateway(raw: Raw, session: Session) -> Sequence[Record]:
            content = read_json(raw.payload)
            if type(content) is not dict or not content:
                raise Refused(RejectReason.WRONG_SHAPE, f"expected an object of devices, got {kind(content)}")
            poses = may_pose(raw.payload)
            found: list[Record] = []
            for thing, telemetry in content.items():
                try:
                    records = _records(telemetry, poses, f'$["{thing[:50]}"]')
                except Refused as refused:  # the other devices have no part in it
                    records = [{"@fault": refused.detail}]
                for record in records:
                    record["@thing"] = thing
                found += records
            return found

        return gateway if options.gateway else device


def _records(telemetry: Any, poses: bool, path: str) -> list[Record]:
    items = telemetry if type(telemetry) is list else (telemetry,)
    records: list[Record] = []
    for item in items:
        time = None
        if type(item) is dict and "values" in item and "ts" in item:
            time, item = item["ts"], item["values"]
        if type(item) is not dict:
            raise Refused(RejectReason.WRONG_SHAPE, f"expected an object of values at {path}, got {kind(item)}")
        if poses:
            unmask(item)
        if time is not None and item:
            item["@time"] = time
        if item:
            records.append(item)
    if not records:
        raise Refused(RejectReason.MISSING_FIELD, f"expected values at {path}, got none")
    return records


FORMAT = ThingsBoard()

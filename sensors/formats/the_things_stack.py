"""The Things Stack version 3 (The Things Network): uplink messages in JSON.

A record holds `decoded_payload` nested as the payload formatter made it, or `normalized_payload` (a record for each of its
measurements, with their own times), or what Cayenne LPP holds in `frm_payload`. With it stand `@rssi` and `@snr` of the
gateway that heard it loudest, `@battery` in per cent where the network knows it, the Location that the network knows, and
`@warnings`, what the formatter warned of. The stack leaves out what is zero, false or empty: a counter, a signal or a degree
that is not there is 0. Joins, downlinks and what services say are nothing of the city; an uplink that was simulated in the
console is refused unless the type takes it.
Source: https://www.thethingsindustries.com/docs/integrations/data-formats/.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, Raw, Record, Session, may_pose, unmask
from sensors.lorawan import best_gateway, cayenne, one_time
from sensors.payload import Refused, kind, read_json


class TheThingsStackOptions(BaseModel):
    """What names the Thing, who decodes, and whose time counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    thing: Literal["topic", "device-id", "dev-eui"] = Field("topic", description="what names the Thing")
    payload: Literal["decoded", "normalized", "cayenne-lpp"] = Field(
        "decoded", description="what the payload formatter decoded, its normal form, or the bytes of the device"
    )
    time: Literal["server", "gateway"] = Field(
        "server",
        description="when the network server received it, or when its gateway did by its own clock if it tells",
    )
    simulated: bool = Field(False, description="whether uplinks that were simulated in the console count")


class TheThingsStack:
    """One record an uplink, or one a normalized measurement."""

    name = "the-things-stack"
    title = "The Things Stack (LoRaWAN)"
    Options = TheThingsStackOptions
    time = Time(field="@time")
    numeric_text = False
    example = FormatExample(
        template="v3/{app}@{agency}/devices/{thing}/up",
        topic="v3/app1@demo/devices/dev1/up",
        payload=b'{"end_device_ids":{"device_id":"dev1","application_ids":{"application_id":"app1"},"dev_eui":"0004A30B001C0530"},'
        b'"received_at":"2025-07-24T11:51:27.778023975Z","uplink_message":{"f_port":10,"frm_payload":"A2cA/QRoWQ==",'
        b'"decoded_payload":{"temperature":25.3,"door":{"open":false}},"received_at":"2025-07-24T11:51:27.572703341Z",'
        b'"rx_metadata":[{"gateway_ids":{"gateway_id":"gw1"},"rssi":-52}],'
        b'"locations":{"user":{"latitude":30.2264,"source":"SOURCE_REGISTRY"}}}}',
        records=(
            {
                "temperature": 25.3,
                "door": {"open": False},
                "@time": "2025-07-24T11:51:27.572703341Z",
                "@rssi": -52,
                "@snr": 0,
                "@latitude": 30.2264,
                "@longitude": 0,
            },
        ),
    )

    def decoder(self, options: TheThingsStackOptions) -> Decode:
        """See the module."""
        name_key = {"device-id": "device_id", "dev-eui": "dev_eui"}.get(options.thing)

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            message = read_json(raw.payload)
            ids = message.get("end_device_ids") if type(message) is dict else None
            if type(ids) is not dict:
                raise Refused(RejectReason.WRONG_SHAPE, f"expected an object with end_device_ids, got {kind(message)}")
            uplink = message.get("uplink_message")
            if uplink is None:
                return ()
            if type(uplink) is not dict:
                raise Refused(RejectReason.WRONG_SHAPE, f"expected an object at $.uplink_message, got {kind(uplink)}")
            if message.get("simulated") and not options.simulated:
                detail = "an uplink that was simulated; say options.simulated = true to take such as true"
                raise Refused(RejectReason.WRONG_SHAPE, detail)
            records = _records(uplink, raw.payload, options.payload)
            if not records:
                return ()
            told: Record = {}
            time = _time(message, uplink, options.time)
            device, data = ids.get("dev_eui") or ids.get("device_id"), uplink.get("frm_payload", "")
            if type(device) is str and type(data) is str:
                time = one_time(session.memory, device, (uplink.get("f_cnt", 0), data), time, raw.received_at)
            if time is not None:
                told["@time"] = time
            if name_key is not None:
                name = ids.get(name_key)
                if type(name) is not str:
                    raise Refused(RejectReason.MISSING_FIELD, f"expected text at $.end_device_ids.{name_key}")
                told["@thing"] = name
            best = best_gateway(uplink.get("rx_metadata"))
            if best is not None:
                told["@rssi"], told["@snr"] = best
            if (battery := uplink.get("last_battery_percentage")) is not None and type(battery) is dict:
                told["@battery"] = battery.get("value", 0)
            if (locations := uplink.get("locations")) is not None:
                _locate(told, locations)
            if (warnings := uplink.get("decoded_payload_warnings")) is not None and type(warnings) is list:
                told["@warnings"] = "; ".join(map(str, warnings))[:200]
            if len(records) == 1 and "@time" not in records[0]:
                records[0].update(told)
                return records
            return [{**told, **record} for record in records]

        return decode


def _records(uplink: dict[str, Any], payload: bytes, wanted: str) -> list[Record]:
    data = uplink.get("frm_payload")
    if wanted == "cayenne-lpp":
        return [cayenne(data)] if data else []
    content = uplink.get("decoded_payload" if wanted == "decoded" else "normalized_payload")
    if content is None:
        if not data:
            return []  # commands between the device and the network
        detail = f"no {wanted}_payload: give the application a payload formatter, or say options.payload = cayenne-lpp"
        raise Refused(RejectReason.MISSING_FIELD, detail)
    records = content if wanted == "normalized" else [content]
    if type(records) is not list:
        raise Refused(RejectReason.WRONG_SHAPE, f"expected a list of measurements, got {kind(records)}")
    poses = may_pose(payload)
    for record in records:
        if type(record) is not dict:
            raise Refused(RejectReason.WRONG_SHAPE, f"expected an object of values, got {kind(record)}")
        if poses:
            unmask(record)
        if wanted == "normalized" and (time := record.pop("time", None)) is not None:
            record["@time"] = time
    return records


def _time(message: dict[str, Any], uplink: dict[str, Any], wanted: str) -> Any:
    """The gateway's clock if it is wanted and told; else the network server's, else the application server's."""
    if wanted == "gateway":
        settings = uplink.get("settings")
        time = settings.get("time") if type(settings) is dict else None
        if time is not None:
            return time
    return uplink.get("received_at") or message.get("received_at")


def _locate(told: Record, locations: Any) -> None:
    """What the device itself told goes before what a person entered."""
    if type(locations) is dict:
        place = locations.get("frm-payload") or locations.get("user") or next(iter(locations.values()), None)
        if type(place) is dict:
            told["@latitude"], told["@longitude"] = place.get("latitude", 0), place.get("longitude", 0)


FORMAT = TheThingsStack()

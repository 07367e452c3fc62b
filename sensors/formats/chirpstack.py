"""ChirpStack's uplink events in JSON: version 4 and version 3.

A record holds what the codec of the device profile decoded (`object`), nested as it comes, or what Cayenne LPP holds in
`data`. With it stand `@rssi` and `@snr` of the gateway that heard it loudest, `@id`, which is the same for all copies of
one message, and the time, to the nanosecond in the message. ChirpStack joins what several gateways heard; what two network servers
heard has the time of the first copy. Other events (join, ack, txack, log, status, location) say nothing of the city.
Source: https://www.chirpstack.io/docs/chirpstack/integrations/events.html; protobuf's JSON leaves out zeros.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, Raw, Record, Session, may_pose, unmask
from sensors.lorawan import best_gateway, cayenne, one_time
from sensors.payload import Refused, kind, read_json


class ChirpStackOptions(BaseModel):
    """What names the Thing and who decodes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    thing: Literal["topic", "dev-eui", "device-name"] = Field("topic", description="what names the Thing")
    payload: Literal["object", "cayenne-lpp"] = Field(
        "object", description="the object that ChirpStack's codec decoded, or the bytes of the device"
    )


class ChirpStack:
    """One record an uplink."""

    name = "chirpstack"
    title = "ChirpStack (LoRaWAN)"
    Options = ChirpStackOptions
    time = Time(field="@time", default="received")
    numeric_text = False
    example = FormatExample(
        template="application/{agency}/device/{thing}/event/up",
        topic="application/17c82e96/device/0101010101010101/event/up",
        payload=b'{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"2022-07-18T09:34:15.775023242+00:00",'
        b'"deviceInfo":{"tenantId":"52f14cd4","applicationId":"17c82e96","deviceName":"bin 12","devEui":"0101010101010101","tags":{}},'
        b'"devAddr":"00189440","dr":1,"fPort":1,"data":"qg==","object":{"level":{"cm":41.5},"open":false},'
        b'"rxInfo":[{"gatewayId":"01","rssi":-112,"snr":-3.5},{"gatewayId":"02","rssi":-36,"snr":10.5}]}',
        options={"thing": "device-name"},
        records=(
            {
                "level": {"cm": 41.5},
                "open": False,
                "@time": "2022-07-18T09:34:15.775023242+00:00",
                "@thing": "bin 12",
                "@id": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
                "@rssi": -36,
                "@snr": 10.5,
            },
        ),
    )

    def decoder(self, options: ChirpStackOptions) -> Decode:
        """See the module."""
        by_codec = options.payload == "object"
        name_key = {"dev-eui": "devEui", "device-name": "deviceName"}.get(options.thing)

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            topic = raw.topic
            if not topic.endswith("/up") and "/event/" in topic:
                return ()
            message = read_json(raw.payload)
            if type(message) is not dict:
                raise Refused(RejectReason.WRONG_SHAPE, f"expected an object, got {kind(message)}")
            info = message.get("deviceInfo")
            signal_to_noise = "snr"
            if type(info) is not dict:
                info, signal_to_noise = _as_version_4(message), "loRaSNR"
            data = message.get("data", "")
            if by_codec:
                record = message.get("object")
                if type(record) is not dict:
                    if not data:
                        return ()  # commands between the device and the network
                    detail = "no decoded object: give the device profile a codec, or say options.payload = cayenne-lpp"
                    raise Refused(RejectReason.MISSING_FIELD, detail)
                if may_pose(raw.payload):
                    unmask(record)
            elif data:
                record = cayenne(data)
            else:
                return ()
            time = message.get("time")
            eui = info.get("devEui")
            if type(eui) is str and type(data) is str:
                counter = message.get("fCnt", 0)
                time = one_time(session.memory, eui, (counter, data), time, raw.received_at)
            if time is not None:
                record["@time"] = time
            if name_key is not None:
                name = info.get(name_key)
                if type(name) is not str:
                    raise Refused(RejectReason.MISSING_FIELD, f"expected text at $.deviceInfo.{name_key}")
                record["@thing"] = name
            id_ = message.get("deduplicationId")
            if type(id_) is str:
                record["@id"] = id_
            best = best_gateway(message.get("rxInfo"), signal_to_noise)
            if best is not None:
                record["@rssi"], record["@snr"] = best
            if not record:
                raise Refused(RejectReason.MISSING_FIELD, "the object that the codec decoded holds nothing")
            return (record,)

        return decode


def _as_version_4(message: dict[str, Any]) -> dict[str, Any]:
    """The device of a message of version 3; what it tells otherwise than version 4 is put where version 4 has it."""
    eui = message.get("devEUI")
    if type(eui) is not str:
        raise Refused(RejectReason.WRONG_SHAPE, "expected an uplink event with deviceInfo (or devEUI, in version 3)")
    text = message.get("objectJSON")
    if type(text) is str and text:
        message["object"] = read_json(text.encode("utf-8", "surrogatepass"))
    heard = message.get("rxInfo")
    times = [one.get("time") for one in heard if type(one) is dict] if type(heard) is list else []
    message["time"] = message.get("publishedAt") or next((time for time in times if time), None)
    return {"devEui": _hexadecimal(eui), "deviceName": message.get("deviceName")}


def _hexadecimal(eui: str) -> str:
    """Version 3 writes the EUI in base64, unless it was told to write plain JSON."""
    if len(eui) == 12:
        try:
            return base64.b64decode(eui, validate=True).hex()
        except (binascii.Error, ValueError):
            return eui
    return eui.lower()


FORMAT = ChirpStack()

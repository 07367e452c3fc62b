"""What an engineer would write by hand for one kind of message, beside the declaration that does the same.

Each reader gives what the declared way gives, and checks what it checks: that values are numbers, that the time can be read
and is not ahead, that ranges hold, and that nothing else is in the message. It takes the parsed content, so that it can be
measured behind more than one JSON library. Messages differ in their times and values, so that no cache stands in for work.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

START = datetime(2026, 3, 1, tzinfo=UTC)
RECEIVED = int(datetime(2030, 1, 1, tzinfo=UTC).timestamp() * 1e6)
AHEAD = 3_600_000_000
GOOD, SUSPECT, FAIL, MISSING = 1, 3, 4, 9

Found = list[tuple[str, int, float, int]]
"""(key, µs since 1970, result, quality) of each Observation."""
Limits = dict[str, tuple[float, float]]
"""Key → outside of it a value is impossible."""


@dataclass(frozen=True)
class Kind:
    """One kind of message: its declaration, its messages, and who reads them by hand."""

    name: str
    declaration: dict[str, Any]
    topic: str
    message: Callable[[int], bytes]
    by_hand: Callable[[Any, Found], None]
    is_json: bool = True


def _moment(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    since = moment - _EPOCH
    time = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return _checked(time)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _checked(time: int) -> int:
    if not 0 <= time <= RECEIVED + AHEAD:
        raise ValueError(f"{time} is not between 1970 and now")
    return time


def _take(key: str, value: Any, time: int, limits: tuple[float, float], found: Found) -> None:
    if value is None:
        found.append((key, time, math.nan, MISSING))
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} is no number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{key} is not finite")
    found.append((key, time, number, GOOD if limits[0] <= number <= limits[1] else FAIL))


def _known(content: dict[str, Any], known: frozenset[str]) -> None:
    if not content.keys() <= known:
        raise ValueError(f"unknown: {content.keys() - known}")


def _declared(name: str, topic: str, limits: Limits, payload: dict[str, Any], **parts: Any) -> dict[str, Any]:
    paths: dict[str, Any] = parts.pop("paths", {})
    units: dict[str, str] = parts.pop("units", {})
    properties = [
        {
            "name": key,
            "unit": units.get(key, "1"),
            "fail": list(limit),
            **({"field": paths[key]} if key in paths else {}),
        }
        for key, limit in limits.items()
    ]
    return {
        "name": name,
        "version": 1,
        "title": name,
        "topic": topic,
        "interval_s": 60,
        "payload": payload,
        "properties": properties,
        "examples": ({"topic": "none"},),
        **parts,
    }


def _iso(i: int) -> str:
    return (START + timedelta(milliseconds=7 * i)).isoformat()


AIR: Limits = {
    "PM2.5": (0, 1000),
    "PM10": (0, 2000),
    "NO2": (0, 1000),
    "O3": (0, 1000),
    "CO": (0, 100),
    "temperature": (-50, 60),
    "humidity": (0, 100),
    "pressure": (800, 1100),
}


def _values(i: int) -> dict[str, float]:
    return {
        "PM2.5": 11.8 + i % 7,
        "PM10": 22.5 + i % 5,
        "NO2": 31.25,
        "O3": 44.0 + i % 3,
        "CO": 0.4,
        "temperature": 20.5 + i % 11,
        "humidity": 53.1,
        "pressure": 1013.2 + i % 2,
    }


# ------------------------------------------------------------ flat JSON


def _flat_message(i: int) -> bytes:
    return json.dumps({"time": _iso(i), **_values(i)}).encode()


_FLAT = frozenset((*AIR, "time"))


def _flat(content: Any, found: Found) -> None:
    _known(content, _FLAT)
    time = _moment(content["time"])
    for key, limits in AIR.items():
        if key in content:
            _take(key, content[key], time, limits, found)


# ------------------------------------------------------------ nested JSON

NESTED_PATHS = {
    "PM2.5": ["SDS0X1", "PM2.5"],
    "PM10": ["SDS0X1", "PM10"],
    "NO2": ["gas", "NO2"],
    "O3": ["gas", "O3"],
    "CO": ["gas", "CO"],
    "temperature": ["BME280", "Temperature"],
    "humidity": ["BME280", "Humidity"],
    "pressure": ["BME280", "Pressure"],
}


def _nested_message(i: int) -> bytes:
    content: dict[str, Any] = {"time": _iso(i)}
    for key, value in _values(i).items():
        group, name = NESTED_PATHS[key]
        content.setdefault(group, {})[name] = value
    return json.dumps(content).encode()


_GROUPS: dict[str, dict[str, str]] = {}
for _key, (_group, _name) in NESTED_PATHS.items():
    _GROUPS.setdefault(_group, {})[_name] = _key
_NESTED = frozenset((*_GROUPS, "time"))


def _nested(content: Any, found: Found) -> None:
    _known(content, _NESTED)
    time = _moment(content["time"])
    for group, names in _GROUPS.items():
        inner = content.get(group)
        if inner is None:
            continue
        for name, value in inner.items():
            key = names[name]  # a KeyError is an unknown key
            _take(key, value, time, AIR[key], found)


# ------------------------------------------------------------ a list of records


def _list_message(i: int) -> bytes:
    goods = ("beans", "rice", "onions", "pork", "fish")
    records = [
        {"goods": name, "time": _iso(i * 5 + n), "price": 3.5 + (i + n) % 9, "sold": 10 + n}
        for n, name in enumerate(goods)
    ]
    return json.dumps({"prices": records}).encode()


PRICES: Limits = {"price": (0, 1000), "sold": (0, 100_000)}
_RECORD = frozenset((*PRICES, "goods", "time"))


def _list(content: Any, found: Found) -> None:
    _known(content, frozenset(("prices",)))
    for record in content["prices"]:
        _known(record, _RECORD)
        goods = record["goods"]
        if not isinstance(goods, str):
            raise ValueError("goods is no text")
        time = _moment(record["time"])
        for key, limits in PRICES.items():
            if key in record:
                _take(f"{key}/{goods}", record[key], time, limits, found)


# ------------------------------------------------------------ ChirpStack

BIN: Limits = {"level": (0, 300), "temperature": (-50, 80), "battery": (0, 5)}


def _chirpstack_message(i: int) -> bytes:
    gateway = {
        "gatewayId": "0016c001f153a14c",
        "uplinkId": i,
        "location": {"latitude": 40.4, "longitude": -3.7},
        "context": "qqqqqg==",
    }
    message = {
        "deduplicationId": f"3ac7e3c4-4401-4b8d-9386-{i:012x}",
        "time": _iso(i).replace("+", "023242+") if "." in _iso(i) else _iso(i),
        "deviceInfo": {
            "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
            "tenantName": "City",
            "applicationId": "17c82e96-be03-4f38-aef3-f83d48582d97",
            "applicationName": "Bins",
            "deviceProfileId": "14855bf7-d10d-4aee-b618-ebfcb64dc7ad",
            "deviceProfileName": "Bin",
            "deviceName": "bin 12",
            "devEui": "0101010101010101",
            "tags": {"street": "Main"},
        },
        "devAddr": "00189440",
        "adr": True,
        "dr": 1,
        "fCnt": i,
        "fPort": 1,
        "confirmed": False,
        "data": "AQIDBAUGBwg=",
        "object": {"level": {"cm": 41.5 + i % 9}, "temperature": 12.5 + i % 7, "battery": 3.1},
        "rxInfo": [{**gateway, "rssi": -112, "snr": -3.5}, {**gateway, "rssi": -36 - i % 3, "snr": 10.5}],
        "txInfo": {"frequency": 867100000, "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 11}}},
    }
    return json.dumps(message).encode()


def _chirpstack(content: Any, found: Found) -> None:
    message, content = content, content["object"]
    time = _moment(message["time"])
    best = max(message["rxInfo"], key=lambda gateway: gateway.get("rssi", 0))
    for key, value in content.items():
        if key == "level":
            _known(value, frozenset(("cm",)))
            _take("level", value["cm"], time, BIN["level"], found)
        else:
            _take(key, value, time, BIN[key], found)
    _take("rssi", best.get("rssi", 0), time, (-200, 0), found)


# ------------------------------------------------------------ The Things Stack


def _the_things_stack_message(i: int) -> bytes:
    message = {
        "end_device_ids": {
            "device_id": "dev1",
            "application_ids": {"application_id": "app1"},
            "dev_eui": "0004A30B001C0530",
            "dev_addr": "00BCB929",
        },
        "correlation_ids": ["as:up:01", "ns:uplink:02"],
        "received_at": _iso(i + 1),
        "uplink_message": {
            "session_key_id": "AXA50",
            "f_port": 1,
            "f_cnt": i,
            "frm_payload": "AQIDBAUGBwg=",
            "decoded_payload": {"level": 41.5 + i % 9, "temperature": 12.5 + i % 7, "battery": 3.1},
            "rx_metadata": [
                {
                    "gateway_ids": {"gateway_id": "gtw1", "eui": "9C5C8E00001A05C4"},
                    "rssi": -35,
                    "channel_rssi": -35,
                    "snr": 5,
                }
            ],
            "settings": {"data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 7}}, "frequency": "868300000"},
            "received_at": _iso(i),
        },
    }
    return json.dumps(message).encode()


def _the_things_stack(content: Any, found: Found) -> None:
    uplink = content["uplink_message"]
    time = _moment(uplink["received_at"])
    best = max(uplink["rx_metadata"], key=lambda gateway: gateway.get("rssi", 0))
    for key, value in uplink["decoded_payload"].items():
        _take(key, value, time, BIN[key], found)
    _take("rssi", best.get("rssi", 0), time, (-200, 0), found)


# ------------------------------------------------------------ SenML


UNITS = {key: "ug/m3" for key in AIR} | {"CO": "mg/m3", "temperature": "Cel", "humidity": "%", "pressure": "hPa"}


def _senml_message(i: int) -> bytes:
    entries: list[dict[str, Any]] = [{"n": key, "u": UNITS[key], "v": value} for key, value in _values(i).items()]
    entries[0] |= {"bn": "urn:dev:mac:0024befffe804ff1:", "bt": START.timestamp() + i}
    return json.dumps(entries).encode()


def _senml(content: Any, found: Found) -> None:
    base_name, base_time = "", 0
    for entry in content:
        base_name = entry.get("bn", base_name)
        if "bt" in entry:
            base_time = round(entry["bt"] * 1e6)
        time = base_time + round(entry.get("t", 0) * 1e6)
        if time < 2**28 * 1_000_000:
            time += RECEIVED
        key = (base_name + entry.get("n", "")).rpartition(":")[2]
        if entry.get("u") != UNITS[key]:
            raise ValueError(f"{key} is in another unit")
        _take(key, entry["v"], _checked(time), AIR[key], found)


# ------------------------------------------------------------ UltraLight


def _ultralight_message(i: int) -> bytes:
    return "|".join([_iso(i), *(f"{key}|{value}" for key, value in _values(i).items())]).encode()


def _ultralight(content: Any, found: Found) -> None:
    for group in content.split("#"):
        parts = group.split("|")
        time = _moment(parts.pop(0)) if len(parts) % 2 else RECEIVED
        for key, text in zip(parts[::2], parts[1::2], strict=True):
            _take(key, float(text) if text else None, time, AIR[key], found)


# ------------------------------------------------------------ NGSI-LD


def _ngsi_ld_message(i: int) -> bytes:
    entity: dict[str, Any] = {
        "id": "urn:ngsi-ld:AirQualityObserved:Madrid-28079004",
        "type": "AirQualityObserved",
        "dateObserved": {"type": "Property", "value": {"@type": "DateTime", "@value": _iso(i)}},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [-3.7122, 40.4238]}},
        "@context": "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld",
    }
    for key, value in _values(i).items():
        entity[key] = {"type": "Property", "value": value}
    return json.dumps(entity).encode()


def _ngsi_ld(content: Any, found: Found) -> None:
    observed = content["dateObserved"]["value"]["@value"].partition("/")[0]
    longitude, latitude = content["location"]["value"]["coordinates"]
    if not (abs(longitude) <= 180 and abs(latitude) <= 90):
        raise ValueError("no degrees")
    for key, attribute in content.items():
        if key not in ("id", "type", "dateObserved", "location", "@context"):
            time = _moment(attribute.get("observedAt", observed))
            _take(key, attribute["value"], time, AIR[key], found)


# ------------------------------------------------------------ ThingsBoard


def _thingsboard_message(i: int) -> bytes:
    return json.dumps({"ts": int(START.timestamp() * 1000) + 7 * i, "values": _values(i)}).encode()


def _thingsboard(content: Any, found: Found) -> None:
    for item in content if isinstance(content, list) else (content,):
        time = RECEIVED
        if "ts" in item and "values" in item:
            time, item = _checked(item["ts"] * 1000), item["values"]
        for key, value in item.items():
            _take(key, value, time, AIR[key], found)


# ------------------------------------------------------------ SensorThings


def _sensorthings_message(i: int) -> bytes:
    return json.dumps({"phenomenonTime": _iso(i), "resultTime": _iso(i + 1), "result": 21.5 + i % 9}).encode()


def _sensorthings(content: Any, found: Found) -> None:
    _known(content, frozenset(("phenomenonTime", "resultTime", "result")))
    time = _moment(content["phenomenonTime"].partition("/")[0])
    _moment(content["resultTime"])
    _take("result", content["result"], time, AIR["temperature"], found)


# ------------------------------------------------------------ lines of CSV

COLUMNS = ["time", *AIR]


def _csv_message(i: int) -> bytes:
    return "\n".join(",".join([_iso(n), *map(str, _values(n).values())]) for n in range(5 * i, 5 * i + 5)).encode()


def _csv(content: Any, found: Found) -> None:
    for row in csv.reader(content.splitlines(), strict=True):
        if len(row) != len(COLUMNS):
            raise ValueError(f"{len(row)} fields")
        time = _moment(row[0])
        for key, text in zip(AIR, row[1:], strict=True):
            _take(key, float(text) if text else None, time, AIR[key], found)


# ------------------------------------------------------------ HJ 212

FACTORS: Limits = {f"{name}-Rtd": (0, 2000) for name in ("SO2", "NO2", "CO", "O3", "PM25", "PM10")}
FLAGS = {"N": GOOD, "D": FAIL}
LOCAL = ZoneInfo("Asia/Shanghai")


def _hj212_message(i: int) -> bytes:
    moment = START + timedelta(seconds=i)
    values = ";".join(f"{key}={19.0 + i % 9},{key[:-4]}-Flag=N" for key in FACTORS)
    segment = f"ST=22;CN=2011;PW=123456;MN=C037800AM2011;CP=&&DataTime={moment:%Y%m%d%H%M%S};{values}&&"
    return f"##{len(segment):04d}{segment}{_crc(segment.encode()):04X}\r\n".encode()


def _step(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ 0xA001 if byte & 1 else byte >> 1
    return byte


_STEPS = [_step(byte) for byte in range(256)]


def _crc(data: bytes) -> int:
    """The register is shifted before each byte comes in, other than with Modbus."""
    register = 0xFFFF
    for byte in data:
        register = _STEPS[(register >> 8) ^ byte]
    return register


def _hj212(content: Any, found: Found) -> None:
    segment, _, checksum = content[6:].rpartition("&&")
    segment += "&&"
    if _crc(segment.encode()) != int(checksum, 16):
        raise ValueError("checksum")
    head, _, data = segment[:-2].partition("CP=&&")
    if "CN=2011" not in head.split(";"):
        return
    moment: datetime | None = None
    values: dict[str, str] = {}
    flags: dict[str, str] = {}
    for item in re.split("[;,]", data):
        key, _, value = item.partition("=")
        if key == "DataTime":
            moment = datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=LOCAL)
        elif key.endswith("-Flag"):
            flags[key[:-5]] = value
        else:
            values[key] = value
    if moment is None:
        raise ValueError("no time")
    since = moment - _EPOCH
    time = _checked((since.days * 86_400 + since.seconds) * 1_000_000)
    for key, text in values.items():
        low, high = FACTORS[key]
        number = float(text)
        quality = GOOD if low <= number <= high else FAIL
        found.append((key, time, number, max(quality, FLAGS[flags[key[:-4]]])))


RSSI: dict[str, Any] = {"rssi": "@rssi"}
WITH_RSSI: Limits = {**BIN, "rssi": (-200, 0)}
KINDS: Sequence[Kind] = (
    Kind(
        "json, flat", _declared("flat", "a/{agency}/{thing}", AIR, {"format": "json"}), "a/demo/t", _flat_message, _flat
    ),
    Kind(
        "json, nested",
        _declared("nested", "a/{agency}/{thing}", AIR, {"format": "json"}, paths=NESTED_PATHS),
        "a/demo/t",
        _nested_message,
        _nested,
    ),
    Kind(
        "json, list of records",
        {
            **_declared(
                "listed", "a/{agency}/{thing}", PRICES, {"format": "json", "records": "prices", "labels": ["goods"]}
            ),
            "properties": [
                {"name": key, "unit": "1", "fail": list(limit), "datastream": f"{key}/{{goods}}"}
                for key, limit in PRICES.items()
            ],
        },
        "a/demo/t",
        _list_message,
        _list,
    ),
    Kind(
        "chirpstack",
        _declared(
            "chirpstack",
            "application/{agency}/device/{thing}/event/up",
            WITH_RSSI,
            {"format": "chirpstack"},
            paths={**RSSI, "level": ["level", "cm"]},
        ),
        "application/demo/device/0101010101010101/event/up",
        _chirpstack_message,
        _chirpstack,
    ),
    Kind(
        "the-things-stack",
        _declared(
            "the-things-stack",
            "v3/{app}@{agency}/devices/{thing}/up",
            WITH_RSSI,
            {"format": "the-things-stack"},
            paths=RSSI,
        ),
        "v3/app1@demo/devices/dev1/up",
        _the_things_stack_message,
        _the_things_stack,
    ),
    Kind(
        "senml",
        _declared("senml", "a/{agency}/{thing}", AIR, {"format": "senml"}, units=UNITS),
        "a/demo/t",
        _senml_message,
        _senml,
    ),
    Kind(
        "ultralight",
        _declared("ultralight", "ul/{agency}/{thing}/attrs", AIR, {"format": "ultralight"}),
        "ul/demo/t/attrs",
        _ultralight_message,
        _ultralight,
        is_json=False,
    ),
    Kind(
        "csv-lines, 5 lines",
        _declared(
            "csv",
            "a/{agency}/{thing}",
            AIR,
            {"format": "csv-lines", "options": {"columns": COLUMNS}},
            time={"field": "time"},
        ),
        "a/demo/t",
        _csv_message,
        _csv,
        is_json=False,
    ),
    Kind(
        "hj212",
        _declared(
            "hj212",
            "hj212/{agency}",
            FACTORS,
            {"format": "hj212", "flags": {"N": "good", "D": "fail"}},
            time={"timezone": "Asia/Shanghai"},
        ),
        "hj212/demo",
        _hj212_message,
        _hj212,
        is_json=False,
    ),
    Kind(
        "ngsi-ld",
        _declared("ngsi-ld", "a/{agency}/{thing}", AIR, {"format": "ngsi-ld"}),
        "a/demo/t",
        _ngsi_ld_message,
        _ngsi_ld,
    ),
    Kind(
        "thingsboard",
        _declared("thingsboard", "a/{agency}/{thing}", AIR, {"format": "thingsboard"}),
        "a/demo/t",
        _thingsboard_message,
        _thingsboard,
    ),
    Kind(
        "sensorthings",
        _declared(
            "sensorthings", "v1.1/{agency}/Observations", {"result": AIR["temperature"]}, {"format": "sensorthings"}
        ),
        "v1.1/Datastreams(42)/Observations",
        _sensorthings_message,
        _sensorthings,
    ),
)

"""Sensor.Community (luftdaten.info), as the airRohr firmware sends it: a list of value types and values, all text.

Keys are the firmware's: `SDS_P1` is PM10 and `SDS_P2` PM2.5 in µg/m³, `BME280_pressure` is in Pa. There is no time: the
message is of when it came. Source: https://github.com/opendata-stuttgart/sensors-software (airrohr-firmware).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, NoOptions, Raw, Record, Session
from sensors.payload import Refused, kind, read_json

_NAMES = ("esp8266id", "esp32id", "raspiid")
_VALUES = "sensordatavalues"


class SensorCommunity:
    """One flat record a message; the keys beside the list stay as they are."""

    name = "sensor-community"
    title = "Sensor.Community (airRohr)"
    Options = NoOptions
    time = Time(field="@time", default="received")
    numeric_text = True
    example = FormatExample(
        template="airrohr/{agency}",
        topic="airrohr/demo",
        payload=b'{"esp8266id":"9372054","software_version":"NRZ-2020-129","sensordatavalues":['
        b'{"value_type":"SDS_P1","value":"18.83"},{"value_type":"BME280_pressure","value":"98712.03"}]}',
        records=(
            {
                "@thing": "9372054",
                "software_version": "NRZ-2020-129",
                "SDS_P1": "18.83",
                "BME280_pressure": "98712.03",
                "@unit:BME280_pressure": "Pa",
            },
        ),
    )

    def decoder(self, options: NoOptions) -> Decode:
        """See the module."""

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            content = read_json(raw.payload)
            values = content.get(_VALUES) if isinstance(content, dict) else None
            if not isinstance(values, list):
                raise Refused(
                    RejectReason.WRONG_SHAPE, f"expected an object with the list {_VALUES}, got {kind(content)}"
                )
            record: Record = {}
            faults = []
            for key, value in content.items():
                if key in _NAMES and isinstance(value, str | int):
                    record["@thing"] = str(value)
                elif key.startswith("@"):
                    faults.append(f"{key[:50]!r} begins with @, which is the format's own mark")
                elif key != _VALUES:
                    record[key] = value
            faults += [fault for i, item in enumerate(values) if (fault := _add(record, item, i))]
            if not record and not faults:
                raise Refused(RejectReason.WRONG_SHAPE, f"expected a Thing or values in {_VALUES}, got neither")
            if faults:
                record["@fault"] = "; ".join(faults[:5])
            return [record]

        return decode


def _add(record: Record, item: Any, index: int) -> str | None:
    """Takes one value in; returns what is wrong with it."""
    key = item.get("value_type") if isinstance(item, dict) else None
    if not isinstance(key, str) or not key or key[0] == "@" or "value" not in item:
        return f"expected an object with value_type and value at $.{_VALUES}[{index}], got {kind(item)}"
    if key in record:
        return f"{key[:50]} stands twice, again at $.{_VALUES}[{index}]"
    record[key] = item["value"]
    if key.endswith("pressure"):
        record[f"@unit:{key}"] = "Pa"
    return None


FORMAT = SensorCommunity()

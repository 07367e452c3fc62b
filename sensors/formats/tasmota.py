"""Tasmota's telemetry: `tele/…/SENSOR` and `STATE`, and `stat/…/STATUS8`, which wraps the same in `StatusSNS`.

Records stay nested: a property's field is a path such as `["BME280", "Temperature"]`. `TempUnit` and `PressureUnit` become
the units of the temperatures and pressures, as UCUM codes, because the bare `C` of the device is the coulomb there.

`Time` is local and names no zone: the type must. Where the device is set to tell seconds since 1970 as well (`Time 2`) or
alone (`Time 3`), those count, for they are UTC. A clock that has not been set yet tells 1970: that is no time.
Source: https://tasmota.github.io/docs/Commands (Time, TelePeriod) and support_command of the firmware.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, NoOptions, Raw, Record, Session
from sensors.payload import Refused, kind, read_json

_UNITS = {
    "TempUnit": ({"C": "Cel", "F": "[degF]"}, ("Temperature", "DewPoint", "HeatIndex", "OBJTMP", "AMBTMP")),
    "PressureUnit": (
        {"hPa": "hPa", "mmHg": "mm[Hg]", "inHg": "[in_i'Hg]"},
        ("Pressure", "SeaPressure"),
    ),
}
"""Key of the unit → the device's word → UCUM, and how the keys that it goes for begin."""
_NOT_SET = 86_400 * 365
"""Seconds since 1970. Earlier is a clock that counts from its start."""
_DEEPEST = 10


class Tasmota:
    """One nested record a message."""

    name = "tasmota"
    title = "Tasmota telemetry"
    Options = NoOptions
    time = Time(field="@time")
    numeric_text = False
    example = FormatExample(
        template="tele/{thing}/SENSOR",
        topic="tele/terrace/SENSOR",
        payload=b'{"Time":"2023-05-21T01:06:38","BME280":{"Temperature":20.5,"Humidity":53.1,"Pressure":977.0},'
        b'"SDS0X1":{"PM2.5":11.8,"PM10":null},"PressureUnit":"hPa","TempUnit":"C"}',
        records=(
            {
                "@time": "2023-05-21T01:06:38",
                "BME280": {"Temperature": 20.5, "Humidity": 53.1, "Pressure": 977.0},
                "SDS0X1": {"PM2.5": 11.8, "PM10": None},
                "@unit:BME280/Temperature": "Cel",
                "@unit:BME280/Pressure": "hPa",
            },
        ),
    )

    def decoder(self, options: NoOptions) -> Decode:
        """See the module."""

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            if raw.topic.endswith("/LWT"):  # Online or Offline: the broker says it, not the device
                return ()
            content = read_json(raw.payload)
            if isinstance(content, dict) and isinstance(content.get("StatusSNS"), dict):
                content = content["StatusSNS"]
            if not isinstance(content, dict) or not content:
                got = "an empty one" if content == {} else kind(content)
                raise Refused(RejectReason.WRONG_SHAPE, f"expected an object with sensors, got {got}")
            record: Record = {key: value for key, value in content.items() if not key.startswith("@")}
            if len(record) < len(content):
                record["@fault"] = "a key of the payload begins with @, which is the format's own mark"
            time = _time(record.pop("Time", None), record.pop("Epoch", None))
            if time is not None:
                record["@time"] = time
            for unit_key, (codes, beginnings) in _UNITS.items():
                word = record.pop(unit_key, None)
                if isinstance(word, str):
                    for path in tuple(_paths(record, beginnings)):
                        record["@unit:" + "/".join(path)] = codes.get(word, word)
            return [record]

        return decode


def _time(local: Any, epoch: Any) -> Any:
    """ISO text: UTC where the device tells seconds, else as it came."""
    seconds = epoch if _is_number(epoch) else local
    if _is_number(seconds):
        if not _NOT_SET <= seconds < 253_402_300_800:  # 10000-01-01
            return None
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    return None if isinstance(local, str) and local.startswith("1970-") else local


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _paths(record: Record, beginnings: tuple[str, ...], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where the values are whose key begins so."""
    for key, value in record.items():
        if isinstance(value, dict):
            if len(above) < _DEEPEST:
                yield from _paths(value, beginnings, (*above, key))
        elif key.startswith(beginnings):
            yield (*above, key)


FORMAT = Tasmota()

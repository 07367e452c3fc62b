"""What LoRaWAN network servers have in common, whichever of them sent the message: Cayenne LPP, the best of the gateways
that heard an uplink, and one time for an uplink that two servers heard.

Not here: the messages themselves; each server's are a payload format.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from aedilis.vocabulary import RejectReason
from sensors.format import Record
from sensors.payload import Refused

_SAME_UPLINK = 10_000_000
"""µs between two copies of one uplink; a device repeats an unconfirmed one within seconds."""
_DEVICES = 100_000
"""Devices whose latest uplink is remembered."""

_CAYENNE: dict[int, tuple[str, tuple[str, ...], int, bool, tuple[int, ...]]] = {
    0: ("digital_in", (), 1, False, (1,)),
    1: ("digital_out", (), 1, False, (1,)),
    2: ("analog_in", (), 2, True, (100,)),
    3: ("analog_out", (), 2, True, (100,)),
    100: ("generic", (), 4, False, (1,)),
    101: ("luminosity", (), 2, False, (1,)),
    102: ("presence", (), 1, False, (1,)),
    103: ("temperature", (), 2, True, (10,)),
    104: ("relative_humidity", (), 1, False, (2,)),
    113: ("accelerometer", ("x", "y", "z"), 2, True, (1000, 1000, 1000)),
    115: ("barometric_pressure", (), 2, False, (10,)),
    116: ("voltage", (), 2, False, (100,)),
    117: ("current", (), 2, False, (1000,)),
    118: ("frequency", (), 4, False, (1,)),
    120: ("percentage", (), 1, False, (1,)),
    121: ("altitude", (), 2, True, (1,)),
    122: ("load", (), 3, True, (1000,)),
    125: ("concentration", (), 2, False, (1,)),
    128: ("power", (), 2, False, (1,)),
    130: ("distance", (), 4, False, (1000,)),
    131: ("energy", (), 4, False, (1000,)),
    132: ("direction", (), 2, False, (1,)),
    133: ("unixtime", (), 4, False, (1,)),
    134: ("gyrometer", ("x", "y", "z"), 2, True, (100, 100, 100)),
    135: ("colour", ("r", "g", "b"), 1, False, (1, 1, 1)),
    136: ("gps", ("latitude", "longitude", "altitude"), 3, True, (10_000, 10_000, 100)),
    142: ("switch", (), 1, False, (1,)),
}
"""Type → name, names of its parts, bytes of each part, whether signed, and what each part is divided by.

Sources: Cayenne LPP 2.0 (myDevices), with the types that were added since as electroniccats/CayenneLPP has them; names as
The Things Stack gives them.
"""


def cayenne(data: object) -> Record:
    """The values of a Cayenne LPP payload, base64: `temperature_3` is the temperature of channel 3.

    Raises:
        Refused: it is none, is cut short, or holds a type that is not known, after which nothing can be read.
    """
    try:
        raw = base64.b64decode(data, validate=True) if isinstance(data, str) else b""
    except (binascii.Error, ValueError) as error:
        raise Refused(RejectReason.INVALID_PAYLOAD, f"expected base64, got {str(data)[:50]!r}") from error
    if not raw:
        raise Refused(RejectReason.INVALID_PAYLOAD, "expected the bytes of the device as base64")
    record: Record = {}
    at = 0
    while at < len(raw):
        if at + 1 >= len(raw) or (known := _CAYENNE.get(raw[at + 1])) is None:
            detail = f"byte {at} of {raw.hex()[:100]} begins no value of Cayenne LPP that is known"
            raise Refused(RejectReason.INVALID_PAYLOAD, detail)
        name, parts, size, signed, over = known
        start = at + 2
        at, channel = start + size * len(over), raw[at]
        if at > len(raw):
            raise Refused(RejectReason.INVALID_PAYLOAD, f"{raw.hex()[:100]} is cut short in {name}_{channel}")
        numbers = [
            int.from_bytes(raw[start + i * size : start + (i + 1) * size], "big", signed=signed) / divisor
            for i, divisor in enumerate(over)
        ]
        record[f"{name}_{channel}"] = dict(zip(parts, numbers, strict=True)) if parts else numbers[0]
    return record


def best_gateway(heard: Any, signal_to_noise: str = "snr") -> tuple[float, float] | None:
    """RSSI (dBm) and signal-to-noise ratio (dB) at the gateway that heard an uplink loudest; None where none is named.

    Zero is left out by both servers.
    """
    if type(heard) is not list:
        return None
    best: tuple[float, float] | None = None
    for gateway in heard:
        if type(gateway) is dict:
            rssi, snr = gateway.get("rssi", 0), gateway.get(signal_to_noise, 0)
            if type(rssi) in (int, float) and type(snr) in (int, float) and (best is None or rssi > best[0]):
                best = rssi, snr
    return best


def one_time(memory: dict[Any, Any], device: Any, uplink: tuple[Any, ...], time: Any, received_at: int) -> Any:
    """The time of an uplink: that of its first copy, for two network servers that heard it tell different times.

    So the copies become the same Observations, whose key is the time. `uplink` tells one from the next of its device:
    counter and bytes. The memory holds the latest uplink of each device.
    """
    known = memory.get(device)
    if known is not None and known[0] == uplink and abs(received_at - known[2]) <= _SAME_UPLINK:
        return known[1]
    if known is None and len(memory) >= _DEVICES:
        del memory[next(iter(memory))]
    memory[device] = uplink, time, received_at
    return time

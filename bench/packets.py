"""MQTT 3.1.1 PUBLISH packets of the load, rendered once; then only times, values and packet numbers are overwritten.

All packets of a load have one length, so that a batch is one block of bytes: a matrix with one row a Thing. Writing
digits into columns with numpy costs a tenth of a microsecond a value, where formatting JSON would cost a hundred times
as much, and the load generator would be what is measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Times = npt.NDArray[np.int64]

VALUE = b"00.00"
TIME = b"0000000000000000"  # µs since 1970: sixteen digits until the year 2286
NORMAL = 5_000
"""Hundredths: results are about 50.00, with noise of a standard deviation of 0.40."""
NOISE = 40.0
OUT_OF_RANGE = b"99.99"
"""The types call more than 95 suspect."""
ZONES = 64
"""The Things are spread over so many zones, as those of a city are, and so over all partitions."""
_DIGITS = np.array([list(b"%04d" % number) for number in range(10_000)], np.uint8)
_VALUE_DIGITS = np.array([0, 1, 3, 4])


@dataclass(frozen=True)
class Form:
    """How a device of the load speaks: its sensor type, the Things' names, the Observations in a message."""

    sensor_type: str
    thing: str
    in_message: int

    def payload(self, zone: bytes) -> bytes:
        """The payload with zeros for time and values."""
        if self.sensor_type == "bench-hub":
            values = b",".join(b'"p%02d":%s' % (number, VALUE) for number in range(self.in_message))
            return b'{"time":%s,"zone":"%s",%s}' % (TIME, zone, values)
        if self.sensor_type == "bench-records":
            record = b'{"time":%s,"channel":"c%02d","value":%s}'
            records = b",".join(record % (TIME, number, VALUE) for number in range(self.in_message))
            return b'{"zone":"%s","records":[%s]}' % (zone, records)
        return b'{"time":%s,"zone":"%s","value":%s}' % (TIME, zone, VALUE)


FORMS = {
    "hub": Form("bench-hub", "hub", 50),
    "records": Form("bench-records", "gateway", 50),
    "single": Form("bench-single", "single", 1),
}


def _remaining_length(length: int) -> bytes:
    out = bytearray()
    while True:
        length, low = divmod(length, 128)
        out.append(low | (128 if length else 0))
        if not length:
            return bytes(out)


def topic_of(form: Form, agency: str, number: int, prefix: str = "") -> str:
    """The topic of a Thing of the load."""
    return f"{prefix}city/{agency}/{form.thing}-{number:06}/{form.sensor_type}"


class Packets:
    """The packets of all Things, in rounds: message k is of Thing k modulo their number."""

    def __init__(self, form: Form, things: int, qos: int, *, agency: str, prefix: str = "", seed: int = 0) -> None:
        self.form = form
        self.things = things
        self.qos = qos
        rendered = [self._render(form, qos, agency, prefix, number) for number in range(things)]
        self.size = len(rendered[0])
        """Bytes of a packet."""
        self._matrix = np.frombuffer(b"".join(rendered), np.uint8).reshape(things, self.size).copy()
        self.number_at = self.size - len(form.payload(b"z00")) - 2
        """Where the packet's number stands, with QoS 1."""
        self._times = _columns(rendered[0], TIME)
        self._values = _columns(rendered[0], VALUE, after=b":")
        rng = np.random.default_rng(seed)
        noise = np.clip(rng.normal(NORMAL, NOISE, 1 << 20), 1_000, 9_400)
        self._noise = noise.astype(np.int64)
        self._rng = rng
        self._number = 0

    @staticmethod
    def _render(form: Form, qos: int, agency: str, prefix: str, number: int) -> bytes:
        topic = topic_of(form, agency, number, prefix).encode()
        payload = form.payload(b"z%02d" % (number % ZONES))
        rest = len(topic).to_bytes(2, "big") + topic + (b"\0\0" if qos else b"") + payload
        return bytes([0x30 | qos << 1]) + _remaining_length(len(rest)) + rest

    def block(self, first: int, wanted: int, times: Times, every: int = 0) -> memoryview:
        """The bytes of messages `first` … of at most `wanted`, as many as there are until the last Thing.

        `times` (µs, one a message) are at least as many. With `every`, one Thing in so many says a value out of range,
        in each round others; they are back in range in the next round. The bytes are good until the next call.
        """
        start = first % self.things
        count = min(wanted, self.things - start)
        rows = self._matrix[start : start + count]
        self._write_times(rows, times[:count])
        self._write_values(rows)
        if every:
            self._write_faults(rows, start, first // self.things, every)
        if self.qos:
            numbers = (self._number + np.arange(count)) % 65_535 + 1
            self._number = int(numbers[-1])
            rows[:, self.number_at] = numbers >> 8
            rows[:, self.number_at + 1] = numbers & 255
        return rows.data.cast("B")

    def _write_times(self, rows: Bytes, times: Times) -> None:
        parts = (times[:, None] // np.array([10**12, 10**8, 10**4, 1])) % 10_000
        digits = _DIGITS[parts].reshape(len(times), 1, len(TIME))
        if len(self._times) == 1:
            rows[:, self._times[0] : self._times[0] + len(TIME)] = digits[:, 0]
        else:
            rows[:, self._times[:, None] + np.arange(len(TIME))] = digits

    def _write_values(self, rows: Bytes) -> None:
        wanted = len(rows) * len(self._values)
        at = int(self._rng.integers(0, len(self._noise)))
        numbers = np.take(self._noise, np.arange(at, at + wanted), mode="wrap")
        digits = _DIGITS[numbers].reshape(len(rows), -1)
        rows[:, (self._values[:, None] + _VALUE_DIGITS).ravel()] = digits

    def _write_faults(self, rows: Bytes, start: int, turn: int, every: int) -> None:
        chosen = rows[(turn - start) % every :: every]
        at = int(self._values[0])
        chosen[:, at : at + len(OUT_OF_RANGE)] = np.frombuffer(OUT_OF_RANGE, np.uint8)


def _columns(packet: bytes, what: bytes, after: bytes = b"") -> npt.NDArray[np.intp]:
    """Where this stands in a packet."""
    places = []
    at = packet.find(after + what)
    while at >= 0:
        places.append(at + len(after))
        at = packet.find(after + what, at + len(what))
    return np.array(places, np.intp)

"""HJ 212: frames of China's monitoring stations, `##0223ST=22;CN=2011;…;CP=&&DataTime=…;SO2-Rtd=19.0,SO2-Flag=N&&4380`.

A payload holds one frame or several. Keys are the factor as the frame writes it, with the suffix of what it is: `SO2-Rtd`
(at the moment), `a34004-Avg`, `-Min`, `-Max`, `-Cou` (over the period that the command names). Vendors use names, the
numbers of 2005 or the codes of 2017: the type's fields say which. Values are text. `Flag` of a factor is the flag of all
its values. What a frame says of itself stands in `@thing` (MN), `@system` (ST), `@command` (CN) and `@version`.

`DataTime` is local: the type names the zone. A part of a message that was split (PNUM, PNO) and repeats no time takes that
of the parts before it.

The checksum decides what was sent; the declared length, which several vendors count with the checksum and the line end,
only where a type lets the checksum be missing. Sources: HJ/T 212-2005, HJ 212-2017, HJ 212-2025 (in force 2026-01-01).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, Raw, Record, Session
from sensors.payload import Refused

_FRAME = re.compile(rb"##(\d{4})")
_TAIL = re.compile(rb"\s*([0-9A-Fa-f]{0,4})(?:\s|\\[rn])*")
"""After the segment: the checksum, which some write without its leading zeros, and the line end, which some write as text."""
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(\d{1,6})?")
_VERSIONS = {0: "2005", 1: "2017", 2: "2025"}
_LENGTH_AHEAD = (0, 4, 6)
"""What vendors count beside the segment: nothing, the checksum, the checksum and the line end."""
_SPLIT_KEPT = 1_000
"""Messages whose parts are still to come, over all stations."""
_TOLD = 5


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        register = byte
        for _ in range(8):
            register = (register >> 1) ^ 0xA001 if register & 1 else register >> 1
        table.append(register)
    return tuple(table)


_CRC = _table()


def checksum(segment: bytes) -> int:
    """The CRC of a segment, from ST or QN to the last `&&`. It is not that of Modbus: each byte goes into the register
    that was shifted first, so that its high half is lost before the eight rounds. HJ 212-2017, annex A.
    """
    register, table = 0xFFFF, _CRC
    for byte in segment:
        register = table[(register >> 8) ^ byte]
    return register


class Hj212Options(BaseModel):
    """Which frames count, and how strictly."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    commands: tuple[str, ...] = Field(
        ("2011", "2021", "2031", "2041", "2051", "2061"),
        description="CN of frames whose values are read; others tell nothing to store",
    )
    systems: tuple[str, ...] = Field((), description="ST of frames that are accepted; empty: all")
    without_checksum: bool = Field(False, description="whether a frame may lack its checksum; its length must be right")


class _Frame(NamedTuple):
    head: dict[str, str]
    content: str  # between CP=&& and &&


class Hj212:
    """A record for each time in each frame."""

    name = "hj212"
    title = "HJ 212 (2005, 2017, 2025)"
    Options = Hj212Options
    time = Time(field="@time")
    numeric_text = True
    example = FormatExample(
        template="hj212/{agency}",
        topic="hj212/demo",
        payload=b"##0223ST=22;CN=2011;PW=123456;MN=C037800AM2011;CP=&&DataTime=20180328235000;SO2-Rtd=19.0,SO2-Flag=N;"
        b"NO2-Rtd=25.0,NO2-Flag=N;CO-Rtd=0.687,CO-Flag=N;O3-Rtd=76.0,O3-Flag=N;PM25-Rtd=75.0,PM25-Flag=N;"
        b"PM10-Rtd=374.0,PM10-Flag=N&&4380\r\n",
        records=(
            {
                "@thing": "C037800AM2011",
                "@system": "22",
                "@command": "2011",
                "@version": "2005",
                "@time": "2018-03-28T23:50:00",
                "SO2-Rtd": "19.0",
                "@flag:SO2-Rtd": "N",
                "NO2-Rtd": "25.0",
                "@flag:NO2-Rtd": "N",
                "CO-Rtd": "0.687",
                "@flag:CO-Rtd": "N",
                "O3-Rtd": "76.0",
                "@flag:O3-Rtd": "N",
                "PM25-Rtd": "75.0",
                "@flag:PM25-Rtd": "N",
                "PM10-Rtd": "374.0",
                "@flag:PM10-Rtd": "N",
            },
        ),
    )

    def decoder(self, options: Hj212Options) -> Decode:
        """See the module."""

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            records: list[Record] = []
            refused: list[Refused] = []
            for piece in _pieces(raw.payload):
                try:
                    frame = _frame(piece, options)
                    records += _records(frame, options, session)
                except Refused as fault:
                    refused.append(fault)
            if refused and not records:
                raise refused[0]
            if refused:
                records.append({"@fault": _told([str(fault) for fault in refused])})
            return records

        return decode


def _told(faults: Sequence[str]) -> str:
    more = f"; {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
    return "; ".join(faults[:_TOLD]) + more


def _pieces(payload: bytes) -> Iterator[bytes]:
    """The payload, cut where frames begin."""
    starts = [found.start() for found in _FRAME.finditer(payload)]
    if not starts or payload[: starts[0]].strip():
        shown = payload[:20].decode(errors="replace")
        raise Refused(RejectReason.INVALID_PAYLOAD, f"expected ## and four digits at the beginning, got {shown!r}")
    for start, end in zip(starts, [*starts[1:], len(payload)], strict=True):
        yield payload[start:end]


def _frame(piece: bytes, options: Hj212Options) -> _Frame:
    """A frame whose bytes are those that were sent."""
    end = piece.rfind(b"&&") + 2
    declared, segment = int(piece[2:6]), piece[6:end]
    tail = _TAIL.fullmatch(piece, max(end, 6))
    begin = segment.find(b"CP=&")
    if tail is None or begin < 0 or len(segment) < begin + 6:
        raise Refused(
            RejectReason.INVALID_PAYLOAD,
            f"expected CP=&&…&& and a checksum in a frame of {declared} bytes, got {len(piece) - 6}: cut off?",
        )
    if tail[1]:
        counted, written = checksum(segment), int(tail[1], 16)
        if counted != written:
            raise Refused(
                RejectReason.BAD_CHECKSUM,
                f"expected {counted:04X}, got {written:04X}; declared length {declared}, got {len(segment)}",
            )
    elif not options.without_checksum:
        raise Refused(RejectReason.BAD_CHECKSUM, "there is none; the type may say without_checksum = true")
    elif declared - len(segment) not in _LENGTH_AHEAD:
        raise Refused(
            RejectReason.BAD_CHECKSUM, f"there is none, and the length is {len(segment)}, not {declared} as declared"
        )
    head = dict(pair for pair in map(_pair, _text(segment[:begin]).split(";")) if pair)
    return _Frame(head, _text(segment[begin + 4 : -2]).removeprefix("&"))


def _text(data: bytes) -> str:
    for encoding in ("utf-8", "gbk"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused(RejectReason.INVALID_UTF8, "neither UTF-8 nor GBK")


def _pair(item: str) -> tuple[str, str] | None:
    key, mark, value = item.partition("=")
    key = key.strip()
    return (key, value.strip()) if mark and key else None


def _records(frame: _Frame, options: Hj212Options, session: Session) -> list[Record]:
    head = frame.head
    command, system = head.get("CN", ""), head.get("ST", "")
    if not command:
        raise Refused(RejectReason.INVALID_PAYLOAD, f"expected CN=… before CP, got {', '.join(head) or 'nothing'}")
    if command not in options.commands:
        return []
    if options.systems and system not in options.systems:
        raise Refused(RejectReason.WRONG_SHAPE, f"expected ST of {list(options.systems)}, got {system[:20]!r}")
    record: Record = {"@system": system, "@command": command, "@version": _version(head.get("Flag", "0"))}
    if head.get("MN"):
        record["@thing"] = head["MN"]
    records = [_Reading(dict(record))]
    faults = []
    for item in frame.content.replace(",", ";").split(";"):
        key, mark, value = item.partition("=")
        key, value = key.strip(), value.strip()
        if not mark or not key:
            if mark or key:
                faults.append(f"expected key=value, got {item[:50]!r}")
        elif key == "DataTime":
            if records[-1].time is not None or records[-1].values:
                records.append(_Reading(dict(record)))
            records[-1].time = _time(value)
        else:
            fault = records[-1].add(key, value)
            if fault:
                faults.append(fault)
    _join(head, records, session)
    made = [one.record() for one in records if one.values]
    if faults:
        made.append({"@fault": _told(faults)})
    if not made:
        raise Refused(RejectReason.WRONG_SHAPE, f"expected values in a frame of CN={command}, got none")
    return made


def _version(flag: str) -> str:
    number = int(flag) >> 2 if flag.isascii() and flag.isdecimal() and len(flag) < 4 else 0
    return _VERSIONS.get(number, f"unknown ({flag})")


def _time(written: str) -> str:
    """As ISO text; as it came where it is none."""
    found = _TIME.fullmatch(written)
    if found is None:
        return written
    year, month, day, hour, minute, second, fraction = found.groups()
    return f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}" + (f".{fraction}" if fraction else "")


class _Reading:
    """What a frame says of one time."""

    def __init__(self, about: Record) -> None:
        self.about = about
        self.time: str | None = None
        self.values: dict[str, str] = {}
        self.flags: dict[str, str] = {}  # of a factor; "" of all

    def add(self, key: str, value: str) -> str | None:
        """Takes an item in; returns what is wrong with it."""
        if key == "Flag" or key[-5:] == "-Flag":
            target, name = self.flags, key[:-5]
        else:
            target, name = self.values, key
        if key[0] == "@":
            return f"{key[:50]!r} begins with @, which is the format's own mark"
        if target.setdefault(name, value) != value:
            return f"{key[:50]} stands twice: {target[name][:50]} and {value[:50]}"
        return None

    def record(self) -> Record:
        made = dict(self.about)
        if self.time is not None:
            made["@time"] = self.time
        for key, value in self.values.items():
            made[key] = value or None
            flag = self.flags.get(key.rpartition("-")[0]) or self.flags.get("")
            if flag:
                made[f"@flag:{key}"] = flag
        return made


def _join(head: dict[str, str], records: list[_Reading], session: Session) -> None:
    """Gives a part of a split message the time of the parts before it."""
    if head.get("PNUM", "1") in ("", "0", "1"):
        return
    message = (head.get("MN"), head.get("CN"), head.get("QN"))
    if records[0].time is None:
        records[0].time = session.memory.get(message)
    session.memory.pop(message, None)
    if head.get("PNO") != head.get("PNUM") and records[-1].time is not None:
        session.memory[message] = records[-1].time
        if len(session.memory) > _SPLIT_KEPT:
            del session.memory[next(iter(session.memory))]


FORMAT = Hj212()

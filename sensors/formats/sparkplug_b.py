"""Sparkplug B: protobuf messages of edge nodes and their devices, which announce themselves before they speak.

A type declares the topics `spBv1.0/{group}/{message}/{node}` and `spBv1.0/{group}/{message}/{node}/{device}`; it needs them
all, because NBIRTH and DBIRTH say what the aliases and types of the data are. A Thing is `node` or `node/device`. Each
metric is a value under its name, and each time of a message is a record.

What the announcements decide: names behind aliases, and whether an integer is signed, for both travel unsigned. Where data
come without them the node is asked for a rebirth (NCMD), as after a gap in its sequence numbers, and at most every
`_REBIRTH_EVERY`. MQTT keeps the order within a topic only: a death of an older session ends no newer one, and a birth that
was overtaken by its own death revives nothing. Source: Sparkplug 3.0.0, chapters 5 and 6.

```
  NBIRTH ──► alive ◄── NBIRTH (a newer session, or the same again)
               │ NDEATH of this session or a newer one
               ▼
             dead ──► NBIRTH of a newer session, or later than `_OVERTAKEN`: alive
```
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, NoOptions, Raw, Record, Session
from sensors.payload import Refused

_REBIRTH_EVERY = 30_000_000
"""µs. A node that cannot answer is not asked with each of its messages."""
_OVERTAKEN = 1_000_000
"""µs after a death in which a birth of the same session is taken for one that was on its way when the node died."""
_KINDS = ("NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH")
_COMMANDS = ("NCMD", "DCMD")
_CONTROL = ("Node Control/", "Device Control/")
_TOLD = 5


class _Type(IntEnum):
    """Data types of metrics; those that are not named here carry no single value."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    BOOLEAN = 11


_SIGNED: dict[int, int] = {_Type.INT8: 8, _Type.INT16: 16, _Type.INT32: 32, _Type.INT64: 64}
_NO_SINGLE_VALUE = {
    "bytes_value": "bytes, a file or an array",
    "dataset_value": "a data set",
    "template_value": "a template",
    "extension_value": "an extension",
}


def _message_class() -> Any:
    """The class of a payload, made from its fields, so that no generator is needed. What may nest (data sets, templates) is
    left as bytes; text too, for what is no UTF-8 must be told.
    """
    field = descriptor_pb2.FieldDescriptorProto
    one, many, unsigned, small = field.LABEL_OPTIONAL, field.LABEL_REPEATED, field.TYPE_UINT64, field.TYPE_UINT32
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_b.proto", package="sparkplug_b", syntax="proto2")
    payload = file.message_type.add(name="Payload")
    metric = file.message_type.add(name="Metric")
    for name, number, kind, label in (
        ("timestamp", 1, unsigned, one),  # ms since 1970 UTC
        ("metrics", 2, field.TYPE_MESSAGE, many),
        ("seq", 3, unsigned, one),
        ("uuid", 4, field.TYPE_BYTES, one),
        ("body", 5, field.TYPE_BYTES, one),
    ):
        payload.field.add(name=name, number=number, type=kind, label=label)
    payload.field[1].type_name = ".sparkplug_b.Metric"
    for name, number, kind in (
        ("name", 1, field.TYPE_BYTES),
        ("alias", 2, unsigned),
        ("timestamp", 3, unsigned),
        ("datatype", 4, small),
        ("is_historical", 5, field.TYPE_BOOL),
        ("is_null", 7, field.TYPE_BOOL),
    ):
        metric.field.add(name=name, number=number, type=kind, label=one)
    metric.oneof_decl.add(name="value")
    for name, number, kind in (
        ("int_value", 10, small),
        ("long_value", 11, unsigned),
        ("float_value", 12, field.TYPE_FLOAT),
        ("double_value", 13, field.TYPE_DOUBLE),
        ("boolean_value", 14, field.TYPE_BOOL),
        ("string_value", 15, field.TYPE_BYTES),
        ("bytes_value", 16, field.TYPE_BYTES),
        ("dataset_value", 17, field.TYPE_BYTES),
        ("template_value", 18, field.TYPE_BYTES),
        ("extension_value", 19, field.TYPE_BYTES),
    ):
        metric.field.add(name=name, number=number, type=kind, label=one, oneof_index=0)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("sparkplug_b.Payload"))


_Payload = _message_class()


def encode(*metrics: dict[str, Any], **payload: Any) -> bytes:
    """A message of these metrics, with the fields of the public definition; text is bytes."""
    message = _Payload(**payload)
    for metric in metrics:
        message.metrics.add(**metric)
    return bytes(message.SerializeToString())


class _Address(NamedTuple):
    group: str
    kind: str
    node: str
    device: str | None

    @property
    def thing(self) -> str:
        return self.node if self.device is None else f"{self.node}/{self.device}"


class _Announced:
    """What a BIRTH said."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}  # of aliases
        self.types: dict[str, int] = {}  # of names


_NOTHING = _Announced()


class _Node:
    """What is known of an edge node."""

    def __init__(self) -> None:
        self.alive: bool | None = None  # None: neither birth nor death was seen
        self.session: int | None = None  # bdSeq of the last session that was born or died
        self.born = 0  # ms, by the node's clock
        self.died_at = 0  # µs, when it was received
        self.sequence: int | None = None
        self.heard_at = 0
        self.asked_at: int | None = None
        self.announced: dict[str | None, _Announced] = {}  # by device; None is the node itself

    def is_late_birth(self, session: int | None, born: int, at: int) -> bool:
        """Whether this birth is of a session that has ended."""
        if self.alive is None or session is None or self.session is None:
            return False
        older = 0 < (self.session - session) % 256 < 128
        if born and born < self.born and (older or at < self.heard_at):
            return True
        return self.alive is False and (older or session == self.session) and abs(at - self.died_at) < _OVERTAKEN

    def is_late_death(self, session: int | None) -> bool:
        """Whether this death is of a session that ended before."""
        if session is None or self.session is None:
            return False
        return 0 < (self.session - session) % 256 < 128

    def follows(self, sequence: int, at: int) -> bool:
        """Takes a sequence number in; whether none was left out before it. What is sent again from the log is older than
        what was heard last, and is no part of the sequence.
        """
        if at < self.heard_at:
            return True
        before, self.sequence, self.heard_at = self.sequence, sequence, at
        return before is None or sequence == before or sequence == (before + 1) % 256


class SparkplugB:
    """A record for each time in a message."""

    name = "sparkplug-b"
    title = "Sparkplug B"
    Options = NoOptions
    time = Time(field="@time", form="epoch_ms")
    numeric_text = False
    example = FormatExample(
        template="spBv1.0/{group}/{message}/{node}/{device}",
        topic="spBv1.0/demo/DDATA/gateway-1/cold-room-3",
        payload=encode(
            {"alias": 1, "int_value": 0xFFFF_FFEE, "timestamp": 1_700_000_060_000},
            {"alias": 2, "boolean_value": False, "timestamp": 1_700_000_060_000},
            {"alias": 1, "int_value": 0xFFFF_FFED, "timestamp": 1_700_000_000_500, "is_historical": True},
            timestamp=1_700_000_060_100,
            seq=2,
        ),
        records=(
            {"@thing": "gateway-1/cold-room-3", "@time": 1_700_000_060_000, "temperature": -18, "door": False},
            {"@thing": "gateway-1/cold-room-3", "@time": 1_700_000_000_500, "temperature": -19},
        ),
        before=(
            (
                "spBv1.0/demo/NBIRTH/gateway-1",
                encode({"name": b"bdSeq", "datatype": 4, "long_value": 0}, timestamp=1_700_000_000_000, seq=0),
            ),
            (
                "spBv1.0/demo/DBIRTH/gateway-1/cold-room-3",
                encode(
                    {"name": b"temperature", "alias": 1, "datatype": 2, "int_value": 0xFFFF_FFEF},
                    {"name": b"door", "alias": 2, "datatype": 11, "boolean_value": True},
                    timestamp=1_700_000_000_000,
                    seq=1,
                ),
            ),
        ),
    )

    def decoder(self, options: NoOptions) -> Decode:
        """See the module."""
        return _decode


def _decode(raw: Raw, session: Session) -> Sequence[Record]:
    address = _address(raw.topic)
    if address is None:
        return ()
    payload = _read(raw.payload)
    key = (address.group, address.node)
    node: _Node = session.memory.setdefault(key, _Node())
    if address.kind.endswith("DEATH"):
        _death(address, payload, node, raw, session)
        return ()
    if address.kind == "NBIRTH":
        announced = _born(address, payload, node, raw, session)
    else:
        if payload.HasField("seq") and not node.follows(payload.seq, raw.received_at):
            _ask(address, node, raw, session)
        if address.kind == "DBIRTH":
            announced = _device_born(address, payload, node, raw, session)
        else:
            announced = node.announced.get(address.device, _NOTHING)
    records, unknown, faults = _records(payload, announced, address.thing)
    if unknown or announced is _NOTHING:
        _ask(address, node, raw, session)
    if unknown:
        detail = f"{address.thing} has sent no BIRTH that tells {_told(unknown)}; a rebirth is asked for"
        if not records:
            raise Refused(RejectReason.NOT_ANNOUNCED, detail)
        faults.insert(0, f"{RejectReason.NOT_ANNOUNCED}: {detail}")
    if faults:
        records.append({"@fault": _told(faults)})
    if not records and address.kind.endswith("DATA") and not payload.metrics:
        raise Refused(RejectReason.INVALID_PAYLOAD, "expected metrics, got none")
    return records


def _told(faults: Sequence[str]) -> str:
    more = f"; {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
    return "; ".join(faults[:_TOLD]) + more


def _address(topic: str) -> _Address | None:
    """Who says what; none where a host speaks."""
    levels = topic.split("/")
    if levels[0] == "STATE" or levels[:2] == ["spBv1.0", "STATE"]:
        return None
    if levels[0] == "spBv1.0" and len(levels) in (4, 5):
        device = levels[4] if len(levels) == 5 else None
        kind = levels[2]
        if kind in _COMMANDS:
            return None
        if kind in _KINDS and (kind[0] == "D") == (device is not None):
            return _Address(levels[1], kind, levels[3], device)
    raise Refused(
        RejectReason.INVALID_PAYLOAD,
        f"expected a topic spBv1.0/GROUP/MESSAGE/NODE or …/NODE/DEVICE with {', '.join(_KINDS)}, got {topic[:100]!r}",
    )


def _read(content: bytes) -> Any:
    try:
        payload = _Payload.FromString(content)
    except DecodeError as error:
        raise Refused(RejectReason.INVALID_PAYLOAD, f"expected a Sparkplug B message: {str(error)[:100]}") from error
    if payload.body:
        raise Refused(RejectReason.INVALID_PAYLOAD, "its content is compressed or a format of its own (body)")
    return payload


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Refused(RejectReason.INVALID_UTF8, str(error)[:200]) from error


def _bd_seq(payload: Any) -> int | None:
    """The number of a node's session, 0 to 255."""
    for metric in payload.metrics:
        if metric.name == b"bdSeq" and metric.WhichOneof("value") in ("int_value", "long_value"):
            return int(metric.long_value or metric.int_value) % 256
    return None


# ---------------------------------------------------------------- births and deaths


def _born(address: _Address, payload: Any, node: _Node, raw: Raw, session: Session) -> _Announced:
    number, born = _bd_seq(payload), payload.timestamp
    announced = _announced(payload)
    if node.is_late_birth(number, born, raw.received_at):
        _ask(address, node, raw, session)
        return announced
    node.alive, node.session, node.born = True, number, born
    node.sequence, node.heard_at = (payload.seq if payload.HasField("seq") else None), raw.received_at
    node.announced = {None: announced}  # its devices announce themselves anew
    session.keep(f"{address.group}/{address.node}")
    return announced


def _device_born(address: _Address, payload: Any, node: _Node, raw: Raw, session: Session) -> _Announced:
    announced = _announced(payload)
    if not node.alive:
        _ask(address, node, raw, session)
    if node.alive is not False and (raw.received_at >= node.heard_at or address.device not in node.announced):
        node.announced[address.device] = announced
        session.keep(f"{address.group}/{address.thing}")
    return announced


def _death(address: _Address, payload: Any, node: _Node, raw: Raw, session: Session) -> None:
    if address.kind == "DDEATH":
        if payload.HasField("seq") and not node.follows(payload.seq, raw.received_at):
            _ask(address, node, raw, session)
        node.announced.pop(address.device, None)
        session.keep(f"{address.group}/{address.thing}")
        return
    number = _bd_seq(payload)
    if node.is_late_death(number):
        return
    node.alive, node.died_at, node.sequence = False, raw.received_at, None
    node.session = node.session if number is None else number
    node.announced = {}
    session.keep(f"{address.group}/{address.node}")


def _announced(payload: Any) -> _Announced:
    made = _Announced()
    for metric in payload.metrics:
        name = _text(metric.name)
        if name:
            made.types[name] = metric.datatype
            if metric.HasField("alias"):
                other = made.names.setdefault(metric.alias, name)
                if other != name:
                    raise Refused(
                        RejectReason.INVALID_PAYLOAD,
                        f"expected an alias for each metric, got {metric.alias} for {other[:50]!r} and {name[:50]!r}",
                    )
    return made


def _ask(address: _Address, node: _Node, raw: Raw, session: Session) -> None:
    """Asks the node to announce itself and its devices again."""
    if node.asked_at is not None and raw.received_at - node.asked_at < _REBIRTH_EVERY:
        return
    node.asked_at = raw.received_at
    now = max(raw.received_at // 1000, 0)
    rebirth = {"name": b"Node Control/Rebirth", "timestamp": now, "datatype": _Type.BOOLEAN, "boolean_value": True}
    session.ask(f"spBv1.0/{address.group}/NCMD/{address.node}", encode(rebirth, timestamp=now))


# ---------------------------------------------------------------- metrics


def _records(payload: Any, announced: _Announced, thing: str) -> tuple[list[Record], list[str], list[str]]:
    """Records, what was not announced, and faults."""
    records: list[Record] = []
    by_time: dict[int | None, Record] = {}
    unknown: list[str] = []
    faults: list[str] = []
    sent = payload.timestamp if payload.HasField("timestamp") else None
    for metric in payload.metrics:
        name = _text(metric.name) or announced.names.get(metric.alias)
        if name is None:
            unknown.append(f"alias {metric.alias}" if metric.HasField("alias") else "a metric without name and alias")
            continue
        if name == "bdSeq" or name.startswith(_CONTROL):
            continue
        carried = metric.WhichOneof("value")
        kind = announced.types.get(name) or metric.datatype
        if name.startswith("@"):
            faults.append(f"{name[:50]!r} begins with @, which is the format's own mark")
            continue
        if carried in _NO_SINGLE_VALUE and not metric.is_null:
            faults.append(f"{name[:50]!r} is {_NO_SINGLE_VALUE[carried]}, which is no single value")
            continue
        if not kind and carried in ("int_value", "long_value"):
            unknown.append(f"the type of {name[:50]!r}")
            continue
        time = metric.timestamp if metric.HasField("timestamp") else sent
        record = by_time.get(time)
        if record is None or name in record:  # the same metric twice at one time: both are told
            record = by_time[time] = {"@thing": thing}
            if time is not None:
                record["@time"] = time
            records.append(record)
        record[name] = None if metric.is_null or carried is None else _value(metric, carried, kind)
    return records, unknown, faults


def _value(metric: Any, carried: str, kind: int) -> Any:
    value = getattr(metric, carried)
    if carried == "string_value":
        return _text(value)
    if carried in ("int_value", "long_value"):
        if kind == _Type.BOOLEAN:
            return value != 0
        bits = _SIGNED.get(kind)
        if bits is not None:
            value &= (1 << bits) - 1
            return value - (1 << bits) if value >> (bits - 1) else value
    return value


FORMAT = SparkplugB()

"""`aedilis bench types`: how fast messages become Observations, by the declaration alone and beside code by hand.

What is measured is what ingest does with a message: its topic's source reads the bytes into a batch, and the batch is judged.
It needs no server. Time is processor time, the least of several runs, so that another's work on the machine hardly counts.
"""

from __future__ import annotations

import gc
import importlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from aedilis.errors import BenchError
from bench import by_hand
from bench.table import Sheet
from sensors.batch import Batch, Channels
from sensors.compile import CompiledType, compile_type
from sensors.declaration import SensorType, Time
from sensors.format import Format, Memory, all_formats
from sensors.payload import Refused
from sensors.values import number_of

MESSAGES = 6_000
"""More than any cache of times holds."""
REPEATS = 7
QUICK_MESSAGES, QUICK_REPEATS = 200, 2
_NOW = by_hand.RECEIVED
_MARKS = re.compile(r"[|#,;&=\n]+")

Path = tuple[str | int, ...]


class FormatFigure(msgspec.Struct, frozen=True):
    """One payload format, by its own example, again and again. Times in µs of processor time a message."""

    format: str
    bytes: int
    observations: int
    messages_per_s: float
    declared_us: float
    parse: str  # what the ratio is to: json.loads, a split of text, or protobuf alone
    parse_us: float
    ratio: float


class HandFigure(msgspec.Struct, frozen=True):
    """One kind of message, declared and by hand. Times in µs of processor time a message."""

    kind: str
    bytes: int
    observations: int
    messages_per_s: float
    declared_us: float
    json_us: float | None  # json.loads of the same bytes
    by_hand_us: float  # with json.loads
    ratio: float
    by_hand_msgspec_us: float  # with the JSON library that the declared way uses
    ratio_msgspec: float


class Decoding(msgspec.Struct, frozen=True):
    """All of it."""

    formats: list[FormatFigure]
    by_hand: list[HandFigure]


class Reading:
    """A compiled type and what reads one of its topics."""

    def __init__(self, declaration: Mapping[str, Any], topic: str, before: Sequence[tuple[str, bytes]] = ()) -> None:
        self.compiled: CompiledType = compile_type(SensorType.model_validate(declaration))
        self._channels = Channels([self.compiled])
        self._batch = Batch()
        self._memory = Memory()
        for announced, payload in before:
            self._source(announced).read(payload, _NOW, self._batch)
        self._read = self._source(topic).read

    def _source(self, topic: str) -> Any:
        fields = self.compiled.matches(topic)
        if fields is None:
            raise BenchError(problem=f"{topic} is no topic of {self.compiled.name}", mend="correct its declaration")
        return self.compiled.source(topic, fields, self._channels, self._memory)

    def all(self, messages: Sequence[bytes]) -> int:
        """Read and judge; how many Observations came of it.

        Raises:
            BenchError: one could not be used whole, so that it is not the work that is meant.
        """
        batch = self._batch
        for message in messages:
            try:
                problems = self._read(message, _NOW, batch)
            except Refused as refused:
                problems = [(refused.reason, refused.detail, None)]
            if problems:
                raise BenchError(problem=f"{self.compiled.name}: {problems[0]}", mend="correct its declaration")
        self._channels.judged(batch)
        count = len(batch)
        batch.clear()
        return count


def run(messages: int, repeats: int, say: Callable[[str], None]) -> Decoding:
    """Every format that is found, and every kind that is written by hand as well."""
    gc.collect()
    gc.disable()
    try:
        formats, hands = [], []
        for format_ in all_formats().values():
            say(format_.name)
            formats.append(_format(format_, messages, repeats))
        for kind in by_hand.KINDS:
            say(kind.name)
            hands.append(_hand(kind, messages, repeats))
    finally:
        gc.enable()
    return Decoding(formats, hands)


def _cpu_us(work: Callable[[], object], messages: int, repeats: int) -> float:
    least = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        work()
        least = min(least, time.process_time() - began)
    return least / messages * 1e6


# ------------------------------------------------------------ by its example


def _format(format_: Format, messages: int, repeats: int) -> FormatFigure:
    example = format_.example
    reading = Reading(declaration_of(format_), example.topic, example.before)
    observations = reading.all([example.payload])
    payloads = [example.payload] * messages
    name, parse = _parse(format_.name, example.payload)
    declared_us = _cpu_us(lambda: reading.all(payloads), messages, repeats)
    parse_us = _cpu_us(lambda: [parse(payload) for payload in payloads], messages, repeats)
    return FormatFigure(
        format_.name,
        len(example.payload),
        observations,
        1e6 / declared_us,
        declared_us,
        name,
        parse_us,
        declared_us / parse_us,
    )


def declaration_of(format_: Format) -> dict[str, Any]:
    """A type that takes every number of the format's example, and nothing else of it."""
    example = format_.example
    numbers: dict[Path, str] = {}
    others: dict[Path, None] = {}
    times = ((format_.time or Time()).field,)
    for record in example.records:
        for path, value in _leaves(record):
            if path == times:
                continue
            if _is_number(value, format_.numeric_text):
                numbers[path] = record.get(f"@unit:{'/'.join(map(str, path))}", "1")
            else:
                others[path] = None
    names_thing = any("@thing" in record for record in example.records)
    thing = {} if "{agency}" in example.template else {"agency": "demo"}
    if not names_thing and "{thing}" not in example.template:
        thing["name"] = "one"
    topics = [example.template]
    topics += [topic for topic, _ in example.before if topic not in topics]
    return {
        "name": f"bench-{format_.name}",
        "version": 1,
        "title": format_.title,
        "topic": tuple(topics),
        "interval_s": 60,
        "thing": thing,
        "payload": {
            "format": format_.name,
            "options": dict(example.options),
            "ignore": [list(path) for path in others if path not in numbers],
        },
        "time": {"timezone": "UTC"} if format_.time is not None else {"field": "time", "default": "received"},
        "properties": [
            {"name": f"p{i}", "field": list(path), "unit": unit} for i, (path, unit) in enumerate(numbers.items())
        ],
        "examples": [{"topic": example.topic}],
    }


def _leaves(value: Any, above: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            if above or key[:1] != "@":
                yield from _leaves(inner, (*above, key))
    elif isinstance(value, list) and value:
        for i, inner in enumerate(value):
            yield from _leaves(inner, (*above, i))
    else:
        yield above, value


def _is_number(value: Any, numeric_text: bool) -> bool:
    if isinstance(value, str):
        return numeric_text and number_of(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _parse(name: str, payload: bytes) -> tuple[str, Callable[[bytes], object]]:
    """The least that anybody must do with these bytes."""
    try:
        json.loads(payload)
    except ValueError:
        pass
    else:
        return "json.loads", json.loads
    try:
        payload.decode()
    except UnicodeDecodeError:
        return _protobuf(name)
    return "split", lambda text: _MARKS.split(text.decode())


def _protobuf(name: str) -> tuple[str, Callable[[bytes], object]]:
    if name != "sparkplug-b":
        raise BenchError(problem=f"{name} is neither JSON nor text", mend="say in bench/formats.py what parses it")
    return "protobuf", importlib.import_module("sensors.formats.sparkplug_b")._Payload.FromString


# ------------------------------------------------------------ beside code by hand


def _hand(kind: by_hand.Kind, messages: int, repeats: int) -> HandFigure:
    payloads = [kind.message(i) for i in range(messages)]
    reading = Reading(kind.declaration, kind.topic)
    observations = reading.all(payloads)
    found: by_hand.Found = []

    def by(load: Callable[[bytes], Any]) -> None:
        found.clear()
        for payload in payloads:
            kind.by_hand(load(payload), found)

    by(json.loads if kind.is_json else bytes.decode)
    if len(found) != observations:
        raise BenchError(
            problem=f"{kind.name}: {observations} Observations declared, {len(found)} by hand",
            mend="make both read the same",
        )
    declared_us = _cpu_us(lambda: reading.all(payloads), messages, repeats)
    fast = msgspec.json.Decoder().decode
    hand_us = _cpu_us(lambda: by(json.loads if kind.is_json else bytes.decode), messages, repeats)
    fast_us = _cpu_us(lambda: by(fast), messages, repeats) if kind.is_json else hand_us
    json_us = _cpu_us(lambda: [json.loads(one) for one in payloads], messages, repeats) if kind.is_json else None
    return HandFigure(
        kind.name,
        len(payloads[-1]),
        observations // messages,
        1e6 / declared_us,
        declared_us,
        json_us,
        hand_us,
        declared_us / hand_us,
        fast_us,
        declared_us / fast_us,
    )


# ------------------------------------------------------------ as tables


def sheets(figures: Decoding) -> list[Sheet]:
    """The figures as two tables."""
    formats = [
        [
            one.format,
            str(one.bytes),
            str(one.observations),
            f"{one.messages_per_s:,.0f}",
            f"{one.declared_us:.1f}",
            one.parse,
            f"{one.parse_us:.1f}",
            f"{one.ratio:.1f}",
        ]
        for one in figures.formats
    ]
    hands = [
        [
            one.kind,
            str(one.bytes),
            str(one.observations),
            f"{one.messages_per_s:,.0f}",
            f"{one.declared_us:.1f}",
            "" if one.json_us is None else f"{one.json_us:.1f}",
            f"{one.by_hand_us:.1f}",
            f"{one.ratio:.2f}",
            f"{one.by_hand_msgspec_us:.1f}",
            f"{one.ratio_msgspec:.2f}",
        ]
        for one in figures.by_hand
    ]
    common = ["bytes", "Observations", "messages/s", "declared, µs"]
    return [
        Sheet("Each format, by its example", ["format", *common, "parse alone", "µs", "declared / parse"], formats),
        Sheet(
            "Declared and by hand",
            [
                "kind",
                *common,
                "json.loads, µs",
                "by hand, µs",
                "declared / by hand",
                "with msgspec, µs",
                "declared / that",
            ],
            hands,
        ),
    ]

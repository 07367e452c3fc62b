"""The first text of a sensor type of a payload format: written around the format's own example, so that it holds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sensors.compile import CompiledType, compile_type
from sensors.format import Format, FormatExample, Memory
from sensors.infer.write import inline
from sensors.parsing import parse
from sensors.paths import Path, key_of
from sensors.payload import Refused
from sensors.template import Template, placeholders
from sensors.units import alias

_RECEIVED = datetime(2026, 12, 1, tzinfo=UTC)
"""When the example came in."""
_HEAD = """\
# A sensor type: how messages of one kind of device become Observations. `aedilis types check` tells every fault.
# Its example is that of the format, {title}: put a message of your own device in its place, and name what it measures.
name = {name} # small letters, digits and -; for good
version = 1 # each change is a new one; `aedilis types apply --next` raises it
title = {name} # what people see
topic = {topic} # MQTT
interval_s = 300 # seconds between two messages of one Thing
allowed_lateness_s = 60 # how much later than others a message may come
"""
_GAP = """

# Tells when a Thing is silent for longer than this.
[[detectors]]
name = "gap"
parameters = { after_s = 1200 }

# One for each value. The results are in `unit` (UCUM) for good: another unit is another Datastream.
"""
_PROPERTY = """\
[[properties]]
name = {name}
field = {field} # where the message has it
unit = {unit} # what it is counted in; payload_unit, where the device has another one
{more}# fail = [-50, 80] # outside of it the sensor cannot measure

"""
Keys = tuple[str, ...]


def around(name: str, format_: Format) -> str:
    """A well-declared type of this name and format.

    Raises:
        DeclarationError: the name is none.
    """
    example = format_.example
    values, others = _leaves(example, format_)
    draft = ""
    for zone in (False, True):
        draft = "\n".join(
            [
                _HEAD.format(title=format_.title, name=inline(name), topic=_topics(example)),
                *_tables(format_, others, zone),
            ]
        )
        draft += _GAP + "".join(_property(keys, *value) for keys, value in values.items())
        draft += _sent("[[examples]]", example.topic, example.payload)
        draft += (
            f'received_at = "{_stamp(_RECEIVED)}" # where the message tells no time, its observations are of then\n'
        )
        if example.before:
            draft += f"before = [{', '.join(_inline(*one) for one in example.before)}]\n"
        found, rejects = _read(compile_type(parse(draft, name)), example)
        if found and "no_time" not in rejects:
            break
    if rejects:
        draft += f"rejects = [{', '.join(map(inline, rejects))}]\n"
    return draft + "observations = [\n" + "".join(f"  {{ {one} }},\n" for one in found) + "]\n"


def _time_field(format_: Format) -> Path:
    return "time" if format_.time is None else format_.time.field


def _topics(example: FormatExample) -> str:
    """Its form, and those of announcements that stand elsewhere."""
    forms = [example.template]
    for topic, _ in example.before:
        if all(Template(form).match(topic) is None for form in forms):
            first, *levels = topic.split("/")
            forms.append("/".join([first, *("+" for _ in levels)]))
    return inline(forms) if len(forms) > 1 else inline(forms[0])


def _tables(format_: Format, others: list[Keys], zone: bool) -> Iterator[str]:
    example = format_.example
    names = placeholders(example.template.replace("...", ""))
    tells = any("@thing" in record for record in example.records)
    if "agency" not in names or not ("thing" in names or tells):
        yield "# Who a message is of, where the topic does not tell it.\n[thing]"
        if "agency" not in names:
            yield 'agency = "demo"'
        if not ("thing" in names or tells):
            yield 'name = "my-thing"'
        yield ""
    yield f"[payload]\nformat = {inline(format_.name)}"
    if example.options:
        yield f"options = {inline(example.options)}"
    if others:
        yield f"ignore = [{', '.join(map(_path, others))}] # what may come and is not read; all else is a reject"
    if format_.time is None:
        yield '\n[time]\nfield = "time" # where the record has it'
    if zone:
        yield ("" if format_.time is None else "\n[time]\n") + 'timezone = "UTC" # of the times that name no zone'


def _property(keys: Keys, unit: str, boolean: bool) -> str:
    name, more = " ".join(keys), "boolean = true # 1 and 0\n" if boolean else ""
    return _PROPERTY.format(name=inline(name), field=_path(keys), unit=inline(unit), more=more)


def _leaves(example: FormatExample, format_: Format) -> tuple[dict[Keys, tuple[str, bool]], list[Keys]]:
    """Of all records: where numbers and booleans stand, each with its unit and whether it is a boolean; and the rest."""
    values: dict[Keys, tuple[str, bool]] = {}
    others: dict[Keys, None] = {}
    time = key_of(_time_field(format_))
    for record in example.records:
        for keys, value in _below(record, ()):
            if keys[0].startswith("@") or key_of(keys) == time:
                continue
            if value is None or isinstance(value, bool) or _is_number(value, text=format_.numeric_text):
                unit = alias(str(record.get(f"@unit:{'/'.join(keys)}", "1"))) or "1"
                values[keys] = unit, isinstance(value, bool)
            else:
                others[keys] = None
    return {keys: value for keys, value in values.items() if keys not in others}, list(others)


def _below(part: Mapping[str, Any], at: Keys) -> Iterator[tuple[Keys, Any]]:
    for key, value in part.items():
        if isinstance(value, Mapping) and not key.startswith("@"):
            yield from _below(value, (*at, key))
        else:
            yield (*at, key), value


def _is_number(value: Any, *, text: bool) -> bool:
    if isinstance(value, str) and text:
        try:
            return math.isfinite(float(value))
        except ValueError:
            return False
    return isinstance(value, int | float)


def _read(compiled: CompiledType, example: FormatExample) -> tuple[list[str], list[str]]:
    """Its observations, as an example lists them, and the reasons of what is rejected."""
    received_at, memory = round(_RECEIVED.timestamp() * 1e6), Memory()
    found, rejects = [], []
    try:
        for topic, payload in (*example.before, (example.topic, example.payload)):
            fields = compiled.matches(topic)
            assert fields is not None, f"{topic} is a topic of {example.template}"
            decoded = compiled.decode(fields, payload, received_at, topic=topic, memory=memory)
    except Refused as refused:
        return [], [str(refused.reason)]
    for one in decoded.observations:
        moment = _stamp(datetime.fromtimestamp(one.phenomenon_time / 1e6, UTC))
        told = {"datastream": one.datastream_name, "time": moment}
        if not math.isnan(one.result):
            told["result"] = one.result  # type: ignore[assignment]
        if one.quality != 1:
            told["quality"] = int(one.quality)  # type: ignore[assignment]
        found.append(", ".join(f"{key} = {inline(value)}" for key, value in told.items()))
    rejects = [str(reason) for reason, _, _ in decoded.rejects]
    return found, rejects


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


# ---------------------------------------------------------------- TOML


def _sent(head: str, topic: str, payload: bytes) -> str:
    return f"{head}\n" + "".join(f"{key} = {value}\n" for key, value in _message(topic, payload).items())


def _inline(topic: str, payload: bytes) -> str:
    return f"{{ {', '.join(f'{key} = {value}' for key, value in _message(topic, payload).items())} }}"


def _message(topic: str, payload: bytes) -> dict[str, str]:
    try:
        return {"topic": inline(topic), "payload": inline(payload.decode())}
    except UnicodeDecodeError:
        return {"topic": inline(topic), "payload_hex": inline(payload.hex())}


def _path(keys: Keys) -> str:
    return inline(keys[0]) if len(keys) == 1 else f"[{', '.join(map(inline, keys))}]"

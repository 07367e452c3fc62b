"""Whether the parts of a declaration agree with each other, and with what is outside of it: units with UCUM, names of
Datastreams with the labels, expressions with their language, options with their payload format.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from string import Formatter

from pydantic import ValidationError

from sensors.declaration import Property, SensorType
from sensors.expression import compile_expression
from sensors.faults import of_form, of_toml
from sensors.format import all_formats
from sensors.paths import Key, key_of, last_key, show
from sensors.template import Template, placeholders
from sensors.units import conversion, known, nearest

_WORD = re.compile(r"[^\W\d]\w*")


def disagreements(declared: SensorType) -> Iterator[tuple[str, str]]:
    """(path, problem) of what is right in itself and wrong together."""
    payload = declared.payload
    yield from _keys_taken_twice(declared)
    yield from _names_from_nowhere(declared)
    yield from _format_faults(declared)
    if (payload.longitude is None) != (payload.latitude is None):
        yield "$.payload", "longitude and latitude go together; name both or none"
    names: dict[str, str] = {}
    datastreams: dict[str, str] = {}
    for i, prop in enumerate(declared.properties):
        path = f"$.properties[{i}]"
        if names.setdefault(prop.name, path) != path:
            yield f"{path}.name", f"{prop.name!r} is declared at {names[prop.name]}; declare each property once"
        elif datastreams.setdefault(prop.datastream or prop.name, path) != path:
            twice = prop.datastream or prop.name
            yield f"{path}.datastream", f"{twice!r} is that of {datastreams[twice]}; give each Datastream its own name"
        if prop.fail and prop.suspect and not (prop.fail[0] <= prop.suspect[0] and prop.suspect[1] <= prop.fail[1]):
            yield f"{path}.suspect", f"expected it within fail {list(prop.fail)}, got {list(prop.suspect)}"
        for j, absent in enumerate(prop.without):
            if absent not in {use.name for use in declared.detectors}:
                yield f"{path}.without[{j}]", f"{absent!r} is no detector of the type; remove it"
    uses = [(f"$.detectors[{i}]", use) for i, use in enumerate(declared.detectors)]
    for i, prop in enumerate(declared.properties):
        uses += [(f"$.properties[{i}].detectors[{j}]", use) for j, use in enumerate(prop.detectors)]
    for path, use in uses:
        if use.close > use.open:
            yield f"{path}.close", f"expected at most open, {use.open}, got {use.close}"
    if declared.replay is not None and isinstance(declared.replay.time, dict):
        for part in ("year", "month", "day"):
            if part not in declared.replay.time:
                yield f"$.replay.time.{part}", "missing; name its column"


def _keys_taken_twice(declared: SensorType) -> Iterator[tuple[str, str]]:
    payload, time = declared.payload, declared.time
    taken: dict[Key, str] = {}
    owned = (
        ("$.time.field", time.field),
        ("$.time.result_time", time.result_time),
        ("$.payload.records", payload.records),
        ("$.payload.zone", payload.zone),
        ("$.payload.longitude", payload.longitude),
        ("$.payload.latitude", payload.latitude),
        ("$.payload.title", payload.title),
        ("$.payload.flag", payload.flag),
        *((f"$.payload.labels[{i}]", label) for i, label in enumerate(payload.labels)),
        *((f"$.properties[{i}]", prop.key) for i, prop in enumerate(declared.properties) if _reads_value(prop)),
    )
    for path, where in owned:
        if where is not None and taken.setdefault(key := key_of(where), path) != path:
            yield path, f"the payload's {show(key)} is taken by {taken[key]}; give each its own"
    shared = (
        ("$.thing.name_from", declared.thing.name_from),
        *((f"$.inputs.{name}", where) for name, where in declared.inputs.items()),
        *(
            (f"$.properties[{i}].payload_unit_from", prop.payload_unit_from)
            for i, prop in enumerate(declared.properties)
        ),
    )  # of these, several may look at one value
    for path, where in shared:
        if where is not None:
            taken.setdefault(key_of(where), path)
    for key, path in taken.items():
        if isinstance(key, tuple):
            for length in range(1, len(key)):
                if (above := taken.get(key_of(key[:length]))) is not None:
                    yield path, f"{show(key)} lies below {show(key[:length])}, which {above} takes for a value"


def _reads_value(prop: Property) -> bool:
    """Whether it stands in the payload; one without `value` in its expression is made of inputs alone."""
    return prop.compute is None or "value" in _WORD.findall(prop.compute)


def _names_from_nowhere(declared: SensorType) -> Iterator[tuple[str, str]]:
    thing = declared.thing
    name = thing.name
    if name is None and thing.name_from is None and declared.payload.format == "json":
        name = "{thing}"  # other formats may name the Thing in the message
    wanted = placeholders(thing.agency) | placeholders(name or "")
    for i, text in enumerate(declared.topics):
        path = "$.topic" if isinstance(declared.topic, str) else f"$.topic[{i}]"
        if absent := sorted(wanted - Template(text).names):
            braced = " and ".join(f"{{{one}}}" for one in absent)
            yield path, f"expected {braced} in {text!r}; put it there, or say thing.agency and thing.name otherwise"


def _format_faults(declared: SensorType) -> Iterator[tuple[str, str]]:
    payload = declared.payload
    formats = all_formats()
    if payload.format not in formats:
        close = difflib.get_close_matches(payload.format, formats, n=1)
        mend = f"do you mean {close[0]}?" if close else f"known are {', '.join(sorted(formats))}"
        yield "$.payload.format", f"{payload.format!r} is no payload format; {mend}"
        return
    format_ = formats[payload.format]
    try:
        of_toml(format_.Options, payload.options)
    except ValidationError as error:
        for fault in of_form(error, format_.Options, payload.options, "$.payload.options"):
            yield fault.path, f"{fault.problem}; {fault.mend}" if fault.mend else fault.problem
    if format_.time is None and "field" not in declared.time.model_fields_set:
        yield "$.time.field", f"missing: records of {payload.format} tell no time by themselves; name it"


def unit_faults(declared: SensorType) -> Iterator[tuple[str, str]]:
    """Units that are no codes, or do not meet."""
    for i, prop in enumerate(declared.properties):
        path = f"$.properties[{i}]"
        if not known(prop.unit):
            close = nearest(prop.unit)
            mend = (
                f"do you mean {' or '.join(close)}?" if close else "see ucum.org, or write {things} for what is counted"
            )
            yield f"{path}.unit", f"expected a UCUM code, got {prop.unit!r}; {mend}"
        elif prop.payload_unit is not None:
            try:
                conversion(prop.payload_unit, prop.unit, prop.gas)
            except ValueError as error:
                yield f"{path}.payload_unit", str(error)
        elif prop.gas is not None and prop.payload_unit_from is None:
            yield f"{path}.gas", "of no use without payload_unit or payload_unit_from; add that, or remove it"


def template_faults(declared: SensorType) -> Iterator[tuple[str, str]]:
    """Templates that name what is no label."""
    labels = [last_key(key_of(path)) for path in declared.payload.labels]
    for i, prop in enumerate(declared.properties):
        path = f"$.properties[{i}].datastream"
        try:
            parts = list(Formatter().parse(prop.datastream or ""))
        except ValueError as error:
            yield path, f"{prop.datastream!r} is no template: {error}; write a brace that is meant twice"
            continue
        for _, name, form, turned in parts:
            if name is not None and (name not in labels or form or turned):
                known_labels = f"there are {', '.join(labels)}" if labels else "there are none"
                yield path, f"{{{name}}} is not among payload.labels; {known_labels}"


def expression_faults(declared: SensorType) -> Iterator[tuple[str, str]]:
    """Expressions that cannot be compiled."""
    for i, prop in enumerate(declared.properties):
        if prop.compute is not None:
            try:
                compile_expression(prop.compute, {"value", *declared.inputs})
            except ValueError as error:
                yield f"$.properties[{i}].compute", str(error)


CHECKS = (disagreements, unit_faults, template_faults, expression_faults)

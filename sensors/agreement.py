"""Whether a declaration agrees with what is outside of it: units with UCUM, names of Datastreams with the labels,
expressions with their language.
"""

from __future__ import annotations

from collections.abc import Iterator
from string import Formatter
from typing import TYPE_CHECKING

from sensors.expression import compile_expression
from sensors.paths import key_of, last_key
from sensors.units import conversion, known, nearest

if TYPE_CHECKING:
    from sensors.declaration import SensorType


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

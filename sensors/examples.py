"""Whether a type's examples give what they say: they are its documentation and its test in one."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from aedilis.errors import DeclarationError
from sensors.compile import CompiledType
from sensors.declaration import Example
from sensors.payload import Refused

Result = tuple[str, datetime, float | None, int]
"""Datastream, time, result, quality."""


def check_examples(compiled: CompiledType, received_at: int) -> None:
    """Read each example as a message that came in at `received_at` (µs UTC).

    Raises:
        DeclarationError: one gives something else.
    """
    faults = []
    for i, example in enumerate(compiled.declared.examples):
        expected, got = _told(example), _given(compiled, example, received_at)
        if expected != got:
            faults.append(f"- at $.examples[{i}]: expected {expected}, got {got}; correct the example or the type")
    if faults:
        raise DeclarationError(name=compiled.name, count=len(faults), faults="\n".join(faults))


def _told(example: Example) -> tuple[str | None, list[Result], list[str]]:
    results = [
        (one.datastream, datetime.fromisoformat(one.time), one.result, one.quality) for one in example.observations
    ]
    return example.refused, sorted(results), sorted(example.rejects)


def _given(compiled: CompiledType, example: Example, received_at: int) -> tuple[str | None, list[Result], list[str]]:
    fields = compiled.matches(example.topic)
    if fields is None:
        return f"{example.topic} is no topic of it", [], []
    try:
        decoded = compiled.decode(fields, example.payload.encode(), received_at)
    except Refused as refused:
        return str(refused.reason), [], []
    results = [
        (
            one.datastream_name,
            datetime.fromtimestamp(one.phenomenon_time / 1e6, UTC),
            None if math.isnan(one.result) else one.result,
            int(one.quality),
        )
        for one in decoded.observations
    ]
    return None, sorted(results), sorted(str(reason) for reason, _, _ in decoded.rejects)

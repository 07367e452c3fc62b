"""Whether a type's examples give what they say: they are its documentation and its test in one."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from aedilis.errors import DeclarationError
from aedilis.vocabulary import Test
from sensors.compile import CompiledType, Decoded, DecodedObservation
from sensors.declaration import Example, ExpectedObservation, Sent
from sensors.format import Memory
from sensors.payload import Refused

Told = dict[str, Any]
"""What is said of one observation, by the names of `ExpectedObservation`."""


def check_examples(compiled: CompiledType, received_at: int) -> None:
    """Read each example as a message that came in at `received_at` (µs UTC), unless it says when.

    Raises:
        DeclarationError: one gives something else.
    """
    faults = []
    for i, example in enumerate(compiled.declared.examples):
        expected = [_told(one) for one in example.observations]
        refused, given, rejects = _given(compiled, example, received_at)
        got = _as_far_as_told(given, expected)
        parts = (
            ("observations", expected, got),
            ("rejects", sorted(example.rejects), sorted(rejects)),
            ("refused", example.refused, refused),
        )
        wrong = [f"expected {what} {told}, got {found}" for what, told, found in parts if told != found]
        if wrong:
            faults.append(f"- at $.examples[{i}]: {'; '.join(wrong)}; correct the example or the type")
    if faults:
        raise DeclarationError(name=compiled.name, count=len(faults), faults="\n".join(faults))


def _told(one: ExpectedObservation) -> Told:
    """Result and quality are told even where they are not written."""
    told = {name: getattr(one, name) for name in one.model_fields_set | {"result", "quality"}}
    told["time"] = datetime.fromisoformat(one.time).astimezone(UTC).isoformat()
    if "tests" in told and one.tests is not None:
        told["tests"] = sorted(one.tests)
    return told


def _as_far_as_told(given: list[Told], expected: list[Told]) -> list[Told]:
    """What was given, in the order of what was expected, and of each what is told of it; what is left comes last."""
    left, found = list(given), []
    for told in expected:
        same = [one for one in left if all(one[name] == told[name] for name in told)]
        near = same or [one for one in left if one["datastream"] == told["datastream"]]
        if near:
            left.remove(near[0])
            found.append({name: near[0][name] for name in told})
    return [*found, *left]


def _given(compiled: CompiledType, example: Example, received_at: int) -> tuple[str | None, list[Told], list[str]]:
    memory = Memory()
    try:
        for sent in example.before:
            _decode(compiled, sent, received_at, memory)
        decoded = _decode(compiled, example, received_at, memory, example.retained)
    except Refused as refused:
        return str(refused.reason), [], []
    except ValueError as error:
        return str(error), [], []
    return None, [_shown(one) for one in decoded.observations], [str(reason) for reason, _, _ in decoded.rejects]


def _decode(compiled: CompiledType, sent: Sent, received_at: int, memory: Memory, retained: bool = False) -> Decoded:
    fields = compiled.matches(sent.topic)
    if fields is None:
        raise ValueError(f"{sent.topic} is no topic of it")
    if sent.received_at is not None:
        received_at = round(datetime.fromisoformat(sent.received_at).timestamp() * 1e6)
    return compiled.decode(fields, sent.raw(), received_at, topic=sent.topic, retained=retained, memory=memory)


def _shown(one: DecodedObservation) -> Told:
    return {
        "datastream": one.datastream_name,
        "time": datetime.fromtimestamp(one.phenomenon_time / 1e6, UTC).isoformat(),
        "result": None if math.isnan(one.result) else one.result,
        "quality": int(one.quality),
        "thing": one.thing,
        "agency": one.agency,
        "raw_flag": one.raw_flag,
        "tests": sorted(str(test.name).lower() for test in Test if test and test in one.tests),
    }

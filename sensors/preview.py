"""What samples would become under a type, one by one: for who edits it and wants to see at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aedilis.vocabulary import Quality, RejectReason, Test
from sensors.compile import CompiledType, DecodedObservation
from sensors.format import Memory
from sensors.infer.samples import Sample
from sensors.payload import Refused


class Shown(NamedTuple):
    """What became of one sample, as JSON has it."""

    number: int
    topic: str
    refused: dict[str, str | None] | None
    observations: list[dict[str, Any]]
    rejects: list[dict[str, str | None]]


def preview(compiled: CompiledType, samples: Sequence[Sample], now: int) -> list[Shown]:
    """Read samples in their order, announcements among them; those of which nobody knows when they came, came `now`."""
    memory = Memory()
    return [_shown(compiled, number, sample, now, memory) for number, sample in enumerate(samples)]


def _shown(compiled: CompiledType, number: int, sample: Sample, now: int, memory: Memory) -> Shown:
    fields = compiled.matches(sample.topic)
    if fields is None:
        why = "the type declares no topic of this form"
        return Shown(number, sample.topic, _problem(RejectReason.UNKNOWN_TOPIC, why, None), [], [])
    try:
        found = compiled.decode(fields, sample.payload, sample.received_at or now, topic=sample.topic, memory=memory)
    except Refused as refused:
        return Shown(number, sample.topic, _problem(refused.reason, refused.detail, None), [], [])
    observations = [_observation(one) for one in found.observations]
    return Shown(number, sample.topic, None, observations, [_problem(*one) for one in found.rejects])


def _problem(reason: RejectReason, detail: str, path: str | None) -> dict[str, str | None]:
    return {"reason": str(reason), "detail": detail, "path": path}


def _observation(one: DecodedObservation) -> dict[str, Any]:
    return {
        "agency": one.agency,
        "thing": one.thing,
        "datastream": one.datastream_name,
        "property": one.observed_property,
        "time": datetime.fromtimestamp(one.phenomenon_time / 1e6, UTC).isoformat().replace("+00:00", "Z"),
        "result": None if math.isnan(one.result) else one.result,
        "unit": one.unit,
        "quality": Quality(one.quality).name.lower(),
        "tests": [(test.name or "").lower() for test in Test if test and one.tests & test],
        "raw_flag": one.raw_flag,
    }

"""What samples would become under a type, one by one: for who edits it and wants to see at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aedilis.units import written
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


def in_words(samples: Sequence[Shown], most: int = 10) -> str:
    """Lines of text: what each of the first samples becomes, then how many there are of each kind."""
    lines: list[str] = []
    for one in samples[:most]:
        lines.append(one.topic)
        lines += [f"  {_observed(row)}" for row in one.observations]
        lines += [f"  reject {_why(row)}" for row in one.rejects]
        if one.refused:
            lines.append(f"  refused: {_why(one.refused)}")
        elif not (one.observations or one.rejects):
            lines.append("  nothing to store: it announces others, or has no value")
    refused = sum(one.refused is not None for one in samples)
    observations, rejects = sum(len(one.observations) for one in samples), sum(len(one.rejects) for one in samples)
    more = f" ({len(samples) - most} more are not shown)" if len(samples) > most else ""
    lines.append(
        f"{len(samples)} samples{more}: {observations} observations, {rejects} rejects, {refused} refused whole"
    )
    return "\n".join(lines)


def _observed(row: Mapping[str, Any]) -> str:
    result = "missing" if row["result"] is None else f"{row['result']:.10g} {written(row['unit'])}".rstrip()
    marks = ", ".join([row["quality"].replace("_", " "), *(test.replace("_", " ") for test in row["tests"])])
    return f"{row['time']}  {row['agency']} / {row['thing']} / {row['datastream']}: {result}  ({marks})"


def _why(row: Mapping[str, str | None]) -> str:
    where = f" at {row['path']}" if row["path"] else ""
    return f"{str(row['reason']).replace('_', ' ')}: {row['detail']}{where}"

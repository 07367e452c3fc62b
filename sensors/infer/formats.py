"""Which payload format samples are in: tried on all of them, and compared with the format's own example.

Most JSON can be read by several formats. What tells them apart is how much of the example's topic and of its keys stands
in the samples: only ChirpStack says `deviceInfo`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from sensors.format import Format, Memory, Raw, Record, Suggests, all_formats
from sensors.infer.samples import Sample
from sensors.payload import Refused

_PLAIN = "json"
_NEUTRAL = 0.45
"""What plain JSON scores: a format must look more like the samples than this."""


class Fit(NamedTuple):
    """How well a format reads the samples."""

    format: Format
    options: Mapping[str, Any]
    records: Sequence[Sequence[Record]]  # of each sample; empty where it could not be read
    score: float
    why: str
    announced: frozenset[int] = frozenset()  # numbers of the samples that are announcements


def fits(samples: Sequence[Sample], now: int) -> list[Fit]:
    """Formats that read at least half of the samples, the likeliest first; `now` is µs UTC."""
    found = []
    for one in all_formats().values():
        for options in _options(one, samples):
            fit = _fit(one, options, samples, now)
            if fit is not None:
                found.append(fit)
    return sorted(found, key=lambda fit: (-fit.score, fit.format.name))


def _options(one: Format, samples: Sequence[Sample]) -> Sequence[Mapping[str, Any]]:
    """What the format may have to be told, where it can guess it."""
    if not isinstance(one, Suggests):
        return [{}]
    return one.suggest(samples[0].topic, [sample.payload for sample in samples]) or [{}]


def _fit(one: Format, options: Mapping[str, Any], samples: Sequence[Sample], now: int) -> Fit | None:
    try:
        decode = one.decoder(one.Options.model_validate(options))
    except ValidationError:  # it must be told something that samples do not show
        return None
    memory = Memory()
    records: list[Sequence[Record]] = []
    announced: set[int] = set()
    read = 0
    for number, sample in enumerate(samples):
        kept = len(memory.kept)
        raw = Raw(sample.payload, sample.topic, _fields(one.example.template, sample.topic), sample.received_at or now)
        try:
            records.append(decode(raw, memory))
            read += 1
        except Refused:
            records.append(())
        if len(memory.kept) > kept:
            announced.add(number)
    if not samples or read < len(samples) / 2 or not any(records):
        return None
    share = read / len(samples)
    topic = max(_topic_likeness(one.example.template, sample.topic) for sample in samples)
    keys = max(_key_likeness(one.example.payload, sample.payload) for sample in samples)
    if one.name == _PLAIN:
        return Fit(one, options, records, share * _NEUTRAL, f"{read} of {len(samples)} samples are JSON")
    text = not _is_json(samples[0].payload)
    score = share * min(1.0, (0.55 if text else 0.0) + 0.5 * keys + 0.45 * topic)
    why = f"reads {read} of {len(samples)} samples"
    if keys:
        why += f", has {keys:.0%} of the keys of a {one.title} message"
    if topic:
        why += ", the topic has its form"
    return Fit(one, options, records, score, why, frozenset(announced))


def _is_json(payload: bytes) -> bool:
    try:
        return isinstance(json.loads(payload), dict | list)
    except (ValueError, RecursionError):
        return False


def _topic_likeness(template: str, topic: str) -> float:
    """1 if the topic has the template's form and shares a literal level with it."""
    wanted, levels = template.split("/"), topic.split("/")
    literal = [(a, b) for a, b in zip(wanted, levels, strict=False) if "{" not in a and a not in ("+", "#")]
    if not literal or (len(wanted) != len(levels) and "#" not in template and "..." not in template):
        return 0.0
    generic = {"city", "telemetry", "up", "attrs"}
    same = [a for a, b in literal if a == b and a not in generic]
    return 1.0 if same and all(a == b for a, b in literal) else 0.0


def _key_likeness(example: bytes, payload: bytes) -> float:
    """The share of the example's keys on the upper two levels that stand in the payload; 0 for what is no JSON."""
    try:
        wanted, got = _keys(json.loads(example)), _keys(json.loads(payload))
    except (ValueError, RecursionError):
        return 0.0
    structural = {key for key in wanted if key not in _COMMON}
    return len(structural & got) / len(structural) if structural else 0.0


_COMMON = frozenset({"temperature", "humidity", "time", "timestamp", "value", "id", "ts", "t", "type"})
"""Keys that say nothing of a format."""


def _keys(content: Any) -> set[str]:
    if isinstance(content, list):
        return set().union(*(_keys(one) for one in content[:5]))
    return set(content) if isinstance(content, dict) else set()


def _fields(template: str, topic: str) -> dict[str, str]:
    """The placeholders of whole levels."""
    pairs = zip(template.split("/"), topic.split("/"), strict=False)
    return {a[1:-1]: b for a, b in pairs if a.startswith("{") and a.endswith("}")}

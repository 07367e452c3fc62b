"""Two versions side by side: which anomalies both find, and which only one of them does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from aedilis.vocabulary import Anomaly
from trial.backtest.watch import Seen

MONTH = 30.44 * 86_400e6
"""µs."""
EXAMPLES = 5
"""Of each kind so many are told."""


class Rates(NamedTuple):
    """How much one version speaks."""

    alarms_a_series_month: float
    time_in_alarm: float  # share of the time of all Datastreams, those of a Thing or a zone counted once


class Difference(NamedTuple):
    """What the newer version changes; numbers are of anomalies.

    Two are the same finding if they are of one subject and one kind and share time.
    """

    both: Counter[str]  # of the newer version, by kind
    only_new: Counter[str]
    only_old: Counter[str]
    new_examples: dict[str, list[str]]
    old_examples: dict[str, list[str]]
    named_otherwise: Counter[str]  # `old → new`: only_new that share subject and time with one of another kind


def rates(seen: Seen, span: int) -> Rates:
    """Over a span (µs) in which all its Datastreams were watched."""
    series = seen.datastreams * span
    if not series:
        return Rates(0.0, 0.0)
    by_subject: dict[int, list[tuple[int, int]]] = {}
    for one in seen.anomalies.values():
        by_subject.setdefault(one.subject, []).append((one.starts_at, _end(one)))
    alarmed = sum(_length(spans) for spans in by_subject.values())
    return Rates(len(seen.anomalies) * MONTH / series, min(alarmed / series, 1.0))


def compare(old: Seen, new: Seen) -> Difference:
    """What `new` finds otherwise than `old`."""
    before, after = _by_subject(old), _by_subject(new)
    both, only_new, only_old, renamed = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    new_examples: dict[str, list[str]] = {}
    old_examples: dict[str, list[str]] = {}
    for subject in sorted({*before, *after}):
        mine, others = after.get(subject, []), before.get(subject, [])
        for one in mine:
            meets = {other.kind for other in others if _meet(one, other)}
            if one.kind in meets:
                both[one.kind] += 1
                continue
            _count(one, only_new, new_examples)
            renamed.update(f"{kind} → {one.kind}" for kind in sorted(meets))
        for one in others:
            if not any(other.kind == one.kind and _meet(one, other) for other in mine):
                _count(one, only_old, old_examples)
    return Difference(both, only_new, only_old, new_examples, old_examples, renamed)


def summary(seen: Seen, span: int) -> dict[str, Any]:
    """What one version made of it, as JSON has it."""
    return {
        "version": seen.version,
        "datastreams": seen.datastreams,
        "observations": seen.observations,
        "quality": dict(seen.quality),
        "anomalies": dict(seen.kinds),
        "alerts": dict(seen.alerts),
        "alerts_by_severity": dict(seen.severities),
        **rates(seen, span)._asdict(),
    }


def _count(one: Anomaly, counts: Counter[str], examples: dict[str, list[str]]) -> None:
    counts[one.kind] += 1
    told = examples.setdefault(one.kind, [])
    if len(told) < EXAMPLES:
        told.append(one.explanation)


def _by_subject(seen: Seen) -> dict[int, list[Anomaly]]:
    found: dict[int, list[Anomaly]] = {}
    for one in sorted(seen.anomalies.values(), key=lambda one: (one.detected_at, one.kind, one.detector)):
        found.setdefault(one.subject, []).append(one)
    return found


def _meet(one: Anomaly, other: Anomaly) -> bool:
    return one.starts_at <= _end(other) and other.starts_at <= _end(one)


def _end(one: Anomaly) -> int:
    return one.detected_at if one.ends_at is None else max(one.ends_at, one.starts_at)


def _length(spans: Iterable[tuple[int, int]]) -> int:
    """Of what they cover together."""
    covered, until = 0, None
    for start, end in sorted(spans):
        begin = start if until is None else max(start, until)
        covered += max(end - begin, 0)
        until = end if until is None else max(until, end)
    return covered

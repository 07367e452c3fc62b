"""What was found, held against labels: faults that were put in, and events of one Thing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from bench.detection.injection import Case, Fault

GRACE = {"air": np.timedelta64(12, "h"), "prices": np.timedelta64(3, "D")}
"""A fault may be found that long after its last Observation."""
MONTH = np.timedelta64(2_630_016, "s")  # 30.44 days
Times = npt.NDArray[np.datetime64]


class Finding(msgspec.Struct, frozen=True):
    """A row of what `aedilis detect --anomalies` writes, times in µs."""

    thing: str
    property: str
    kind: str
    starts_at: np.datetime64
    detected_at: np.datetime64
    ends_at: np.datetime64


class KindFigure(msgspec.Struct, frozen=True):
    """One kind of fault, or several. `chance` is what the findings in the clean file hit in the same windows."""

    kind: str
    faults: int
    recall: float
    chance: float
    corrected: float  # (recall - chance) / (1 - chance)
    named_right: float | None
    median_delay_h: float | None


class FaultFigure(msgspec.Struct, frozen=True):
    """A case of injected faults."""

    case: str
    series: int
    false_alarms_per_series_month: float
    alarm_share_of_time: float
    kinds: list[KindFigure]


class EventFigure(msgspec.Struct, frozen=True):
    """Labelled events of one Thing."""

    case: str
    events: int
    alarms: int
    event_f1: float
    point_f1: float


def faults(name: str, case: Case, found: Sequence[Finding], found_in_clean: Sequence[Finding]) -> FaultFigure:
    """A fault is hit by a finding of its series that was detected from its first Observation until the grace after its
    last; a false alarm is whatever was found in the clean file."""
    found, clean = ([one for one in each if _tested(case, one)] for each in (found, found_in_clean))
    hits = [_hit(fault, found, GRACE[case.domain]) for fault in case.faults]
    luck = [bool(_hit(fault, clean, GRACE[case.domain])) for fault in case.faults]
    span = case.test_until - case.test_from
    open_for = sum(
        (max(min(one.ends_at, case.test_until) - one.starts_at, np.timedelta64(0, "s")) for one in clean),
        start=np.timedelta64(0, "us"),
    )
    groups = [*sorted({fault.kind for fault in case.faults}), "all but gap"]
    return FaultFigure(
        name,
        len(case.series),
        len(clean) / (len(case.series) * float(span / MONTH)),
        float(open_for / (len(case.series) * span)),
        [_of_kind(kind, case.faults, hits, luck) for kind in groups],
    )


def _tested(case: Case, one: Finding) -> bool:
    return bool(case.test_from <= one.detected_at < case.test_until)


def _hit(fault: Fault, found: Sequence[Finding], grace: np.timedelta64) -> list[Finding]:
    """The findings that hit it, the earliest first."""
    until = fault.ends_at + grace
    return sorted(
        (
            one
            for one in found
            if one.thing == fault.thing
            and one.property == fault.property
            and fault.starts_at <= one.detected_at <= until
        ),
        key=lambda one: one.detected_at,
    )


def _of_kind(kind: str, all_faults: Sequence[Fault], hits: list[list[Finding]], luck: list[bool]) -> KindFigure:
    chosen = [
        i for i, one in enumerate(all_faults) if one.kind == kind or (kind == "all but gap" and one.kind != "gap")
    ]
    hit = [i for i in chosen if hits[i]]
    recall, chance = len(hit) / len(chosen), sum(luck[i] for i in chosen) / len(chosen)
    named = [any(one.kind == all_faults[i].kind for one in hits[i]) for i in hit]
    delays = [float((hits[i][0].detected_at - all_faults[i].starts_at) / np.timedelta64(1, "h")) for i in hit]
    return KindFigure(
        kind,
        len(chosen),
        recall,
        chance,
        (recall - chance) / (1.0 - chance) if chance < 1.0 else 0.0,
        sum(named) / len(named) if named else None,
        float(np.median(delays)) if delays else None,
    )


def events(name: str, times: Times, labelled: npt.NDArray[np.bool_], found: Sequence[Finding]) -> EventFigure:
    """A finding marks the rows from when it was detected until it ends; findings about the Thing as a whole alone, if there
    are any. Shapes `(n,)`."""
    of_thing = [one for one in found if one.property == "*"] or list(found)
    marked = np.zeros(len(times), bool)
    for one in of_thing:
        marked |= (times >= one.detected_at) & (times <= one.ends_at)
    real, alarms = _runs(labelled), _runs(marked)
    hit = sum(bool(marked[first : last + 1].any()) for first, last in real)
    right = sum(bool(labelled[first : last + 1].any()) for first, last in alarms)
    both = int((marked & labelled).sum())
    return EventFigure(
        name,
        len(real),
        len(alarms),
        _f1(right / max(len(alarms), 1), hit / max(len(real), 1)),
        _f1(both / max(int(marked.sum()), 1), both / max(int(labelled.sum()), 1)),
    )


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last row of each run of true ones."""
    edge = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edge == 1).tolist(), (np.flatnonzero(edge == -1) - 1).tolist(), strict=True))


def _f1(precision: float, recall: float) -> float:
    return 2.0 * precision * recall / (precision + recall) if precision + recall else 0.0

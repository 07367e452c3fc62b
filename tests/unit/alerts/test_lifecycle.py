"""One open alert for a key, whatever is said twice and wherever the book is restored."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from aedilis.identity import anomaly_id
from aedilis.vocabulary import Alert, AlertStatus, Anomaly, Revision, Scope, Severity
from alerts.lifecycle import HISTORIC_AFTER, TRANSITIONS, AlertBook, Event

HOUR = 3_600_000_000


@dataclass(frozen=True)
class Change:
    """The opening (`end` None) or the end of the anomaly that was detected at an hour."""

    hour: int
    end: int | None = None
    detector: str = "spike"
    datastream: int = 7
    severity: Severity = Severity.MINOR


def anomaly(change: Change) -> Anomaly:
    at = change.hour * HOUR
    end = None if change.end is None else change.end * HOUR
    return Anomaly(
        id=anomaly_id(change.datastream, "spike", change.detector, at),
        revision=Revision(at, 1) if end is None else Revision(end, 2),
        scope=Scope.DATASTREAM,
        subject=change.datastream,
        datastream=change.datastream,
        agency="demo",
        thing="t",
        datastream_name="PM2.5",
        zone="demo/z",
        kind="spike",
        detector=change.detector,
        severity=change.severity,
        starts_at=at,
        detected_at=at,
        ends_at=end,
        score=0.99,
        result=1.0,
        expected_low=None,
        expected_high=None,
        unit="1",
        explanation=f"at hour {change.hour}",
        ingested_at=at,
    )


def restored(chunks: dict[int, bytes]) -> AlertBook:
    book = AlertBook()
    book.kept.restore(chunks)
    return book


def told(changes: list[Change], restore_at: int | None = None) -> list[Alert]:
    book, out = AlertBook(), []
    for i, change in enumerate(changes):
        if i == restore_at:
            book = restored(book.kept.changed_chunks(whole=True))
        out += book.apply(anomaly(change))
    return out


TWO = [Change(1), Change(1, 2), Change(5), Change(5, 6)]


def test_an_alert_opens_and_resolves() -> None:
    opened, resolved = told(TWO[:2])
    assert (opened.status, resolved.status) == (AlertStatus.OPEN, AlertStatus.RESOLVED)
    assert opened.id == resolved.id
    assert opened.revision < resolved.revision
    assert (resolved.opened_at, resolved.resolved_at) == (HOUR, 2 * HOUR)


def test_what_a_restarted_detector_says_again_changes_nothing() -> None:
    """The second anomaly's alert is open when the first one is told again: it must not join that alert."""
    again = [*TWO[:3], *TWO]
    assert told(again) == told(TWO)
    for restore_at in range(len(again)):
        assert told(again, restore_at) == told(TWO)


@given(st.data())
def test_any_repetition_from_a_checkpoint_changes_nothing(data: st.DataObject) -> None:
    log = [
        Change(hour, end, detector, datastream)
        for hour in range(1, 20, 4)
        for detector in ("one", "two")
        for datastream in (7, 8)
        for end in (None, hour + 2)
    ]
    log.sort(key=lambda change: (change.hour if change.end is None else change.end, change.datastream))
    said: list[Change] = []
    start = 0
    for _ in range(data.draw(st.integers(1, 3))):
        killed = data.draw(st.integers(start, len(log)))
        said += log[start:killed]
        start = data.draw(st.integers(0, killed))
    said += log[start:]
    assert told(said, data.draw(st.integers(0, len(said)))) == told(log)


def test_a_second_anomaly_of_the_key_joins_the_open_alert_and_the_worse_severity_stands() -> None:
    first, joined, resolved = told(
        [
            Change(1),
            Change(2, detector="other", severity=Severity.CRITICAL),
            Change(1, 3),
            Change(2, 4, "other", severity=Severity.CRITICAL),
        ]
    )
    assert first.id == joined.id == resolved.id
    assert (first.severity, joined.severity) == (Severity.MINOR, Severity.CRITICAL)
    assert len(resolved.anomalies) == 2
    assert resolved.resolved_at == 4 * HOUR  # only the last end resolves it
    assert first.revision < joined.revision < resolved.revision


def test_keys_are_apart() -> None:
    book = AlertBook()
    ids = {book.apply(anomaly(Change(1, datastream=number)))[0].id for number in (1, 2, 3)}
    assert len(ids) == len(book) == 3


def test_an_end_without_its_opening_says_nothing() -> None:
    assert told([Change(1, 2)]) == []


def test_an_event_that_lay_back_when_it_came_is_historic() -> None:
    fresh, old = anomaly(Change(1)), anomaly(Change(2, datastream=8))
    old = msgspec.structs.replace(old, ingested_at=old.detected_at + HISTORIC_AFTER + 1)
    book = AlertBook()
    assert [alert.historic for one in (fresh, old) for alert in book.apply(one)] == [False, True]


def test_changed_chunks_are_enough() -> None:
    kept: dict[int, bytes] = {}
    book = AlertBook()
    for change in TWO[:3]:
        book.apply(anomaly(change))
        kept |= book.kept.changed_chunks(whole=False)
        book.kept.mark_clean()
        assert restored(kept).kept.changed_chunks(whole=True) == book.kept.changed_chunks(whole=True)


def test_every_state_knows_what_each_event_does() -> None:
    reached = set(TRANSITIONS.values())
    assert {state for state, _ in TRANSITIONS} - {None} <= reached
    assert {event for _, event in TRANSITIONS} == set(Event)

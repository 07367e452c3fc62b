"""From anomalies to alerts: at most one open alert for each key (subject and kind).

Pure: no clock, no I/O. One book serves one partition of the log and is handed each record once, in order.

    (nothing) --anomaly opens--> open --last anomaly ends--> resolved
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from aedilis.identity import alert_id
from aedilis.vocabulary import Alert, AlertStatus, Anomaly, Revision, Severity
from alerts.kept import Kept

HISTORIC_AFTER = 3_600_000_000
"""An alert whose event came in more than an hour (µs) late is stored and not told."""
_RANK = {Severity.NOTICE: 0, Severity.MINOR: 1, Severity.MAJOR: 2, Severity.CRITICAL: 3}


class Event(StrEnum):
    """What may happen to an alert."""

    ANOMALY = "anomaly"  # an anomaly of its key opens
    CALM = "calm"  # the last open anomaly of its key ends


TRANSITIONS: dict[tuple[AlertStatus | None, Event], AlertStatus] = {
    (None, Event.ANOMALY): AlertStatus.OPEN,
    (AlertStatus.OPEN, Event.ANOMALY): AlertStatus.OPEN,
    (AlertStatus.OPEN, Event.CALM): AlertStatus.RESOLVED,
}


class Entry(msgspec.Struct):
    """What is known of a key: its open alert if it has one, and the latest change seen of each detector's anomalies.

    A detecting worker that was killed says again what it had said since its last checkpoint, when the alert may have
    been resolved and another one opened: what was seen is passed over, for as long as the key is kept.
    """

    alert: Alert | None = None
    open_anomalies: list[int] = []
    seen: dict[str, Revision] = {}
    changed: int = 0

    @property
    def done(self) -> bool:
        """Whether no alert is open."""
        return self.alert is None


class AlertBook:
    """The alerts of one partition."""

    def __init__(self) -> None:
        self.kept = Kept(Entry)

    def __len__(self) -> int:
        """How many alerts are open."""
        return sum(entry.alert is not None for entry in self.kept)

    def apply(self, anomaly: Anomaly) -> list[Alert]:
        """Take one change of an anomaly; returns the changes of alerts that follow."""
        key = f"{anomaly.subject}|{anomaly.kind}"
        entry = self.kept.get(key) or Entry()
        seen = entry.seen.get(anomaly.detector)
        if seen is not None and anomaly.revision <= seen:
            return []
        entry.seen[anomaly.detector] = anomaly.revision
        self.kept.put(key, entry)
        if anomaly.ends_at is None:
            return [self._open(key, entry, anomaly)]
        if anomaly.id not in entry.open_anomalies:
            return []
        entry.open_anomalies.remove(anomaly.id)
        return [] if entry.open_anomalies else [self._resolve(entry, anomaly.ends_at)]

    @staticmethod
    def _open(key: str, entry: Entry, anomaly: Anomaly) -> Alert:
        entry.open_anomalies.append(anomaly.id)
        if entry.alert is None:
            entry.alert = Alert(
                id=alert_id(key, anomaly.detected_at),
                revision=Revision(anomaly.detected_at, 1),
                key=key,
                status=TRANSITIONS[None, Event.ANOMALY],
                severity=anomaly.severity,
                scope=anomaly.scope,
                subject=anomaly.subject,
                agency=anomaly.agency,
                thing=anomaly.thing,
                datastream=anomaly.datastream,
                datastream_name=anomaly.datastream_name,
                zone=anomaly.zone,
                kind=anomaly.kind,
                opened_at=anomaly.detected_at,
                resolved_at=None,
                anomalies=(anomaly.id,),
                summary=anomaly.explanation,
                historic=anomaly.ingested_at - anomaly.detected_at > HISTORIC_AFTER,
            )
            return entry.alert
        entry.alert = msgspec.structs.replace(
            entry.alert,
            revision=_next(entry.alert, anomaly.detected_at),
            status=TRANSITIONS[entry.alert.status, Event.ANOMALY],
            severity=max(entry.alert.severity, anomaly.severity, key=_RANK.__getitem__),
            anomalies=(*entry.alert.anomalies, anomaly.id),
            summary=anomaly.explanation,
        )
        return entry.alert

    @staticmethod
    def _resolve(entry: Entry, ends_at: int) -> Alert:
        alert, entry.alert = entry.alert, None
        assert alert is not None
        return msgspec.structs.replace(
            alert,
            revision=_next(alert, ends_at),
            status=TRANSITIONS[alert.status, Event.CALM],
            resolved_at=ends_at,
        )


def _next(alert: Alert, event_time: int) -> Revision:
    """A revision after the alert's: event times may step back, revisions may not."""
    return Revision(max(event_time, alert.revision.event_time), alert.revision.sequence + 1)

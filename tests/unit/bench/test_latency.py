"""What the receiver of webhooks notes, and how the moments at which partitions were stored are told."""

from __future__ import annotations

import http.client
import time
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
import pytest

from aedilis.vocabulary import Alert, AlertStatus, Revision, Scope, Severity
from bench import latency
from bench.latency import Receiver, Watch, _count, _histogram


def alert(kind: str, opened_at: int) -> Alert:
    return Alert(
        id=1,
        revision=Revision(opened_at, 1),
        key=f"1|{kind}",
        status=AlertStatus.OPEN,
        severity=Severity.MAJOR,
        scope=Scope.DATASTREAM,
        subject=1,
        agency="bench-live",
        thing="a",
        datastream=1,
        datastream_name="b",
        zone="c",
        kind=kind,
        opened_at=opened_at,
        resolved_at=None,
        anomalies=(1,),
        summary="",
        historic=False,
    )


def test_only_the_opening_of_what_is_out_of_range_is_noted() -> None:
    due = time.time_ns() // 1000
    with Receiver() as receiver:
        connection = http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=5)
        for kind, told in (("spike", "alert.open"), ("range", "alert.resolved"), ("range", "alert.open")):
            body = msgspec.json.encode({"type": told, "data": alert(kind, due)})
            connection.request("POST", "/", body, {"content-type": "application/json"})
            assert connection.getresponse().read() == b""
        connection.close()
    ((noted, came),) = receiver.came
    assert noted == due
    assert due <= came <= time.time_ns() // 1000


def test_a_record_is_visible_when_the_next_offset_was_first_seen_beyond_it() -> None:
    line: Any = SimpleNamespace(settings=SimpleNamespace(topic=lambda name: name))
    watch = Watch(line)
    watch._seen = [(100, [(0, 5)]), (200, [(0, 5), (3, 2)]), (300, [(0, 9), (3, 2)])]
    offsets, moments = watch.visible(0)
    assert [int(moments[np.searchsorted(offsets, offset, side="right")]) for offset in (0, 4, 5, 8)] == [
        100,
        100,
        300,
        300,
    ]
    offsets, moments = watch.visible(3)
    assert int(moments[np.searchsorted(offsets, 0, side="right")]) == 200


def test_every_observation_that_was_due_after_the_beginning_counts() -> None:
    histogram = _histogram()
    _count(histogram, np.array([999, 1_000, 1_000, 3_000]), 5_000, 1_000)
    assert histogram.get_total_count() == 3
    assert histogram.get_min_value() == 2_000
    assert 4_000 <= histogram.get_max_value() <= 4_004  # three digits


@pytest.mark.parametrize(("makes", "found"), [(1_000.0, 600.0), (450.0, 400.0), (0.0, 0.0)])
def test_the_highest_rate_is_found_at_which_the_line_keeps_up(
    monkeypatch: pytest.MonkeyPatch, makes: float, found: float
) -> None:
    class FakeLine:
        home = None
        load: FakeLoad

        def __init__(self, _: object) -> None:
            pass

        def __enter__(self) -> FakeLine:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def stored(self) -> float:
            return min(self.load.per_second, makes) * self.load.seconds

    class FakeLoad:
        def __init__(self, _: object, what: tuple[FakeLine, float]) -> None:
            line, self.per_second = what
            self.seconds = 0.0
            line.load = self

        def __enter__(self) -> FakeLoad:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        @property
        def published(self) -> float:
            return self.per_second * self.seconds

        def allow(self, _: float) -> None:
            pass

        def run(self, seconds: float, _: object) -> None:
            self.seconds += seconds

        def finish(self) -> None:
            pass

    monkeypatch.setattr(latency, "Line", FakeLine)
    monkeypatch.setattr(latency, "Load", FakeLoad)
    monkeypatch.setattr(latency, "_job", lambda line, form, per_second: (line, per_second))
    monkeypatch.setattr(latency, "LONGEST_WARM_SECONDS", 0.0)
    servers: Any = None
    assert latency.sustained(servers, "hub", 1_000.0, lambda _: None) == pytest.approx(found)

"""Messages are due by the speed of the recording or by the wall clock."""

import pytest

from simulation import pace


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    now = {"monotonic": 50.0, "time": 1_000_000.0}
    monkeypatch.setattr(pace.time, "monotonic", lambda: now["monotonic"])
    monkeypatch.setattr(pace.time, "time", lambda: now["time"])
    return now


def test_at_speed(clock: dict[str, float]) -> None:
    delay = pace.at_speed(10)
    assert delay(7_000.0) == 0
    assert delay(7_100.0) == 10
    clock["monotonic"] += 4
    assert delay(7_100.0) == 6
    clock["monotonic"] += 100
    assert delay(7_200.0) < 0


def test_as_fast_as_it_goes(clock: dict[str, float]) -> None:
    delay = pace.at_speed(0)
    assert [delay(moment) for moment in (0.0, 1e9, 5.0)] == [0, 0, 0]


def test_live(clock: dict[str, float]) -> None:
    assert pace.live(1_000_005.0) == 5
    assert pace.live(900_000.0) < 0

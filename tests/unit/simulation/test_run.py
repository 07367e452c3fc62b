"""A run publishes all it should, keeps only what the broker has, and stops where it is told to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulation import run as run_module
from simulation.city import City
from simulation.memory import Memory
from simulation.run import Run

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Broker:
    """Stands for the publisher and the broker behind it: takes `limit` messages, then all is stopping."""

    def __init__(self, limit: int = 10**9, *, acknowledges: bool = True) -> None:
        self.limit = limit
        self.acknowledges = acknowledges
        self.got: list[tuple[str, bytes]] = []
        self.rested = 0.0

    def rest(self, seconds: float) -> bool:
        self.rested += max(0.0, seconds)
        return True

    def publish(self, topic: str, payload: bytes) -> bool:
        if len(self.got) >= self.limit:
            return False
        self.got.append((topic, payload))
        return True

    def flush(self, seconds: float = 0) -> bool:
        return self.acknowledges


@pytest.fixture(autouse=True)
def _keeps_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "KEEP_SECONDS", 0.0)


def publish(broker: Broker, folder: Path, end: datetime, due: float = 0.0) -> Memory:
    """One run of a city that lives; what it remembers afterwards."""
    file = folder / "demo-3.json"
    memory = Memory(file, START)
    city = City(3, memory.start)
    Run(city, broker, memory, folder / "labels.json").publish(memory.go_on_from, end, lambda _: due)  # type: ignore[arg-type]
    return Memory(file, START)


def kept(folder: Path) -> datetime:
    return datetime.fromisoformat(json.loads((folder / "demo-3.json").read_text())["published_until"])


def test_all_is_published_and_kept_with_its_labels(tmp_path: Path) -> None:
    broker = Broker()
    publish(broker, tmp_path, START + 22 * HOUR)
    city = City(3, START)
    assert broker.got == [message[1:] for message in city.between(START, START + 22 * HOUR)]
    assert kept(tmp_path) == START + 22 * HOUR
    assert json.loads((tmp_path / "labels.json").read_text()) == city.labels(START + 22 * HOUR)
    assert len(city.labels(START + 22 * HOUR)) == 3


def test_it_waits_until_each_message_is_due_and_keeps_before_it_rests(tmp_path: Path) -> None:
    broker = Broker()
    seen: list[datetime] = []
    broker.rest = lambda seconds: seen.append(kept(tmp_path)) or seconds == 5.0  # type: ignore[method-assign, func-returns-value]
    publish(broker, tmp_path, START + HOUR / 6, due=5.0)
    assert seen == [START] * 78 + [START + HOUR / 12] * 40


@pytest.mark.parametrize("limit", [0, 1, 40, 77, 78, 79, 1_000])
def test_stopped_anywhere_and_run_again_everything_was_published_in_one_history(tmp_path: Path, limit: int) -> None:
    end = START + 2 * HOUR
    first, second = Broker(limit), Broker()
    again = publish(first, tmp_path, end)
    assert again.start == START
    publish(second, tmp_path, end)
    whole = [message[1:] for message in City(3, START).between(START, end)]
    assert set(first.got) | set(second.got) == set(whole)
    assert first.got == whole[:limit]
    assert second.got == whole[len(whole) - len(second.got) :]
    assert kept(tmp_path) == end


def test_what_the_broker_has_not_acknowledged_is_not_kept(tmp_path: Path) -> None:
    publish(Broker(500, acknowledges=False), tmp_path, START + HOUR)
    assert not (tmp_path / "demo-3.json").exists()
    assert not (tmp_path / "labels.json").exists()


def test_labels_say_nothing_of_what_was_not_published(tmp_path: Path) -> None:
    broker = Broker(5_000)
    publish(broker, tmp_path, START + 96 * HOUR)
    told = json.loads((tmp_path / "labels.json").read_text())
    assert told == City(3, START).labels(kept(tmp_path))
    assert kept(tmp_path) < START + 10 * HOUR
    assert told == []

"""The city: same seed, same bytes, however it is cut; what the labels say is so; about 1,500 Datastreams."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from sensors.compile import compile_type
from sensors.registry import load
from simulation.city import EVERY, INCIDENTS, MARKETS, STATIONS, ZONES, City, Message

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def city(seed: int = 3, start: datetime = START) -> City:
    return City(seed, start)


Series = dict[tuple[str, str], list[tuple[datetime, float]]]
"""(Thing, Datastream) → (time, result)"""


def series(messages: Iterable[Message]) -> Series:
    """Read as ingest reads it, and much quicker."""
    found: Series = {}
    for moment, topic, payload in messages:
        thing, content = topic.split("/")[2], msgspec.json.decode(payload)
        place = {content.pop(key) for key in ("zone", "longitude", "latitude")}
        assert len(place) == 3
        for record in content.get("records", [content]):
            label = record.pop("place", None)
            record.pop("time")
            for name, value in record.items():
                found.setdefault((thing, NAMES.get(name, name).format(label)), []).append((moment, value))
    return found


NAMES = {
    "price": "price/{}",
    "weight_bias": "scale/{}",
    "temperature": "cold-room/{}",
    "visitors": "visitors/{}",
}


@pytest.fixture(scope="module")
def four_days() -> Series:
    return series(city().between(START, START + 96 * HOUR))


def test_ingest_reads_it_and_finds_it_plausible() -> None:
    types = [compile_type(declared) for declared in load().values()]
    messages = list(city().between(START + 9 * HOUR, START + 10 * HOUR))
    found: Series = {}
    for moment, topic, payload in messages:
        compiled, fields = next((one, fields) for one in types if (fields := one.matches(topic)) is not None)
        decoded = compiled.decode(fields, payload, int(moment.timestamp() * 1e6))
        assert not decoded.rejects
        for one in decoded.observations:
            assert one.phenomenon_time == int(moment.timestamp() * 1e6)
            assert one.quality == 1, f"{one} is not plausible"
            found.setdefault((decoded.thing, one.datastream_name), []).append((moment, one.result))
    assert found == series(messages)


def test_same_seed_same_bytes() -> None:
    end = START + 3 * HOUR
    whole = list(city().between(START, end))
    assert whole == list(city().between(START, end))
    assert [message[:2] for message in whole] == [message[:2] for message in city(4).between(START, end)]
    assert [message[2] for message in whole] != [message[2] for message in city(4).between(START, end)]


def test_any_cut_gives_the_same() -> None:
    end = START + 25 * HOUR
    parts: list[Message] = []
    at = START
    for minutes in (1, 7, 300, 5, 20 * 60, 15, 9999):
        until = min(at + timedelta(minutes=minutes), end)
        parts += city().between(at, until)
        at = until
    assert parts == list(city().between(START, end))
    assert [message[0] for message in parts] == sorted(message[0] for message in parts)


def test_size(four_days: Series) -> None:
    assert 1_450 < len(four_days) < 1_550
    things = {thing for thing, _ in four_days}
    assert len(things) == STATIONS + MARKETS
    assert {(name, times[0][0]) for name, times in four_days.items()} == {(name, START) for name in four_days}


def test_places_and_zones_stay() -> None:
    found: dict[str, set[Any]] = {}
    for _, topic, payload in city().between(START, START + 2 * HOUR):
        content = json.loads(payload)
        assert content["zone"] in ZONES
        found.setdefault(topic, set()).add((content["zone"], content["longitude"], content["latitude"]))
    assert all(len(places) == 1 for places in found.values())
    assert len({place for places in found.values() for place in places}) == STATIONS + MARKETS


def test_days_have_a_shape(four_days: Series) -> None:
    def mean(name: tuple[str, str], hours: range) -> float:
        values = [value for time, value in four_days[name] if time.hour in hours]
        return sum(values) / len(values)

    assert mean(("Station 01", "NO2"), range(7, 9)) > 1.5 * mean(("Station 01", "NO2"), range(1, 4))
    assert mean(("Station 01", "TEMP"), range(11, 14)) > 3 + mean(("Station 01", "TEMP"), range(1, 4))
    assert mean(("Market 01", "visitors/1"), range(9, 12)) > 50
    assert mean(("Market 01", "visitors/1"), range(18, 24)) == 0


def labels(hours: float) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [dict(label) for label in city().labels(START + hours * HOUR)]
    for label in made:
        label["starts_at"], label["ends_at"] = (
            datetime.fromisoformat(label[name]) for name in ("starts_at", "ends_at")
        )
    return made


def test_labels_tell_what_has_begun_again_and_again() -> None:
    assert labels(0) == []
    assert [label["kind"] for label in labels(20.5)] == ["stuck", "gap"]
    assert [label["kind"] for label in labels(96)] == ["stuck", "gap", "surge"] * 2
    first, again = labels(96)[0], labels(96)[3]
    assert again["starts_at"] - first["starts_at"] == EVERY
    assert [label["starts_at"] for label in labels(500)] == sorted(label["starts_at"] for label in labels(500))


def test_labels_are_true(four_days: Series) -> None:
    assert {label["kind"] for label in labels(96)} == {incident.kind for incident in INCIDENTS}
    for label in labels(96):
        begin, end = label["starts_at"], label["ends_at"]
        thing, name = label["thing"], label["datastream"]
        if label["kind"] == "gap":
            for (other, _), values in four_days.items():
                inside = [time for time, _ in values if begin <= time < end]
                assert bool(inside) == (other != thing)
            around = [time for time, _ in four_days[thing, "TEMP"] if begin - HOUR <= time < end + HOUR]
            assert (len(around), min(around), max(around)) == (24, begin - HOUR, end + HOUR - timedelta(minutes=5))
        if label["kind"] == "stuck":
            values = four_days[thing, name]
            assert len({value for time, value in values if begin <= time < end}) == 1
            assert len({value for time, value in values if end <= time < end + HOUR}) > 5
            assert len({value for time, value in values if begin - HOUR <= time < begin}) > 5
        if label["kind"] == "surge":
            result = dict(four_days[thing, name])
            step = timedelta(minutes=15)
            assert result[begin] > 1.6 * result[begin - step]
            assert result[end - step] > 1.6 * result[end]
            assert min(result[time] for time in result if begin <= time < end) > 1.5 * result[end]


def test_nothing_else_is_stuck_or_silent(four_days: Series) -> None:
    named = {(label["thing"], label["datastream"]) for label in labels(96)}
    for (thing, name), values in four_days.items():
        step = timedelta(minutes=5 if thing.startswith("Station") else 15)
        if (thing, "*") not in named:
            assert len(values) == 96 * HOUR // step
        if name == "TEMP" and (thing, name) not in named:
            results = [value for _, value in values]
            assert all(len(set(results[i : i + 12])) > 1 for i in range(len(results) - 12))


def test_an_agency_with_a_slash_is_one_level() -> None:
    _, topic, _ = next(iter(City(1, START, "a/b").between(START, START + HOUR)))
    assert topic == "city/a%2Fb/Station 01/street"

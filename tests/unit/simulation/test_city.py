"""The city: same seed, same bytes, however it is cut; its size; each incident changes what its label says, no more."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from sensors.compile import compile_type
from sensors.registry import load
from simulation.city import HOUR as HOUR_SECONDS
from simulation.city import City, Message, observations_in

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


def test_another_start_changes_nothing_but_incidents() -> None:
    begin, end = START + 29 * HOUR, START + 32 * HOUR
    assert list(city().between(begin, end)) == list(city(start=START + 28 * HOUR).between(begin, end))
    calm = City(3, START, calm=True)
    assert list(calm.between(begin, end)) == list(City(3, begin, calm=True).between(begin, end))
    assert calm.labels(end) == []


@pytest.mark.parametrize("size", [1_500, 10_000, 100_000])
def test_any_size(size: int) -> None:
    made = City(1, START, datastreams=size)
    found: dict[str, int] = {}
    zones: dict[str, int] = {}
    for _, topic, payload in made.between(START, START + timedelta(minutes=5)):
        found[topic] = observations_in(payload)
        zone = payload.split(b'"zone":"')[1].split(b'"')[0].decode()
        zones[zone] = zones.get(zone, 0) + found[topic]
    assert abs(sum(found.values()) / size - 1) < 0.02
    assert max(zones.values()) < 2_000


@pytest.mark.parametrize("size", [999, 100_001])
def test_no_city_is_smaller_or_bigger(size: int) -> None:
    with pytest.raises(ValueError, match="expected 1,000 to 100,000 Datastreams"):
        City(1, START, datastreams=size)


def test_observations_in_a_message() -> None:
    for message in city().between(START + 19.5 * HOUR, START + 20.5 * HOUR):
        assert observations_in(message[2]) == len(series([message]))


def test_places_and_zones_stay() -> None:
    found: dict[str, set[Any]] = {}
    for _, topic, payload in city().between(START, START + 2 * HOUR):
        content = json.loads(payload)
        found.setdefault(topic, set()).add((content["zone"], content["longitude"], content["latitude"]))
    assert len(found) == 78
    assert all(len(places) == 1 for places in found.values())
    assert len({place for places in found.values() for place in places}) == 78


def test_each_thing_speaks_at_its_times() -> None:
    moments: dict[str, list[int]] = {}
    for moment, topic, _ in city().between(START, START + HOUR):
        moments.setdefault(topic.split("/")[2][:-3], []).append(moment.minute)
    assert {thing: sorted(set(minutes)) for thing, minutes in moments.items()} == {
        "Station": list(range(0, 60, 5)),
        "Mast": list(range(0, 60, 10)),
        "Gauge": list(range(0, 60, 15)),
        "Market": list(range(0, 60, 15)),
    }


def test_each_incident_changes_what_its_label_says_and_nothing_else() -> None:
    """In the hours of each beginning, middle and end, and in each 23rd hour of the 28 days."""
    played, calm = City(3, START), City(3, START, calm=True)
    first = int(START.timestamp()) // HOUR_SECONDS
    rows = {name: (p, row) for p, part in enumerate(played.parts) for row, name in enumerate(part.group.names)}
    labels = [
        (
            *rows[label["thing"]],
            [series.name for series in played.parts[rows[label["thing"]][0]].series],
            label["datastream"],
            *(int(datetime.fromisoformat(label[end]).timestamp()) for end in ("starts_at", "ends_at")),
            label,
        )
        for label in played.labels(START + timedelta(days=28))
    ]
    hours = set(range(first, first + 28 * 24, 23))
    for *_, begins, ends, _ in labels:
        hours |= {at // HOUR_SECONDS for at in (begins - 1, begins, (begins + ends) // 2, ends - 1, ends)}
    seen: dict[int, list[bool]] = {number: [] for number in range(len(labels))}
    for hour in sorted(hours):
        for p, (told, quiet) in enumerate(zip(played.hour(hour), calm.hour(hour), strict=True)):
            changed = told != quiet  # also where it is NaN
            assert not np.isnan(quiet).any()
            times = np.arange(hour * HOUR_SECONDS, (hour + 1) * HOUR_SECONDS, played.parts[p].interval)
            for number, (part, row, names, name, begins, ends, _) in enumerate(labels):
                inside = (times >= begins) & (times < ends)
                if part != p or not inside.any():
                    continue
                columns = range(len(names)) if name == "*" else [names.index(name)]
                for column in columns:
                    seen[number] += changed[inside, row, column].tolist()
                    changed[inside, row, column] = False
            assert not changed.any(), f"{hour - first} hours after the start"
    for number, flags in seen.items():
        assert sum(flags) > 0.6 * len(flags), labels[number][-1]


def test_incidents_look_as_they_should() -> None:
    played, calm = (series(one.between(START + 15 * HOUR, START + 29 * HOUR)) for one in (city(), calm_city()))
    stuck = dict(played["Station 07", "TEMP"])
    held = [value for moment, value in stuck.items() if START + 16 * HOUR <= moment < START + 28 * HOUR]
    assert len(held) == 144
    assert set(held) == {dict(calm["Station 07", "TEMP"])[START + 16 * HOUR]}
    surge, usual = dict(played["Market 03", "price/tomatoes"]), dict(calm["Market 03", "price/tomatoes"])
    assert all(
        surge[moment] == pytest.approx(1.8 * price, abs=0.06)
        for moment, price in usual.items()
        if START + 21 * HOUR <= moment < START + 27 * HOUR
    )
    silent = {moment for moment, _ in calm["Station 12", "NO2"]} - {moment for moment, _ in played["Station 12", "NO2"]}
    assert (len(silent), min(silent)) == (96, START + 20 * HOUR)


def calm_city() -> City:
    return City(3, START, calm=True)


@pytest.mark.parametrize("size", [1_500, 10_000])
def test_results_stay_within_what_can_be_also_in_incidents(size: int) -> None:
    made = City(2, START, datastreams=size)
    fail = {}
    for declared in load().values():
        for prop in declared.properties:
            head = (prop.datastream or prop.name).split("/")[0]
            for topic in declared.topics:
                fail[topic.rsplit("/", 1)[1], head] = prop.fail
    for hour in range(28 * 24)[:: 13 if size == 1_500 else 83]:
        for part, results in zip(made.parts, made.hour(int(START.timestamp()) // HOUR_SECONDS + hour), strict=True):
            for column, one in enumerate(part.series):
                low, high = fail[part.topic, one.name.split("/")[0]] or (-np.inf, np.inf)
                told = results[:, :, column][~np.isnan(results[:, :, column])]
                assert low <= told.min(), one
                assert told.max() <= high, one


def test_a_thing_alone_is_stuck_at_what_it_told_among_others() -> None:
    """A held result is reckoned apart from the rest of the city."""
    made, calm = city(), calm_city()
    stuck = [label for label in made.labels(START + timedelta(days=84)) if label["kind"] == "stuck"]
    assert len(stuck) > 10
    for label in stuck:
        moment = datetime.fromisoformat(label["starts_at"])
        told, usual = (
            dict(series(one.between(moment, moment + HOUR / 4))[label["thing"], label["datastream"]])
            for one in (made, calm)
        )
        assert told[moment] == usual[moment], label


def test_an_agency_with_a_slash_is_one_level() -> None:
    _, topic, _ = next(iter(City(1, START, "a/b").between(START, START + HOUR)))
    assert topic == "city/a%2Fb/Station 01/street"

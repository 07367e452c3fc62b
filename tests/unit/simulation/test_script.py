"""The script: what opens it, how much there is at each size, and that no two incidents meet on a Thing."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from simulation.city import City
from simulation.incidents import Label
from simulation.layout import CENTRE, KM_A_DEGREE
from simulation.script import APART, FAULTS, LEAST_SMOKE

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@cache
def labels(days: float = 28, size: int = 1_500, seed: int = 3) -> list[Label]:
    return City(seed, START, datastreams=size).labels(START + days * DAY)


def time(label: Label, end: str = "starts_at") -> datetime:
    return datetime.fromisoformat(label[end])


def test_three_open_each_cycle() -> None:
    for seed in (1, 2):
        for begin in (0, 28):
            opening = [one for one in labels(begin + 1.5, seed=seed) if time(one) >= START + begin * DAY]
            told = [(one["kind"], one["thing"], one["datastream"], time(one) - START - begin * DAY) for one in opening]
            assert told == [
                ("stuck", "Station 07", "TEMP", 16 * HOUR),
                ("gap", "Station 12", "*", 20 * HOUR),
                ("surge", "Market 03", "price/tomatoes", 21 * HOUR),
            ]
            assert [time(one, "ends_at") - time(one) for one in opening] == [12 * HOUR, 8 * HOUR, 6 * HOUR]


def test_labels_come_in_order_as_they_begin() -> None:
    assert labels(0) == []
    assert [one["kind"] for one in labels(20.5 / 24)] == ["stuck", "gap"]
    assert [time(one) for one in labels(60)] == sorted(time(one) for one in labels(60))
    assert labels(10) == labels(60)[: len(labels(10))]
    assert max(time(one) for one in labels(10)) < START + 10 * DAY


def test_other_cycles_and_seeds_have_other_incidents() -> None:
    def told(days: int, seed: int = 3) -> set[Any]:
        begin = START + (days - 28) * DAY
        return {(one["kind"], one["thing"], time(one) - begin) for one in labels(days, seed=seed) if time(one) >= begin}

    assert len(told(28) & told(56)) < 8
    assert len(told(28) & told(28, seed=4)) < 8


@pytest.mark.parametrize("size", [1_000, 1_500, 10_000])
def test_every_kind_is_played_as_often_as_the_size_asks(size: int) -> None:
    played = Counter(kind for kind, _ in {(one["kind"], one["incident"]) for one in labels(size=size)})
    for kind in FAULTS:
        wanted = kind.many * size / 1_500
        more = {"stuck": 1, "surge": 1, "gap": 1 + size / 1_500}.get(kind.name, 0)  # openers and gateways
        assert 0.9 * wanted - 0.5 <= played[kind.name] - more <= wanted + 1, kind
    assert abs(played["plume"] - 2 * math.sqrt(size / 1_500)) <= 1
    days = {(time(one) - START).days for one in labels(size=size)}
    assert len(days & set(range(2, 27))) > 10, "they are spread"


@pytest.mark.parametrize("size", [1_500, 10_000])
def test_no_two_meet_on_a_thing_and_none_outlasts_its_cycle(size: int) -> None:
    spans: dict[str, set[tuple[datetime, datetime, str]]] = defaultdict(set)
    for one in labels(56, size=size):
        begins, ends = time(one), time(one, "ends_at")
        assert begins < ends
        assert (begins - START) // (28 * DAY) == (ends - START) // (28 * DAY)
        spans[one["thing"]].add((begins, ends, one["incident"]))
    for many in spans.values():
        for before, after in itertools.pairwise(sorted(many)):
            next_cycle = before[2].partition("-")[0] != after[2].partition("-")[0]
            assert after[0] >= before[1] + timedelta(seconds=0 if next_cycle else APART)


@pytest.mark.parametrize("size", [1_500, 10_000])
def test_a_gateway_silences_some_500_datastreams(size: int) -> None:
    outages = defaultdict(list)
    for one in labels(size=size):
        if "gateway" in one:
            outages[one["incident"]].append(one)
    assert len(outages) == round(size / 1_500)
    width = {"Station": 8, "Market": 38, "Mast": 4, "Gauge": 6}
    for outage in outages.values():
        assert {(one["kind"], one["datastream"]) for one in outage} == {("gap", "*")}
        assert len({(one["starts_at"], one["ends_at"], one["gateway"]) for one in outage}) == 1
        assert 420 < sum(width[one["thing"].split()[0]] for one in outage) < 580


def test_a_plume_arrives_along_the_wind() -> None:
    city = City(3, START)
    places = {
        name: place for part in city.parts for name, place in zip(part.group.names, part.group.places, strict=True)
    }
    fires = defaultdict(list)
    for one in labels():
        if one["kind"] == "plume":
            fires[one["incident"]].append(one)
    assert len(fires) == 2
    for fire in fires.values():
        assert {one["datastream"] for one in fire} == {"PM2.5", "PM10"}
        assert len({one["thing"] for one in fire}) > 5
        began = set()
        for one in fire:
            east, north = ((places[one["thing"]][i] - one["source"][i]) * KM_A_DEGREE[i] for i in (0, 1))
            heading = math.radians(one["wind_from_deg"] + 180)
            along = east * math.sin(heading) + north * math.cos(heading)
            across = east * math.cos(heading) - north * math.sin(heading)
            assert along == pytest.approx(one["distance_km"], abs=0.05)
            assert abs(across) < 0.6 * along + 0.3
            began.add(round(time(one).timestamp() - 1000 * along / one["wind_m_s"]))
            assert one["size"] >= LEAST_SMOKE
        assert max(began) - min(began) < 200, "all come of one fire; the label rounds the wind"
        first, last = min(fire, key=time), max(fire, key=time)
        assert first["distance_km"] < last["distance_km"]
        near, far = (max(one["size"] for one in fire if one["thing"] == end["thing"]) for end in (first, last))
        assert near != far
    assert all(abs(fire[0]["source"][i] - CENTRE[i]) < 0.1 for fire in fires.values() for i in (0, 1))


def test_labels_tell_what_distinguishes_an_incident() -> None:
    wanted = {
        "offset": {"size", "unit"},
        "drift": {"size", "unit"},
        "noise": {"size", "unit"},
        "short weight": {"size", "unit"},
        "surge": {"factor"},
        "cooling": {"size", "unit", "time_constant_s", "repaired_at"},
        "short share": {"share"},
        "zero drift": {"size", "unit"},
        "digits": {"step", "share"},
        "door": {"size", "unit", "time_constant_s", "closed_at"},
        "crowd": {"size", "unit"},
        "stuck": set(),
        "plume": {"size", "unit", "distance_km", "source", "wind_from_deg", "wind_m_s"},
    }
    for one in labels():
        own = set(one) - {"incident", "kind", "thing", "datastream", "starts_at", "ends_at"}
        assert own == (wanted[one["kind"]] if one["kind"] != "gap" else own & {"gateway"})
        if one["kind"] == "short weight":
            assert one["datastream"].startswith("scale/")
            assert -60 <= one["size"] <= -12
        if one["kind"] == "short share":
            assert one["datastream"].startswith("scale/")
            assert one["share"] in (0.01, 0.02, 0.05)
        if one["kind"] == "door":
            assert 0.75 * HOUR <= datetime.fromisoformat(one["closed_at"]) - time(one) <= 2 * HOUR
        if one["kind"] == "cooling":
            assert time(one) < datetime.fromisoformat(one["repaired_at"]) < time(one, "ends_at")

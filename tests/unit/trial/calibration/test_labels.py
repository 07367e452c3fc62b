"""An anomaly is true when an incident of its subject explains it, and was known in its time."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from aedilis.vocabulary import Scope
from simulation.incidents import iso
from simulation.script import FAULTS, FIRE, GATEWAY, OPENERS
from trial.calibration.labels import AFTERMATH, NEVER, OF_KIND, Truth, explains

HOUR = 3_600
BEGAN = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())


def label(kind: str, thing: str = "a", datastream: str = "PM2.5") -> dict[str, Any]:
    ends = BEGAN + 5 * HOUR
    return {"kind": kind, "thing": thing, "datastream": datastream, "starts_at": iso(BEGAN), "ends_at": iso(ends)}


TRUTH = Truth(
    [label("drift"), label("gap", "b", "*"), label("plume", "c", "PM2.5")], {"a": "north", "b": "north", "c": "south"}
)


def holds(
    kind: str, hours: float = 1, *, thing: str = "a", name: str = "PM2.5", zone: str = "north", **of: Any
) -> bool:
    at = BEGAN * 1_000_000 + round(hours * HOUR * 1e6)
    anomaly: Any = SimpleNamespace(
        kind=kind, thing=thing, datastream_name=name, zone=zone, detected_at=at, scope=of.get("scope", Scope.DATASTREAM)
    )
    return TRUTH.holds(anomaly)


def test_its_kind_must_be_right_unless_it_names_none() -> None:
    assert holds("drift")
    assert holds("offset"), "early on they look alike"
    assert holds("spike")
    assert holds("a kind of tomorrow")
    assert not holds("noise")
    assert not holds("plume")
    assert not holds("gap")
    assert holds("gap", thing="b")
    assert not holds("spike", thing="b"), "silence makes no result"


def test_it_was_known_while_it_lasted_or_shortly_after() -> None:
    after = 5 + AFTERMATH / 3.6e9
    assert [holds("drift", hours) for hours in (-0.1, 0, 5, after, after + 0.1)] == [False, True, True, True, False]


def test_it_is_of_the_same_subject() -> None:
    assert not holds("drift", name="NO2")
    assert not holds("drift", thing="b")
    assert holds("gap", thing="b", name="any")
    assert holds("drift", name="*", scope=Scope.THING)
    assert holds("plume", thing="*", zone="south", scope=Scope.ZONE)
    assert not holds("plume", thing="*", zone="north", scope=Scope.ZONE)
    assert not holds("plume", thing="*", name="NO2", zone="south", scope=Scope.ZONE)


@pytest.mark.parametrize("kind", OF_KIND)
def test_every_incident_is_explained_by_its_own_kinds(kind: str) -> None:
    assert all(explains(kind, one) for one in OF_KIND[kind])


def test_every_incident_that_the_city_can_play_is_known() -> None:
    played = {kind.name for kind in (*FAULTS, GATEWAY, FIRE)} | {name for name, *_ in OPENERS}
    assert played == set(OF_KIND)


def test_what_never_befalls_the_city_explains_nothing_and_is_no_incident() -> None:
    assert not NEVER & frozenset().union(*OF_KIND.values())
    assert not any(explains(incident, kind) for incident in OF_KIND for kind in NEVER)

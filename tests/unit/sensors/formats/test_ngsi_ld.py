"""NGSI-LD: the three forms of an entity, notifications, times and units of single properties."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sensors.formats.ngsi_ld import _UNITS, FORMAT
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import Through

ID = "urn:ngsi-ld:AirQualityObserved:Madrid-28079004-latest"
KEY_VALUES: dict[str, Any] = {
    "id": ID,
    "type": "AirQualityObserved",
    "NO2": 69,
    "relativeHumidity": 0.54,
    "dateObserved": "2016-03-15T11:00:00/2016-03-15T12:00:00",
    "location": {"type": "Point", "coordinates": [-3.71, 40.42]},
    "@context": ["https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"],
}
NORMALIZED: dict[str, Any] = {
    "id": ID,
    "type": "AirQualityObserved",
    "NO2": {"type": "Property", "value": 69},
    "relativeHumidity": {"type": "Property", "value": 0.54},
    "dateObserved": {"type": "Property", "value": {"@type": "DateTime", "@value": KEY_VALUES["dateObserved"]}},
    "location": {"type": "GeoProperty", "value": KEY_VALUES["location"]},
    "@context": KEY_VALUES["@context"],
}
CONCISE = {**NORMALIZED, "NO2": {"value": 69}, "relativeHumidity": 0.54, "location": KEY_VALUES["location"]}
RECORD = {
    "NO2": 69,
    "relativeHumidity": 0.54,
    "@time": "2016-03-15T11:00:00",
    "@thing": ID,
    "@longitude": -3.71,
    "@latitude": 40.42,
}


def through(content: Any, **options: Any) -> list[dict[str, Any]]:
    return list(Through(FORMAT, options)(json.dumps(content)))


@pytest.mark.parametrize("entity", [KEY_VALUES, NORMALIZED, CONCISE], ids=["key-values", "normalized", "concise"])
def test_the_forms_of_an_entity_say_the_same(entity: dict[str, Any]) -> None:
    assert through(entity) == [RECORD]
    assert through([entity, entity]) == [RECORD, RECORD]


def test_properties_of_other_instants_are_records_of_their_own() -> None:
    entity = {
        "id": ID,
        "a": {"type": "Property", "value": 1, "observedAt": "2026-01-01T00:00:00Z"},
        "b": {"type": "Property", "value": 2, "observedAt": "2026-01-01T00:05:00Z"},
        "c": {"type": "Property", "value": 3, "observedAt": "2026-01-01T00:00:00Z"},
        "d": {"type": "Property", "value": 4},
    }
    assert through(entity, thing="topic") == [
        {"@time": "2026-01-01T00:00:00Z", "a": 1, "c": 3},
        {"@time": "2026-01-01T00:05:00Z", "b": 2},
        {"d": 4},
    ]


def test_times_that_are_no_text_lose_no_property() -> None:
    entity = {"id": ID, "a": {"value": 1, "observedAt": 5}, "b": {"value": 2, "observedAt": 5}}
    assert through(entity, thing="topic") == [{"@time": 5, "a": 1, "b": 2}]
    assert through({**entity, "c": 3}, thing="topic") == [{"@time": 5, "a": 1, "b": 2}, {"c": 3}]


def test_a_notification_tells_its_time_where_nothing_else_does() -> None:
    data = [{"id": ID, "a": 1}, {"id": ID, "a": 2, "dateObserved": "2026-01-01T00:00:00Z"}]
    notification = {"id": "urn:x", "type": "Notification", "notifiedAt": "2026-01-01T00:00:09Z", "data": data}
    expected = [{"@time": "2026-01-01T00:00:09Z", "a": 1}, {"@time": "2026-01-01T00:00:00Z", "a": 2}]
    assert through(notification, thing="topic") == expected
    assert through({"metadata": {}, "body": notification}, thing="topic") == expected


@pytest.mark.parametrize(
    ("code", "unit"),
    [("GQ", "ug/m3"), ("CEL", "Cel"), ("P1", "%"), ("C62", "1"), ("XYZ", "XYZ")],
)
def test_units_are_told_as_ucum_where_they_are_known(code: str, unit: str) -> None:
    (record,) = through({"id": ID, "a": {"type": "Property", "value": 1, "unitCode": code}})
    assert record["@unit:a"] == unit


def test_codes_are_those_of_the_recommendation() -> None:
    assert all(2 <= len(code) <= 3 and code == code.upper() for code in _UNITS)


def test_the_thing_is_named_as_the_type_wants_it() -> None:
    assert through(KEY_VALUES, thing="id-tail")[0]["@thing"] == "Madrid-28079004-latest"
    assert through({**KEY_VALUES, "id": "station:7"}, thing="id-tail")[0]["@thing"] == "station:7"
    assert "@thing" not in through(KEY_VALUES, thing="topic")[0]


def test_zero_false_and_null_are_values() -> None:
    entity = {"id": ID, "a": {"value": 0}, "b": {"type": "Property", "value": False}, "c": None}
    assert through(entity, thing="topic") == [{"a": 0, "b": False, "c": None}]


def test_other_attributes_and_several_instances() -> None:
    entity = {
        "id": ID,
        "refDevice": {"type": "Relationship", "object": "urn:x"},
        "name": {"type": "LanguageProperty", "languageMap": {"en": "x"}},
        "list": [1, 2],
        "speed": [{"type": "Property", "value": 54}, {"type": "Property", "value": 11, "datasetId": "urn:gps"}],
        "@thing": "other",
        "createdAt": "2020-01-01T00:00:00Z",
    }
    (record,) = through(entity, thing="topic")
    assert record == {"refDevice": "urn:x", "name": {"en": "x"}, "list": [1, 2], "speed": 54, "speed@urn:gps": 11}


@pytest.mark.parametrize(
    "content",
    [{}, [], [5], {"id": 5, "a": 1}, {"id": ID}, {"type": "Notification"}, {"id": ID, "location": {"type": "Point"}}],
    ids=str,
)
def test_what_is_no_entity_is_refused(content: Any) -> None:
    with pytest.raises(Refused):
        through(content)

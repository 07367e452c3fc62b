"""Tasmota's nested telemetry, its clock and its units."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sensors.formats.tasmota import FORMAT
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import Through

SENSOR = "tele/x/SENSOR"


def read(content: Any, topic: str = SENSOR) -> Any:
    (record,) = Through(FORMAT)(json.dumps(content), topic)
    return record


@pytest.mark.parametrize(
    ("content", "time"),
    [
        ({"Time": "2023-05-21T01:06:38"}, "2023-05-21T01:06:38"),
        ({"Time": "2019-09-04T14:31:29.123"}, "2019-09-04T14:31:29.123"),
        ({"Time": "2019-09-04T16:31:29", "Epoch": 1567607489}, "2019-09-04T14:31:29+00:00"),
        ({"Time": 1567607489}, "2019-09-04T14:31:29+00:00"),
        ({"Time": "1970-01-01T00:00:12"}, None),
        ({"Time": "1970-01-01T00:00:12", "Epoch": 12}, None),
        ({"Time": 12}, None),
        ({"Time": 1e300}, None),
        ({"Time": None}, None),
        ({}, None),
    ],
)
def test_which_time_counts(content: dict[str, Any], time: str | None) -> None:
    record = read({**content, "A": {"B": 1}})
    assert record.get("@time") == time
    assert "Time" not in record
    assert "Epoch" not in record


def test_units_are_those_of_the_values_that_they_stand_for() -> None:
    record = read(
        {
            "DS18B20-1": {"Id": "000003287CD8", "Temperature": None},
            "BME280": {"Temperature": 70.1, "DewPoint": 50.0, "Pressure": 29.9, "SeaPressure": 30.0},
            "ANALOG": {"Temperature1": 70.0, "A0": 5},
            "ENERGY": {"Power": [1, 2, 3]},
            "Temperature": 71.0,
            "TempUnit": "F",
            "PressureUnit": "inHg",
        }
    )
    units = {key: value for key, value in record.items() if key[0] == "@"}
    assert units == {
        "@unit:Temperature": "[degF]",
        "@unit:DS18B20-1/Temperature": "[degF]",
        "@unit:BME280/Temperature": "[degF]",
        "@unit:BME280/DewPoint": "[degF]",
        "@unit:BME280/Pressure": "[in_i'Hg]",
        "@unit:BME280/SeaPressure": "[in_i'Hg]",
        "@unit:ANALOG/Temperature1": "[degF]",
    }
    assert record["DS18B20-1"]["Temperature"] is None
    assert record["ENERGY"] == {"Power": [1, 2, 3]}
    assert "TempUnit" not in record


def test_a_unit_that_is_not_known_is_told_as_it_came() -> None:
    assert read({"A": {"Temperature": 1}, "TempUnit": "K"})["@unit:A/Temperature"] == "K"


def test_status_8_wraps_the_same() -> None:
    inner = {"Time": "2018-12-03T13:48:08", "SI7021": {"Temperature": 17.7}, "TempUnit": "C"}
    assert read({"StatusSNS": inner}, "stat/x/STATUS8") == read(inner)


def test_the_last_will_of_the_broker_tells_nothing_to_store() -> None:
    assert Through(FORMAT)("Online", "tele/x/LWT") == ()


def test_keys_of_the_device_cannot_speak_for_the_format() -> None:
    record = read({"@thing": "other", "A": 1})
    assert record.pop("@fault")
    assert record == {"A": 1}


@pytest.mark.parametrize("payload", ["[]", "7", "null", "{}"])
def test_another_shape_is_refused(payload: str) -> None:
    with pytest.raises(Refused) as refused:
        Through(FORMAT)(payload, SENSOR)
    assert refused.value.reason == "wrong_shape"

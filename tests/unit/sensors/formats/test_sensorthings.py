"""SensorThings: which Datastream an Observation is of, intervals, and data arrays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sensors.formats.sensorthings import FORMAT
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import Through

KNOWN = {"42": {"thing": "station 7", "key": "NO2"}, "a'b": {"key": "O3"}}


def through(content: Any, topic: str = "v1.1/Observations", **options: Any) -> list[dict[str, Any]]:
    return list(Through(FORMAT, options)(json.dumps(content), topic))


@pytest.mark.parametrize(
    ("topic", "id_"),
    [
        ("v1.1/Datastreams(42)/Observations", "42"),
        ("Datastreams('a''b')/Observations", "a'b"),
        ("v1.0/MultiDatastreams(7)/Observations", "7"),
        ("x/v1.1/Datastreams(3f-9)/Observations", "3f-9"),
    ],
)
def test_the_topic_names_the_datastream(topic: str, id_: str) -> None:
    assert through({"result": 0}, topic) == [{"result": 0, "@thing": id_}]


@pytest.mark.parametrize(
    "link",
    [
        {"Datastream": {"@iot.id": 42}},
        {"Datastream@iot.navigationLink": "https://x/v1.1/Datastreams(42)"},
        {"MultiDatastream": {"@iot.id": "42"}},
    ],
)
def test_the_message_may_name_the_datastream(link: dict[str, Any]) -> None:
    assert through({"result": 1, **link}, "v1.1/Datastreams(1)/Observations")[0]["@thing"] == "42"


def test_what_a_datastream_is_the_type_says() -> None:
    assert through({"result": 1}, "v1.1/Datastreams(42)/Observations", datastreams=KNOWN) == [
        {"NO2": 1, "@thing": "station 7"}
    ]
    assert through({"result": 1}, "v1.1/Datastreams('a''b')/Observations", datastreams=KNOWN) == [{"O3": 1}]


def test_an_unknown_datastream_is_refused_and_the_mend_is_said() -> None:
    with pytest.raises(Refused, match=r"'43' is not in options\.datastreams; add it"):
        through({"result": 1}, "v1.1/Datastreams(43)/Observations", datastreams=KNOWN)


def test_an_interval_counts_from_its_start() -> None:
    observation = {"phenomenonTime": "2026-03-01T10:00:00Z/2026-03-01T11:00:00Z", "resultTime": None, "result": 1}
    assert through(observation) == [{"result": 1, "@time": "2026-03-01T10:00:00Z"}]


def test_quality_parameters_and_place() -> None:
    observation = {
        "result": [1, 2],
        "resultQuality": {"code": "V"},
        "parameters": {"battery": 3.1},
        "FeatureOfInterest": {"feature": {"type": "Point", "coordinates": [13.4, 52.5, 30]}},
    }
    assert through(observation) == [
        {
            "result": [1, 2],
            "@flag:result": '{"code":"V"}',
            "@parameters": {"battery": 3.1},
            "@longitude": 13.4,
            "@latitude": 52.5,
        }
    ]


def test_a_data_array_holds_many() -> None:
    array = {
        "Datastream": {"@iot.id": 42},
        "components": ["phenomenonTime", "result", "FeatureOfInterest/id"],
        "dataArray@iot.count": 2,
        "dataArray": [["2010-12-23T10:20:00-07:00", 20, 1], ["2010-12-23T10:21:00-07:00", 30, 1]],
    }
    assert through([array, {"result": 5}]) == [
        {"result": 20, "@time": "2010-12-23T10:20:00-07:00", "@thing": "42"},
        {"result": 30, "@time": "2010-12-23T10:21:00-07:00", "@thing": "42"},
        {"result": 5},
    ]


@pytest.mark.parametrize(
    "content",
    [
        [],
        5,
        {},
        [[]],
        {"dataArray": [[1]]},
        {"components": ["result"], "dataArray": [[1, 2]]},
        {"components": [5], "dataArray": [[1]]},
    ],
    ids=str,
)
def test_what_is_no_observation_is_refused(content: Any) -> None:
    with pytest.raises(Refused):
        through(content)

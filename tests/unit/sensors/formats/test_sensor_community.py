"""The list of values of the airRohr firmware."""

from __future__ import annotations

import json

import pytest

from sensors.formats.sensor_community import FORMAT
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import Through


def sent(values: object, **beside: object) -> str:
    return json.dumps({"esp8266id": "9372054", "sensordatavalues": values, **beside})


def test_numbers_stay_text_and_pressure_is_in_pascal() -> None:
    values = [{"value_type": "SDS_P2", "value": "1.00"}, {"value_type": "BMP_pressure", "value": "102372"}]
    assert Through(FORMAT)(sent(values, software_version="NRZ-2017-099")) == [
        {
            "@thing": "9372054",
            "software_version": "NRZ-2017-099",
            "SDS_P2": "1.00",
            "BMP_pressure": "102372",
            "@unit:BMP_pressure": "Pa",
        }
    ]


@pytest.mark.parametrize("key", ["esp8266id", "esp32id", "raspiid"])
def test_the_thing_is_text_whatever_the_board(key: str) -> None:
    (record,) = Through(FORMAT)(json.dumps({key: 9372054, "sensordatavalues": []}))
    assert record == {"@thing": "9372054"}


def test_a_message_may_name_no_thing() -> None:
    assert Through(FORMAT)('{"sensordatavalues":[{"value_type":"a","value":"1"}]}') == [{"a": "1"}]


def test_a_value_that_cannot_be_read_is_told_and_the_others_count() -> None:
    values = [7, {"value_type": "a"}, {"value_type": "@thing", "value": "x"}, {"value_type": "b", "value": "1"}]
    (record,) = Through(FORMAT)(sent(values))
    assert record["b"] == "1"
    assert record["@thing"] == "9372054"
    for index in range(3):
        assert f"[{index}]" in record["@fault"]


def test_a_value_that_stands_twice_keeps_the_first_and_tells() -> None:
    values = [{"value_type": "a", "value": "1"}, {"value_type": "a", "value": "2"}]
    (record,) = Through(FORMAT)(sent(values))
    assert record["a"] == "1"
    assert record["@fault"] == "a stands twice, again at $.sensordatavalues[1]"


@pytest.mark.parametrize("payload", ["[]", "{}", '{"sensordatavalues":{}}', "7"])
def test_another_shape_is_refused(payload: str) -> None:
    with pytest.raises(Refused) as refused:
        Through(FORMAT)(payload)
    assert refused.value.reason == "wrong_shape"


def test_keys_of_the_device_cannot_speak_for_the_format() -> None:
    (record,) = Through(FORMAT)(sent([], **{"@time": 1}))
    assert record.pop("@fault")
    assert record == {"@thing": "9372054"}

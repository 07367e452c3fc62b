"""ThingsBoard: all forms of telemetry, of one device and of a gateway."""

from __future__ import annotations

import pytest

from sensors.formats.thingsboard import FORMAT
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import Through


@pytest.mark.parametrize(
    ("payload", "records"),
    [
        ('{"temperature":5.3}', [{"temperature": 5.3}]),
        ('{"ts":1451649600512,"values":{"a":1}}', [{"a": 1, "@time": 1451649600512}]),
        ('[{"a":1},{"ts":5,"values":{"a":2}}]', [{"a": 1}, {"a": 2, "@time": 5}]),
        ('{"ts":1451649600512,"a":1}', [{"ts": 1451649600512, "a": 1}]),
        ('{"values":{"a":1}}', [{"values": {"a": 1}}]),
    ],
    ids=["values", "with a time", "a list", "ts alone is a value", "values alone is a value"],
)
def test_every_form_of_telemetry(payload: str, records: object) -> None:
    assert Through(FORMAT)(payload) == records


def test_a_gateway_names_its_devices() -> None:
    payload = '{"A":[{"ts":1,"values":{"a":1}},{"ts":2,"values":{"a":2}}],"B":{"a":0}}'
    assert Through(FORMAT, {"gateway": True})(payload) == [
        {"a": 1, "@time": 1, "@thing": "A"},
        {"a": 2, "@time": 2, "@thing": "A"},
        {"a": 0, "@thing": "B"},
    ]


def test_a_device_that_cannot_be_read_costs_that_device() -> None:
    fault, good = Through(FORMAT, {"gateway": True})('{"A":[5],"B":[{"a":1}]}')
    assert fault["@thing"] == "A"
    assert '$["A"]' in fault["@fault"]
    assert good == {"a": 1, "@thing": "B"}


@pytest.mark.parametrize("payload", ["[]", "{}", '{"ts":1,"values":{}}', "7", '{"ts":1,"values":[]}'])
def test_no_values_are_refused(payload: str) -> None:
    with pytest.raises(Refused):
        Through(FORMAT)(payload)


def test_a_device_cannot_speak_for_another_thing() -> None:
    (record,) = Through(FORMAT, {"gateway": True})('{"A":[{"@thing":"B","a":1}]}')
    assert record["@thing"] == "A"
    assert record["@fault"]

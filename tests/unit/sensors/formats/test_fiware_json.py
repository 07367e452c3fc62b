"""FIWARE's JSON: each object of measures has its own time."""

from __future__ import annotations

import pytest

from sensors.formats.fiware_json import FORMAT
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import Through


def test_each_object_has_its_own_time_or_none() -> None:
    payload = '[{"t":"15","TimeInstant":"2016-06-13T00:35:30Z"},{"t":16,"in":{"h":0}}]'
    assert Through(FORMAT)(payload) == [
        {"t": "15", "@time": "2016-06-13T00:35:30Z"},
        {"t": 16, "in": {"h": 0}},
    ]


@pytest.mark.parametrize(("payload", "value"), [("70", 70), ('{"a": 1}', {"a": 1}), ("open", "open")])
def test_a_topic_may_name_the_value(payload: str, value: object) -> None:
    assert Through(FORMAT)(payload, "json/key/station/attrs/h") == [{"h": value}]


def test_the_result_of_a_command_says_nothing() -> None:
    assert not Through(FORMAT)('{"ping":"ok"}', "json/key/station/cmdexe")


@pytest.mark.parametrize("key", ['"@thing"', '"\\u0040thing"'])
def test_a_device_cannot_speak_for_another_thing(key: str) -> None:
    (record,) = Through(FORMAT)(f'{{{key}: "other", "t": 1}}')
    assert record == {"t": 1, "@fault": "a key that begins with @ is no device's: @thing"}


@pytest.mark.parametrize(
    ("payload", "reason"), [("[]", "missing_field"), ("{}", "missing_field"), ("[1]", "wrong_shape")]
)
def test_no_measures_are_refused(payload: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        Through(FORMAT)(payload)
    assert refused.value.reason == reason

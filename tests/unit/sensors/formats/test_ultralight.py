"""UltraLight 2.0: what cannot be told apart is a fault, and the rest counts."""

from __future__ import annotations

import pytest

from sensors.formats.ultralight import FORMAT
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import Through


def test_values_are_text_as_they_came() -> None:
    assert Through(FORMAT)("t|015|k|abc|gps|1.2/3.4") == [{"t": "015", "k": "abc", "gps": "1.2/3.4"}]


def test_each_group_has_its_own_time_or_none() -> None:
    assert Through(FORMAT)("2016-06-13T00:35:30Z|lle|100#t|10#20160613T003600Z|t|11\r\n") == [
        {"lle": "100", "@time": "2016-06-13T00:35:30Z"},
        {"t": "10"},
        {"t": "11", "@time": "20160613T003600Z"},
    ]


def test_an_empty_value_is_none_and_zero_is_not() -> None:
    assert Through(FORMAT)("t||h|0|k|") == [{"t": None, "h": "0", "k": None}]


@pytest.mark.parametrize("order", ["latitude/longitude", "longitude/latitude"])
def test_degrees_stand_in_the_declared_order(order: str) -> None:
    (record,) = Through(FORMAT, {"location": "gps", "order": order})("gps|0/3.5|t|1")
    first, second = order.split("/")
    assert record == {"t": "1", f"@{first}": 0.0, f"@{second}": 3.5}


def test_wrong_degrees_cost_the_place_and_no_value() -> None:
    (record,) = Through(FORMAT, {"location": "gps"})("gps|here|t|1")
    assert record == {"t": "1", "@fault": "expected degrees as latitude/longitude, got 'here'"}


@pytest.mark.parametrize(
    "group",
    [
        "t|15|k",  # cut: `t` is no time
        "2016-06-13T00:35:30Z|lle|100|k",  # cut after a time: the time is no name
        "|t|15|",
        "t|15|t|16",
        "t|1|@thing|other",
    ],
)
def test_a_group_that_cannot_be_read_costs_that_group(group: str) -> None:
    with pytest.raises(Refused) as refused:
        Through(FORMAT)(group)
    assert refused.value.reason == "invalid_payload"
    good, fault = Through(FORMAT)(f"h|50#{group}")
    assert good == {"h": "50"}
    assert list(fault) == ["@fault"]


@pytest.mark.parametrize("topic", ["ul/key/station/attrs", "ul/key/station/cmdexe"])
def test_the_result_of_a_command_says_nothing(topic: str) -> None:
    assert not Through(FORMAT)("station@ping|Ping ok", topic)


def test_a_topic_may_name_the_value() -> None:
    assert Through(FORMAT)("70", "ul/key/station/attrs/h") == [{"h": "70"}]

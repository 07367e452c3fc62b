"""ChirpStack: version 4 and 3, several gateways, several network servers, and events that are no uplinks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sensors.format import Memory
from sensors.formats.chirpstack import FORMAT
from sensors.payload import Refused
from tests.unit.sensors.declaring import compiled
from tests.unit.sensors.formats.decoding import NOW, Through

UP = "application/1/device/0101010101010101/event/up"
MESSAGE: dict[str, Any] = {
    "deduplicationId": "3ac7e3c4",
    "time": "2022-07-18T09:34:15.775023242+00:00",
    "deviceInfo": {"deviceName": "bin 12", "devEui": "0101010101010101"},
    "fCnt": 5,
    "fPort": 1,
    "data": "A2cBEA==",
    "object": {"level": {"cm": 0}, "open": False},
    "rxInfo": [{"gatewayId": "01", "rssi": -112}, {"gatewayId": "02", "rssi": -36, "snr": 10.5}],
}
VERSION_3: dict[str, Any] = {
    "applicationID": "1",
    "deviceName": "bin 12",
    "devEUI": "AQEBAQEBAQE=",
    "rxInfo": [{"gatewayID": "AQ==", "time": "2020-01-01T00:00:00.5Z", "rssi": -48, "loRaSNR": 9}],
    "fCnt": 5,
    "data": "A2cBEA==",
    "objectJSON": '{"level":{"cm":41.5}}',
}


def sent(line: Through, at: int = NOW, topic: str = UP, **changes: Any) -> list[dict[str, Any]]:
    message = {**MESSAGE, **changes}
    return list(line(json.dumps({key: value for key, value in message.items() if value is not ...}), topic, at))


def test_an_uplink() -> None:
    assert sent(Through(FORMAT)) == [
        {
            "level": {"cm": 0},
            "open": False,
            "@time": "2022-07-18T09:34:15.775023242+00:00",
            "@id": "3ac7e3c4",
            "@rssi": -36,
            "@snr": 10.5,
        }
    ]


@pytest.mark.parametrize(("option", "name"), [("dev-eui", "0101010101010101"), ("device-name", "bin 12")])
def test_the_thing_is_named_as_the_type_wants_it(option: str, name: str) -> None:
    line = Through(FORMAT, {"thing": option})
    assert sent(line)[0]["@thing"] == name
    assert line(json.dumps(VERSION_3), UP)[0]["@thing"] == name


def test_a_message_that_comes_again_has_the_same_time() -> None:
    """Redelivered by the broker: the same record, so the same Observations."""
    line = Through(FORMAT)
    assert sent(line) == sent(line, at=NOW + 3_600_000_000)


def test_two_network_servers_that_heard_one_uplink_tell_one_time() -> None:
    line = Through(FORMAT)
    (first,) = sent(line)
    (second,) = sent(line, at=NOW + 200_000, time="2022-07-18T09:34:15.9Z", deduplicationId="other")
    (later,) = sent(line, at=NOW + 60_000_000, time="2022-07-18T09:35:15Z", fCnt=6)
    assert second["@time"] == first["@time"]
    assert later["@time"] == "2022-07-18T09:35:15Z"


def test_a_counter_of_zero_is_left_out() -> None:
    line = Through(FORMAT)
    (first,) = sent(line, fCnt=0)
    (second,) = sent(line, fCnt=..., time="2022-07-18T09:34:15.9Z")
    assert second["@time"] == first["@time"]


def test_cayenne_lpp() -> None:
    (record,) = sent(Through(FORMAT, {"payload": "cayenne-lpp"}), object=...)
    assert record["temperature_3"] == 27.2


def test_version_3() -> None:
    assert Through(FORMAT)(json.dumps(VERSION_3), UP) == (
        {"level": {"cm": 41.5}, "@time": "2020-01-01T00:00:00.5Z", "@rssi": -48, "@snr": 9},
    )
    (record,) = Through(FORMAT)(json.dumps({**VERSION_3, "publishedAt": "2020-01-01T00:00:01Z"}), UP)
    assert record["@time"] == "2020-01-01T00:00:01Z"


@pytest.mark.parametrize("event", ["join", "ack", "txack", "log", "status", "location", "integration"])
def test_other_events_say_nothing(event: str) -> None:
    assert not Through(FORMAT)("{}", f"application/1/device/01/event/{event}")


@pytest.mark.parametrize("options", [{}, {"payload": "cayenne-lpp"}])
def test_an_uplink_for_the_network_alone_says_nothing(options: dict[str, str]) -> None:
    assert not sent(Through(FORMAT, options), object=..., data=...)


def test_bytes_that_nobody_decodes_are_refused_and_the_mend_is_said() -> None:
    with pytest.raises(Refused, match=r"codec.*cayenne-lpp") as refused:
        sent(Through(FORMAT), object=...)
    assert refused.value.reason == "missing_field"


def test_a_codec_cannot_speak_for_another_thing() -> None:
    (record,) = sent(Through(FORMAT), object={"@thing": "other", "a": 1})
    assert "@thing" not in record
    assert record["@fault"]


def test_copies_of_an_uplink_become_the_same_observations() -> None:
    """The key of an Observation is its Datastream and time: storage counts the second as a duplicate."""
    kind = compiled(
        {"name": "level", "field": ["level", "cm"], "unit": "cm"},
        topic="application/{agency}/device/{thing}/event/up",
        payload={"format": "chirpstack", "ignore": ["open"]},
    )
    memory = Memory()
    keys: list[tuple[str, str, int]] = []
    for delay, changes in (
        (0, {}),
        (200_000, {"time": "2022-07-18T09:34:15.9Z"}),
        (300_000, {}),
        (9_000_000, {"fCnt": 6, "time": "2022-07-18T09:34:24Z"}),
    ):
        payload = json.dumps({**MESSAGE, **changes}).encode()
        fields = kind.matches(UP)
        assert fields is not None
        decoded = kind.decode(fields, payload, NOW + delay, topic=UP, memory=memory)
        keys += [(one.thing, one.datastream_name, one.phenomenon_time) for one in decoded.observations]
    first, from_another_server, redelivered, next_uplink = keys
    assert first == from_another_server == redelivered != next_uplink

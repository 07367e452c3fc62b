"""The Things Stack: what is zero is left out, and what is no uplink says nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sensors.formats.the_things_stack import FORMAT
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import NOW, Through

IDS = {"device_id": "dev1", "application_ids": {"application_id": "app1"}, "dev_eui": "0004A30B001C0530"}
UPLINK: dict[str, Any] = {
    "f_port": 1,
    "frm_payload": "A2cBEA==",
    "decoded_payload": {"temperature": 1.0, "in": {"door": False}},
    "received_at": "2025-07-24T11:51:27.572703341Z",
}


def sent(line: Through, at: int = NOW, around: dict[str, Any] | None = None, **changes: Any) -> list[dict[str, Any]]:
    uplink = {key: value for key, value in {**UPLINK, **changes}.items() if value is not ...}
    message = {
        "end_device_ids": IDS,
        "received_at": "2025-07-24T11:51:27.9Z",
        "uplink_message": uplink,
        **(around or {}),
    }
    return list(line(json.dumps(message), at=at))


def test_an_uplink() -> None:
    assert sent(Through(FORMAT)) == [
        {"temperature": 1.0, "in": {"door": False}, "@time": "2025-07-24T11:51:27.572703341Z"}
    ]


def test_what_is_zero_is_left_out() -> None:
    changes = {
        "rx_metadata": [{"rssi": -80, "snr": -2}, {"rssi": -52}],
        "locations": {"user": {"longitude": 0.5}},
        "last_battery_percentage": {"f_cnt": 3},
    }
    (record,) = sent(Through(FORMAT), **changes)
    told = {key: record[key] for key in ("@rssi", "@snr", "@latitude", "@longitude", "@battery")}
    assert told == {"@rssi": -52, "@snr": 0, "@latitude": 0, "@longitude": 0.5, "@battery": 0}


def test_a_first_counter_of_zero_is_left_out() -> None:
    line = Through(FORMAT)
    (first,) = sent(line)
    (copy,) = sent(line, f_cnt=0, received_at="2025-07-24T11:51:28Z")
    (next_,) = sent(line, f_cnt=1, received_at="2025-07-24T11:51:29Z")
    assert copy["@time"] == first["@time"] != next_["@time"]


@pytest.mark.parametrize(("option", "name"), [("device-id", "dev1"), ("dev-eui", "0004A30B001C0530")])
def test_the_thing_is_named_as_the_type_wants_it(option: str, name: str) -> None:
    assert sent(Through(FORMAT, {"thing": option}))[0]["@thing"] == name


def test_the_time_of_the_gateway_counts_where_it_is_wanted_and_told() -> None:
    line = Through(FORMAT, {"time": "gateway"})
    assert sent(line, settings={"time": "2025-07-24T11:51:27.5Z"})[0]["@time"] == "2025-07-24T11:51:27.5Z"
    assert sent(line, f_cnt=1, settings={})[0]["@time"] == UPLINK["received_at"]
    assert sent(line, f_cnt=2, received_at=...)[0]["@time"] == "2025-07-24T11:51:27.9Z"


def test_each_normalized_measurement_is_a_record_with_its_own_time() -> None:
    normalized = [{"air": {"temperature": 20.5}}, {"time": "2025-07-24T11:00:00Z", "air": {"temperature": 19}}]
    assert sent(Through(FORMAT, {"payload": "normalized"}), normalized_payload=normalized) == [
        {"air": {"temperature": 20.5}, "@time": UPLINK["received_at"]},
        {"air": {"temperature": 19}, "@time": "2025-07-24T11:00:00Z"},
    ]


def test_cayenne_lpp() -> None:
    assert sent(Through(FORMAT, {"payload": "cayenne-lpp"}))[0]["temperature_3"] == 27.2


def test_what_the_formatter_warned_of_is_told() -> None:
    assert sent(Through(FORMAT), decoded_payload_warnings=["low", "old"])[0]["@warnings"] == "low; old"


@pytest.mark.parametrize("kind", ["join_accept", "downlink_ack", "downlink_sent", "service_data", "location_solved"])
def test_other_messages_say_nothing(kind: str) -> None:
    assert not Through(FORMAT)(json.dumps({"end_device_ids": IDS, kind: {}}))


@pytest.mark.parametrize("payload", ["decoded", "normalized", "cayenne-lpp"])
def test_an_uplink_for_the_network_alone_says_nothing(payload: str) -> None:
    assert not sent(Through(FORMAT, {"payload": payload}), decoded_payload=..., frm_payload=...)


def test_bytes_that_nobody_decodes_are_refused_and_the_mend_is_said() -> None:
    with pytest.raises(Refused, match=r"payload formatter.*cayenne-lpp"):
        sent(Through(FORMAT), decoded_payload=...)


def test_a_simulated_uplink_counts_only_where_the_type_says_so() -> None:
    with pytest.raises(Refused, match="simulated"):
        sent(Through(FORMAT), around={"simulated": True})
    assert sent(Through(FORMAT, {"simulated": True}), around={"simulated": True})

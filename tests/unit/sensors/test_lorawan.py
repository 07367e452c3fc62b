"""What LoRaWAN network servers share: Cayenne LPP, the best gateway, and one time for the copies of an uplink."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sensors.lorawan import best_gateway, cayenne, one_time
from sensors.payload import Refused

SECOND = 1_000_000


def lpp(digits: str) -> dict[str, Any]:
    return cayenne(base64.b64encode(bytes.fromhex(digits)).decode())


@pytest.mark.parametrize(
    ("digits", "record"),
    [
        ("03670110 05670 0FF", {"temperature_3": 27.2, "temperature_5": 25.5}),
        ("0167FFD7", {"temperature_1": -4.1}),
        ("0768590273 2710", {"relative_humidity_7": 44.5, "barometric_pressure_2": 1000.0}),
        ("0671 04D2 FB2E 0000", {"accelerometer_6": {"x": 1.234, "y": -1.234, "z": 0.0}}),
        (
            "0188 06765F F2960A 0003E8",
            {"gps_1": {"latitude": 42.3519, "longitude": -87.9094, "altitude": 10.0}},
        ),
        ("0000 01", {"digital_in_0": 1.0}),
        ("0174 014A", {"voltage_1": 3.3}),
    ],
    ids=["two temperatures", "below zero", "humidity, pressure", "accelerometer", "gps", "digital", "voltage"],
)
def test_cayenne_lpp(digits: str, record: dict[str, Any]) -> None:
    assert lpp(digits.replace(" ", "")) == record


@pytest.mark.parametrize("digits", ["", "03", "0367", "036701", "03670110 04", "03FF00"])
def test_cayenne_lpp_that_is_cut_or_not_known_is_refused(digits: str) -> None:
    with pytest.raises(Refused) as refused:
        lpp(digits.replace(" ", ""))
    assert refused.value.reason == "invalid_payload"


@pytest.mark.parametrize("data", [None, 5, "!!", "A2c"])
def test_what_is_no_base64_is_refused(data: object) -> None:
    with pytest.raises(Refused):
        cayenne(data)


@pytest.mark.parametrize(
    ("heard", "best"),
    [
        ([{"rssi": -112, "snr": -3.5}, {"rssi": -36, "snr": 10.5}], (-36, 10.5)),
        ([{"rssi": -100, "snr": 9}, {"rssi": -36, "snr": -1}], (-36, -1)),
        ([{"rssi": -52}], (-52, 0)),
        ([], None),
        (None, None),
        (["x", {"rssi": "y"}, {"rssi": -9, "snr": 1}], (-9, 1)),
    ],
)
def test_the_gateway_that_heard_it_loudest(heard: object, best: object) -> None:
    assert best_gateway(heard) == best


def test_copies_of_an_uplink_have_the_time_of_the_first() -> None:
    memory: dict[Any, Any] = {}
    assert one_time(memory, "a", (7, "qg=="), "10:00:00.1", 0) == "10:00:00.1"
    assert one_time(memory, "a", (7, "qg=="), "10:00:00.4", SECOND) == "10:00:00.1"
    assert one_time(memory, "b", (7, "qg=="), "10:00:00.5", SECOND) == "10:00:00.5"
    assert one_time(memory, "a", (8, "qg=="), "10:00:05", 5 * SECOND) == "10:00:05"


def test_a_counter_that_begins_again_is_another_uplink() -> None:
    memory: dict[Any, Any] = {}
    assert one_time(memory, "a", (0, "qg=="), "10:00", 0) == "10:00"
    assert one_time(memory, "a", (0, "qw=="), "10:01", SECOND) == "10:01"
    assert one_time(memory, "a", (0, "qw=="), "10:05", 300 * SECOND) == "10:05"


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensors.lorawan._DEVICES", 3)
    memory: dict[Any, Any] = {}
    for device in range(10):
        one_time(memory, device, (1, ""), "t", 0)
    assert list(memory) == [7, 8, 9]

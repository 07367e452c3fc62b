"""What a value is and in which unit."""

from __future__ import annotations

import pytest

from sensors.infer.quantities import recognise, table, words


@pytest.mark.parametrize(
    ("path", "values", "name", "unit"),
    [
        (("BME280", "Temperature"), [20.5], "air temperature", "Cel"),
        (("temp_f",), [68.0], "air temperature", "[degF]"),
        (("outTemp",), [71.2, 73.0], "air temperature", "[degF]"),
        (("BME280_pressure",), [101325.0], "air pressure", "Pa"),
        (("pressure",), [1013.2], "air pressure", "hPa"),
        (("relativeHumidity",), [0.54], "relative humidity", "1"),
        (("humidity",), [54.0], "relative humidity", "%"),
        (("SDS0X1", "PM2.5"), [11.8], "PM2.5", "ug/m3"),
        (("SDS_P2",), [11.8], "PM2.5", "ug/m3"),
        (("SO2-Rtd",), [19.0], "SO2", "ug/m3"),
        (("LAeq",), [61.2], "sound level", "dB(A)"),
        (("noise", "LAmax"), [80.0], "loudest sound level", "dB(A)"),
        (("net_weight_g",), [512.0], "weight", "g"),
        (("battery_voltage",), [3.1], "voltage", "V"),
        (("waterLevel",), [1.83], "water level", "m"),
        (("fill_level",), [63.0], "fill level", "%"),
    ],
)
def test_names_and_sizes_tell(path: tuple[str, ...], values: list[float], name: str, unit: str) -> None:
    found = recognise(path, values)
    assert found.quantity is not None
    assert (found.quantity.name, found.payload_unit) == (name, unit)


def test_what_the_message_says_of_the_unit_goes_before_its_size() -> None:
    assert recognise(("pressure",), [1013.0], "mm[Hg]").payload_unit == "mm[Hg]"


def test_an_unknown_name_is_told_with_little_confidence() -> None:
    found = recognise(("xyzzy",), [3.0])
    assert found.quantity is None
    assert found.confidence <= 0.2


def test_words() -> None:
    assert words("outTempC") == ["out", "temp", "c"]
    assert words("PM2.5") == ["pm2", "5"]
    assert words("relativeHumidity") == ["relative", "humidity"]


def test_no_name_stands_for_two_quantities() -> None:
    seen: dict[str, str] = {}
    for one in table():
        for name in one.names:
            assert seen.setdefault(name, one.name) == one.name

"""Units are shown as people write them."""

from __future__ import annotations

import pytest

from aedilis.units import with_unit, written
from sensors.registry import load


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("ug/m3", "µg/m³"),
        ("mg/m3", "mg/m³"),
        ("Cel", "°C"),
        ("deg", "°"),
        ("%", "%"),
        ("1", ""),
        ("dB(A)", "dB(A)"),
        ("EUR/kg", "EUR/kg"),
        ("m/s", "m/s"),
        ("m3/h", "m³/h"),
        ("s-1", "s⁻¹"),
        ("kg.m-3", "kg·m⁻³"),
        ("kW.h", "kWh"),
        ("uSv/h", "µSv/h"),
        ("us", "µs"),
        ("{visitors}/h", "visitors/h"),
        ("[ppm]", "ppm"),
        ("[degF]", "°F"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_written(code: str, wanted: str) -> None:
    assert written(code) == wanted


@pytest.mark.parametrize(
    ("number", "unit", "wanted"),
    [("182", "ug/m3", "182 µg/m³"), ("45", "deg", "45°"), ("7", "1", "7"), ("3", "Cel", "3 °C")],
)
def test_with_unit(number: str, unit: str, wanted: str) -> None:
    assert with_unit(number, unit) == wanted


def test_no_declared_unit_shows_its_code() -> None:
    for declared in load().values():
        for prop in declared.properties:
            shown = written(prop.unit)
            assert not set(shown) & set("0123456789[]{}"), f"{prop.unit} is shown as {shown}"

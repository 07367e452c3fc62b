"""Units: what is a code, how payloads spell it, and conversions that are exact."""

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aedilis.units import written
from sensors.declaration import Gas
from sensors.spellings import WHOLE
from sensors.units import SAME, alias, conversion, known, nearest


def converted(value: float, of: str, to: str, gas: Gas | None = None) -> float:
    times, plus, over = conversion(of, to, gas)
    return (value * times + plus) / over


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "Cel",
            "[degF]",
            "K",
            "ug/m3",
            "ug.m-3",
            "mg/L",
            "%",
            "1",
            "deg",
            "hPa",
            "mm[Hg]",
            "[in_i'Hg]",
            "m/s",
            "km/h",
        ),
        *("mm/h", "W/m2", "kW.h", "uS/cm", "[pH]", "{NTU}", "dB(A)", "{visitors}", "{visitors}/h", "%{RH}", "EUR/kg"),
        *(
            "CNY/[jin]",
            "LKR/kg",
            "[ppb]",
            "m3/(s.km2)",
            "/m3",
            "10*3/uL",
            "10*-6",
            "umol/(m2.s)",
            "lx",
            "100/mL",
            "Cel/h",
        ),
    ],
)
def test_codes(unit: str) -> None:
    assert known(unit)
    assert alias(unit) is not None
    assert conversion(unit, unit) == SAME


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "",
            "parsnip",
            "µg/m³",
            "°C",
            "ug/m4x",
            "m//s",
            "m/",
            ".m",
            "m)",
            "((m)",
            "{}",
            "{",
            "dB(A)/h",
            "kCNY",
            "m-",
            "0",
        ),
        *("kkg", "1/0", "das2s", "(" * 29 + "m" + ")" * 28, "m" * 100_000, "m\0", "m s", "kmin", "{ä}", "10*-999"),
    ],
    ids=lambda unit: repr(unit[:12]),
)
def test_what_is_none(unit: str) -> None:
    assert not known(unit)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(("℃", "Cel"), ("°C", "Cel"), ("C", "Cel"), ("CEL", "Cel"), ("degF", "[degF]"), ("°F", "[degF]")),
        *(("µg/m³", "ug/m3"), ("μg/m³", "ug/m3"), ("㎍/㎥", "ug/m3"), ("ug/m^3", "ug/m3"), ("GQ", "ug/m3")),
        *(
            ("ug/m**3", "ug/m3"),
            (" mg/m3 ", "mg/m3"),
            ("%RH", "%"),
            ("ppb", "[ppb]"),
            ("PPM", "[ppm]"),
            ("59", "[ppm]"),
        ),
        *(("dBA", "dB(A)"), ("dB(A)", "dB(A)"), ("dB", "dB"), ("hpa", "hPa"), ("HPA", "hPa"), ("inHg", "[in_i'Hg]")),
        *(
            ("kWh", "kW.h"),
            ("μS/cm", "uS/cm"),
            ("W/m²", "W/m2"),
            ("m³/h", "m3/h"),
            ("km/h", "km/h"),
            ("mph", "[mi_i]/h"),
        ),
        *(("元/斤", "CNY/[jin]"), ("元/公斤", "CNY/kg"), ("€/kg", "EUR/kg"), ("斤", "[jin]"), ("人/h", "{visitors}/h")),
        *(("pH", "[pH]"), ("NTU", "{NTU}"), ("°", "deg"), ("Lux", "lx"), ("/", "1"), ("", "1"), ("W·h", "W.h")),
        *(("parsnip", None), ("x" * 100_000, None), ("\0", None), ("度数", None)),
    ],
    ids=lambda one: repr(one)[:20],
)
def test_spellings(text: str, code: str | None) -> None:
    assert alias(text) == code


def test_each_spelling_means_a_code_and_each_code_is_written() -> None:
    assert [code for code in WHOLE.values() if not known(code)] == []
    for code in set(WHOLE.values()) - {"1", "[psi]", "[jin]"}:
        shown = written(code)
        if alias(shown) is not None:
            assert conversion(shown, code) == SAME, (code, shown)


@pytest.mark.parametrize(
    ("unit", "first"),
    [
        ("µg/m³", "ug/m3"),
        ("celcius", "Cel"),
        ("hpa", "hPa"),
        ("dBA", "dB(A)"),
        ("kilometre", None),
    ],
)
def test_what_may_have_been_meant(unit: str, first: str | None) -> None:
    found = nearest(unit)
    assert first is None or found[0] == first
    assert len(found) <= 3
    assert all(map(known, found))


@pytest.mark.parametrize(
    ("value", "of", "to", "result"),
    [
        (212, "[degF]", "Cel", 100.0),
        (-40, "°F", "Cel", -40.0),
        (293.15, "K", "Cel", 20.0),
        (101_325, "Pa", "hPa", 1013.25),
        (1, "atm", "hPa", 1013.25),
        (760, "mm[Hg]", "Pa", 101_324.72),  # UCUM: 133.322 Pa each
        (30, "inHg", "hPa", 1015.91364),
        (0.025, "mg/m3", "ug/m3", 25.0),
        (1, "mg/L", "g/m3", 1.0),
        (36, "km/h", "m/s", 10.0),
        (1, "[mi_i]/h", "m/s", 0.44704),
        (1, "[kn_i]", "km/h", 1.852),
        (0.54, "1", "%", 54.0),
        (1, "‰", "%", 0.1),
        (400, "ppm", "%", 0.04),
        (3, "元/斤", "CNY/kg", 6.0),
        (2, "[jin]", "kg", 1.0),
        (5, "{visitors}/min", "{visitors}/h", 300.0),
        (1, "kWh", "MJ", 3.6),
        (1, "Cel/h", "K/h", 1.0),
        (9, "[degF]/h", "K/h", 5.0),
        (180, "deg", "rad", 3.141592653589793),
        (60, "L/min", "m3/h", 3.6),
        (1, "10*3/uL", "/uL", 1000.0),
        (1, "W.s", "J", 1.0),
    ],
)
def test_conversions(value: float, of: str, to: str, result: float) -> None:
    assert converted(value, of, to) == result


NO2 = Gas(molar_mass=46.0055, temperature=20)


@pytest.mark.parametrize(
    ("value", "of", "to", "gas", "result"),
    [
        (1, "ppb", "ug/m3", NO2, 1.9125),  # the factor of the EU's reports: 1.9125 at 20 °C
        (1, "ppb", "ug/m3", Gas(molar_mass=46.0055, temperature=25), 1.8804),
        (1, "ppm", "mg/m3", Gas(molar_mass=28.010, temperature=25), 1.1449),
        (100, "ppb", "mg/m3", NO2, 0.19125),
        (1.9125, "ug/m3", "[ppb]", NO2, 1.0),
        (1, "[ppb]", "ug/m3", Gas(molar_mass=46.0055, temperature=20, pressure=506.625), 0.95625),
    ],
)
def test_gases(value: float, of: str, to: str, gas: Gas, result: float) -> None:
    assert converted(value, of, to, gas) == pytest.approx(result, rel=5e-5)


@pytest.mark.parametrize(
    ("of", "to", "gas", "words"),
    [
        ("ppb", "ug/m3", None, "gas = { molar_mass = "),
        ("ug/m3", "[ppm]", None, "gas = { molar_mass = "),
        ("kg", "g", NO2, "a gas is of use"),
        ("ppb", "m/s", NO2, "a gas is of use"),
        ("kg", "Cel", None, "different quantities"),
        ("dB", "dB(A)", None, "different quantities"),
        ("dB(A)", "A", None, "different quantities"),  # to pint it is ampere times decibel
        ("CNY/kg", "EUR/kg", None, "different quantities"),
        ("{cars}", "{visitors}", None, "different quantities"),
        ("parsnip", "Cel", None, "'parsnip' is no UCUM code"),
        ("Cel", "celcius", None, "do you mean Cel?"),
        ("10*99.10*99", "10*-99.10*-99", None, "too small"),
    ],
)
def test_what_cannot_be_converted(of: str, to: str, gas: Gas | None, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        conversion(of, to, gas)


@given(st.text(max_size=80), st.sampled_from(["Cel", "ug/m3", "1", "EUR/kg"]))
def test_whatever_a_payload_calls_a_unit(text: str, to: str) -> None:
    try:
        conversion(text, to)
    except ValueError:
        return
    assert alias(text) is not None


def test_pint_is_loaded_by_what_converts_only() -> None:
    code = "import sys, sensors.units as u; u.known('ug/m3'); u.alias('°C'); u.conversion('mg/m3', 'ug/m3'); "
    told = subprocess.run(
        [sys.executable, "-c", code + "print('pint' in sys.modules)"], capture_output=True, check=True
    )
    assert told.stdout.strip() == b"False"

"""A change of a sensor type is told in words."""

from __future__ import annotations

import pytest

from registry.diff import in_lines, in_words
from sensors.parsing import parse
from tests.unit.registry.lamps import known, lamp


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, []),
        ({"A lamp": "A lantern"}, ["title changed from A lamp to A lantern"]),
        ({"/lamp": "/lantern"}, ["topic changed from city/{agency}/{thing}/lamp to city/{agency}/{thing}/lantern", "examples changed"]),
        ({"high = 5.0": "high = 6.5"}, ["detector range: parameters.high changed from 5 to 6.5"]),
        ({'unit = "lx"': 'unit = "lx"\nfail = [0, 9]'}, ["property light: fail added: [0, 9]"]),
        ({'unit = "lx"': 'unit = "lx"\n[[properties]]\nname = "heat"\nunit = "Cel"'}, ["property heat added (unit Cel)"]),
        ({'name = "light"': 'name = "glow"\nfield = "light"', 'datastream = "light"': 'datastream = "glow"'},
         ["property light removed", "property glow added (unit lx, field light)", "examples changed"]),
        ({"interval_s = 60": "interval_s = 60\n[time]\nform = \"epoch_s\""}, ["time.form added: epoch_s"]),
        ({'unit = "lx"': 'unit = "lx"\n[[properties.detectors]]\nname = "stuck"'},
         ["property light: detector stuck added"]),
        ({"[[detectors]]\nname = \"range\"\nparameters = { low = 0.0, high = 5.0 }": ""}, ["detector range removed"]),
    ],
)  # fmt: skip
def test_in_words(changed: dict[str, str], told: list[str]) -> None:
    assert in_words(parse(lamp()), parse(lamp(2, **changed))) == told


def test_another_order_of_properties_is_no_removal() -> None:
    heat = '[[properties]]\nname = "heat"\nunit = "Cel"\n'
    old = parse(lamp(**{"[[examples]]": f"{heat}[[examples]]"}))
    new = parse(lamp(**{'[[properties]]\nname = "light"': f'{heat}[[properties]]\nname = "light"'}))
    assert in_words(old, new) == ["order of property light, heat changed to heat, light"]


def test_in_lines() -> None:
    versions = known(lamp(1), lamp(2, **{"high = 5.0": "high = 6.0"})).versions("lamp")
    lines = in_lines(versions[1], versions[2]).splitlines()
    assert lines[:2] == ["--- lamp@1", "+++ lamp@2"]
    assert "+parameters = { low = 0.0, high = 6.0 }" in lines

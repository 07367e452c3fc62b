"""How faults are told: each with path, line, what was expected, what came and the mend; none hides another."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aedilis.errors import DeclarationError, Fault
from sensors.parsing import parse

HEAD = """\
name = "test-type"
version = 1
title = "Test"
topic = "city/{agency}/{thing}/test"
interval_s = 60
"""
GOOD = """\
[[properties]]
name = "value"
unit = "1"
"""
EXAMPLE = """\
[[examples]]
topic = "city/demo/t/test"
payload = "{}"
"""


def faults(text: str) -> list[Fault]:
    with pytest.raises(DeclarationError) as raised:
        parse(text)
    found = list(raised.value.faults)
    assert raised.value.facts["count"] == len(found)
    assert raised.value.facts["faults"] == "\n".join(f"- {fault}" for fault in found)
    return found


def test_a_fault_in_parts() -> None:
    (fault,) = faults(HEAD.replace("interval_s = 60", "interval_s = -1") + GOOD + EXAMPLE)
    assert fault == Fault(
        path="$.interval_s",
        problem="expected greater than 0, got -1",
        mend="correct it",
        expected="greater than 0",
        got="-1",
        line=5,
    )
    assert str(fault) == "at $.interval_s: expected greater than 0, got -1; correct it (line 5)"


@pytest.mark.parametrize(
    ("more", "path", "line", "words"),
    [
        (GOOD + "intervall_s = 5\n", "$.properties[0].intervall_s", 9, "do you mean interval_s?"),
        (GOOD + "xyzzy = 5\n", "$.properties[0].xyzzy", 9, "remove it, or correct its spelling"),
        ("[payload]\nlongitud = 'x'\n" + GOOD, "$.payload.longitud", 7, "do you mean longitude?"),
        ("propertties = 1\n" + GOOD, "$.propertties", 6, "do you mean properties?"),
        (GOOD + "[[properties.detectors]]\nname = 'x'\nclosed = 1\n", "$.properties[0].detectors[0].closed", 11, "mean close?"),
        (GOOD + "gas = { molar_mass = 46, temperatures = 20, temperature = 20 }\n", "$.properties[0].gas.temperatures", 9, "mean"),
        ("[time]\nform = 'epoch_s'\nformat = '%Y%m%d'\n" + GOOD, "$.time.format", 8, "keep one"),
        ("[time]\nformat = '%Y%m'\n" + GOOD, "$.time.format", 7, "tells no day"),
        ("[time]\n\n# a comment\ntimezone = 'Mars/X'\n" + GOOD, "$.time.timezone", 9, "IANA zone"),
        (GOOD + "fail = [1,\n  'x']\n", "$.properties[0].fail[1]", 10, "expected a number, got 'x'"),
        (GOOD.replace('"value"', "3"), "$.properties[0].name", 7, "expected text, got 3"),
        (GOOD.replace('"value"', "''"), "$.properties[0].name", 7, "expected text of at least 1 character, got ''"),
        (GOOD + "boolean = true\nrequired = []\n", "$.properties[0].required", 10, "expected true or false, got []"),
        (GOOD + "boolean = 'no'\n", "$.properties[0].boolean", 9, "expected true or false, got 'no'"),
        (GOOD + "interval_s = '5'\n", "$.properties[0].interval_s", 9, "expected a number, got '5'"),
        (GOOD + "interval_s = true\n", "$.properties[0].interval_s", 9, "expected a number, got True"),
        (GOOD + "categories = { on = true }\n", "$.properties[0].categories.on", 9, "expected a number, got True"),
        (GOOD + "datastream = 2026-01-01\n", "$.properties[0].datastream", 9, "expected text, got datetime.date"),
        (GOOD + "field = 5\n", "$.properties[0].field", 9, "expected text or a list, got 5"),
        (GOOD + "field = []\n", "$.properties[0].field", 9, "expected text or a list of at least 1 item, got []"),
        (GOOD + "field = ['a', 1.5]\n", "$.properties[0].field[1]", 9, "expected text or a whole number, got 1.5"),
        (GOOD + "field = ['a', true]\n", "$.properties[0].field[1]", 9, "expected text or a whole number, got True"),
        ("[payload]\nignore = [['a', ['b']]]\n" + GOOD, "$.payload.ignore[0][1]", 7, "expected text or a whole number"),
        ("[payload]\nlabels = [[]]\n" + GOOD, "$.payload.labels[0]", 7, "expected text or a list of at least 1 item"),
        ("time = 3\n" + GOOD, "$.time", 6, "expected a table, got 3"),
        (GOOD + "detectors = 'x'\n", "$.properties[0].detectors", 9, "expected a list, got 'x'"),
        (GOOD.replace('"1"', '"µg/m³"'), "$.properties[0].unit", 8, "do you mean ug/m3?"),
        (GOOD.replace('"1"', '"zzzz"'), "$.properties[0].unit", 8, "see ucum.org"),
        (GOOD + "payload_unit = 'kg'\n", "$.properties[0].payload_unit", 9, "different quantities"),
        (GOOD + "gas = { molar_mass = 46, temperature = 20 }\n", "$.properties[0].gas", 9, "add that, or remove it"),
        (GOOD + "datastream = '{goods}'\n", "$.properties[0].datastream", 9, "{goods} is not among payload.labels"),
        (GOOD + "datastream = '{goods'\n", "$.properties[0].datastream", 9, "is no template"),
        ("[payload]\nlabels = ['goods']\n" + GOOD + "datastream = '{goods.x}'\n", "$.properties[0].datastream", 11, "are goods"),
        (GOOD + "[[properties]]\nunit = '1'\n", "$.properties[1].name", 9, "add it"),
        (GOOD + "[[properties]]\n  name = 'value'\n  unit = '1'\n  field = 'v'\n", "$.properties[1].name", 10, "once"),
    ],
)  # fmt: skip
def test_one_fault(more: str, path: str, line: int, words: str) -> None:
    (fault,) = faults(HEAD + more + EXAMPLE)
    assert (fault.path, fault.line) == (path, line)
    assert words in f"{fault.problem}; {fault.mend}"


def test_a_part_with_a_fault_hides_none_of_the_others() -> None:
    found = faults(
        HEAD.replace("version = 1", "version = 0").replace("{thing}/", "{thing/")
        + """\
[payload]
zone = "z"
flag = 3
[[properties]]
unit = "1"
[[properties]]
name = "a"
unit = "parsecs"
intervall_s = 5
field = "z"
[[properties]]
name = "b"
unit = "1"
fail = [9, 1]
datastream = "a"
[[properties]]
name = "a"
unit = "1"
fail = [0, 5]
suspect = [1, 9]
field = "w"
"""
    )
    assert [(fault.line, fault.path) for fault in found] == [
        (None, "$.examples"),
        (2, "$.version"),
        (4, "$.topic"),
        (8, "$.payload.flag"),
        (9, "$.properties[0].name"),
        (11, "$.properties[1]"),  # its field is that of the zone
        (13, "$.properties[1].unit"),
        (14, "$.properties[1].intervall_s"),
        (19, "$.properties[2].fail"),
        (20, "$.properties[2].datastream"),
        (22, "$.properties[3].name"),
        (25, "$.properties[3].suspect"),
    ]
    assert "declared at $.properties[1]" in found[10].problem  # not where it stands among those that are right


@pytest.mark.parametrize(
    ("text", "only"),
    [
        (HEAD + "[payload]\nlabels = [3]\n" + GOOD + "datastream = '{goods}'\n" + EXAMPLE, "$.payload.labels[0]"),
        (HEAD + "[payload]\nlongitude = 3\nlatitude = 'y'\n" + GOOD + EXAMPLE, "$.payload.longitude"),
        (HEAD + "[[detectors]]\nnames = 'x'\nname = 3\n" + GOOD + "without = ['x']\n" + EXAMPLE, None),
        (HEAD + GOOD.replace('"1"', "3") + "payload_unit = 'kg'\n" + EXAMPLE, "$.properties[0].unit"),
        (HEAD + "properties = 7\n" + EXAMPLE, "$.properties"),
        (HEAD + "[time]\nfield = 'stand-in'\n" + EXAMPLE, "$.properties"),
    ],
)
def test_no_consequence_is_told_beside_its_cause(text: str, only: str | None) -> None:
    found = faults(text)
    if only is None:
        assert {fault.path for fault in found} == {"$.detectors[0].names", "$.detectors[0].name"}
    else:
        assert [fault.path for fault in found] == [only]


def test_not_toml() -> None:
    (fault,) = faults(HEAD + "x = \n")
    assert (fault.line, fault.path) == (6, "")
    assert fault.problem.startswith("not TOML: ")
    assert "nested too deep" in faults("x = " + "[" * 50_000)[0].problem


def test_lines_of_text_are_faults_too() -> None:
    error = DeclarationError(name="x", count=2, faults="- at $.topic: taken by a; choose another\n- no folder")
    assert error.faults == (Fault("$.topic", "taken by a", "choose another"), Fault("", "no folder"))
    assert str(error) == "Sensor type x has 2 fault(s):\n- at $.topic: taken by a; choose another\n- no folder"


KEYS = st.sampled_from(
    [
        "name",
        "version",
        "topic",
        "payload",
        "time",
        "properties",
        "detectors",
        "examples",
        "unit",
        "field",
        "x",
        "replay",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return "'" + "".join(char for char in value if char.isalnum()) + "'"
    return "1.5" if value is None else str(value).lower()


@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_whatever_a_file_holds_its_faults_are_told(content: dict[str, Any]) -> None:
    text = "".join(f"{key} = {toml(value)}\n" for key, value in content.items())
    found = faults(text)
    assert all(fault.problem for fault in found)
    assert all(fault.line is None or 1 <= fault.line <= len(content) for fault in found)


def test_numbers_are_what_toml_says_and_a_whole_one_may_stand_for_any() -> None:
    declared = parse(HEAD + GOOD + "fail = [0, 5]\nsentinels = [-999]\n" + EXAMPLE)
    assert declared.properties[0].fail == (0.0, 5.0)
    for version in ('"1"', "1.0", "true"):
        (fault,) = faults(HEAD.replace("version = 1", f"version = {version}") + GOOD + EXAMPLE)
        assert (fault.path, fault.expected) == ("$.version", "a whole number")


def test_options_of_a_format_are_taken_as_strictly() -> None:
    options = "[payload]\nformat = 'number'\noptions = { key = 5 }\n"
    (fault,) = faults(HEAD + options + GOOD + EXAMPLE)
    assert (fault.path, fault.line) == ("$.payload.options.key", 8)

"""The part of Jinja that value templates are made of."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.value_template import ABSENT, OutsideOfTemplates, compile_template

CONTENT: dict[str, Any] = {
    "battery": 87,
    "temp": "21.902",
    "null": None,
    "on": True,
    "DS18B20-1": {"Temperature": 20.5},
    "list": [{"a": 1}, {"a": 2}],
    "ENERGY": {"Power": 7},
}


def evaluate(template: str, value: str | None = None) -> Any:
    return compile_template(template)(json.dumps(CONTENT) if value is None else value, CONTENT)


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{ value_json.battery }}", 87),
        ("{{value_json.battery}}", 87),
        ("{{- value_json.battery -}}\n", 87),
        ("{{ value_json['DS18B20-1'].Temperature }}", 20.5),
        ('{{ value_json["DS18B20-1"]["Temperature"] }}', 20.5),
        ("{{ value_json.list[1].a }}", 2),
        ("{{ value_json.list.0.a }}", 1),
        ("{{ value_json.list[-1].a }}", 2),
        ("{{ value_json.temp | float }}", 21.902),
        ("{{ value_json.temp | round(1) }}", 21.9),
        ("{{ value_json.temp | float | round }}", 22),
        ("{{ value_json.temp | round(0) }}", 22),
        ("{{ value_json.temp | int }}", 21),
        ("{{ value_json.battery / 10 }}", 8.7),
        ("{{ value_json.battery | float / 10 | round(1) }}", 8.7),
        ("{{ (value_json.battery | float / 9) | round(2) }}", 9.67),
        ("{{ value_json.battery + 2 * 3 - 1 }}", 92),
        ("{{ (value_json.battery + 2) * 3 }}", 267),
        ("{{ value_json.battery // 10 % 3 }}", 2),
        ("{{ -value_json.battery }}", -87),
        ("{{ -7 | abs }}", 7.0),
        ("{{ value_json.battery * 5e-1 }}", 43.5),
        ("{{ value_json.none_such | default(5) }}", 5),
        ("{{ value_json.none_such | default('off') }}", "off"),
        ("{{ value_json.none_such | d }}", ""),
        ("{{ value_json.battery | default(5) }}", 87),
        ("{{ value_json.none_such | float(0) }}", 0),
        ("{{ value_json.none_such | int(3) }}", 3),
        ("{{ value_json.null | default(5) }}", None),
        ("{{ value_json.null | float }}", None),
        ("{{ value_json.null | float(1) }}", 1),
        ("{{ value_json.null * 2 }}", None),
        ("{{ value_json.null | round(1) }}", None),
        ("{{ 'Auto' if value_json.on else 'Manual' }}", "Auto"),
        ("{{ 1 if value_json.battery > 90 else 0 }}", 0),
        ("{{ 1 if value_json.none_such == 3 else 0 }}", 0),
        ("{{ 1 if value_json.none_such else 0 }}", 0),
        ("{{ 1 if value_json.none_such > 3 else 0 }}", 0),
        ("{{ value_json.on == true }}", True),
        ("{{ value_json }}", CONTENT),
        ("{{ none }}", None),
    ],
)
def test_what_a_template_says(template: str, result: object) -> None:
    got = evaluate(template)
    assert got == result
    assert type(got) is type(result)


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.none_such }}",
        "{{ value_json.none_such.deeper[0] }}",
        "{{ value_json.none_such | float }}",
        "{{ value_json.none_such | int }}",
        "{{ value_json.none_such | round(1) }}",
        "{{ value_json.none_such * 2 }}",
        "{{ value_json.battery.deeper }}",
        "{{ value_json.list[7] }}",
        "{{ value_json.list.a }}",
        "{{ value_json[value_json] }}",
    ],
)
def test_what_the_payload_does_not_hold_is_absent(template: str) -> None:
    assert evaluate(template) is ABSENT


def test_the_text_of_the_payload() -> None:
    assert evaluate("{{ value }}", "21.5") == "21.5"
    assert evaluate("{{ value | float * 2 }}", "21.5") == 43
    assert not compile_template("{{ value }}").reads_json
    assert compile_template("{{ value_json.a }}").reads_json


@pytest.mark.parametrize(
    "template",
    [
        "{{ value | float }}",
        "{{ value | int }}",
        "{{ value * 100000 }}",
        "{{ value_json.list + 1 }}",
        "{{ value_json.on + 1 }}",
        "{{ value_json.battery / 0 }}",
        "{{ value_json.battery % 0 }}",
        "{{ (1e300 * 1e300) | int }}",
        "{{ (1e300 * 1e300) | round }}",
        "{{ value_json.battery | round('a') }}",
        "{{ 'a' < 1 }}",
        "{{ (1e300 | int) * 10 }}",
        "{{ " + "9" * 400 + " / 3 }}",
    ],
)
def test_what_cannot_be_read_so_is_a_value_error(template: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        evaluate(template, "words")


@pytest.mark.parametrize(
    "template",
    [
        "",
        "21.5",
        "{{ }}",
        "{{ value }} °C",
        "{{ value }}{{ value }}",
        "{% if value %}1{% endif %}",
        "{{ states('sensor.x') }}",
        "{{ now() }}",
        "{{ value_json.get('a') }}",
        "{{ value.__class__ }}{{ 1 }}",
        "{{ value_json.a ** 2 }}",
        "{{ value_json.windows | length }}",
        "{{ value_json.a | float(1, 2) }}",
        "{{ value_json.a | }}",
        "{{ value_json. }}",
        "{{ value_json['a }}",
        "{{ value_json['a' }}",
        "{{ value_json[] }}",
        "{{ (value }}",
        "{{ value) }}",
        "{{ 1 if value }}",
        "{{ value is defined }}",
        "{{ value 7 }}",
        "{{ 'a\\'b' }}",
        "{{ {'a': 1}[value] }}",
        "{{ value" + ".a" * 250 + " }}",
        "{{ " + "(" * 21 + "1" + ")" * 21 + " }}",
        "{{ " + "1 if 1 else " * 21 + "1 }}",
    ],
)
def test_what_is_outside_is_refused_when_it_is_compiled(template: str) -> None:
    with pytest.raises(OutsideOfTemplates) as refused:
        compile_template(template)
    assert str(refused.value)


def test_members_are_those_of_the_content_and_never_of_python() -> None:
    for name in ("__class__", "keys", "format", "append"):
        for of in ("value", "value_json", "value_json.list", "'text'", "(1)"):
            assert evaluate(f"{{{{ {of}.{name} }}}}") is ABSENT


PIECES = st.sampled_from(
    (
        "value",
        "value_json",
        ".a",
        "['a']",
        "[0]",
        "|float",
        "|int(",
        "|round(1)",
        "|default(1)",
        "(",
        ")",
        "+",
        "-",
        "*",
    )
)
MARKS = st.sampled_from(
    ("//", "%", "1", "2.5", "'t'", " if ", " else ", "==", "<", "not", "**", "{", ",", "\\", "\0", "é")
)


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(PIECES | MARKS, max_size=30), content=st.sampled_from([CONTENT, None, 7, "x", [1], {"a": [0]}]))
def test_any_template_ends_in_a_value_or_is_refused(pieces: list[str], content: Any) -> None:
    with contextlib.suppress(ValueError):  # OutsideOfTemplates is one
        compile_template("{{ " + "".join(pieces) + " }}")("text", content)


def test_content_of_any_depth_ends_too() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    for template in ("{{ value_json + 1 }}", "{{ value_json | round }}", "{{ value_json < 1 }}"):
        with pytest.raises(ValueError, match=r"."):
            compile_template(template)("", deep)

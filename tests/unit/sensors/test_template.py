"""A template finds its placeholders in a topic, and says what it is where it is none."""

import pytest

from sensors.payload import Refused
from sensors.template import Template, decoded, filled, placeholders


@pytest.mark.parametrize(
    ("template", "topic", "fields"),
    [
        ("city/{agency}/{thing}/air", "city/a/t%2F1/air", {"agency": "a", "thing": "t%2F1"}),
        ("city/{agency}/{thing}/air", "city/a/t/airs", None),
        ("city/{agency}/{thing}/air", "city/a/t/air/x", None),
        ("city/{agency}/{thing}/air", "city//t/air", {"agency": "", "thing": "t"}),
        ("v3/{app}@{tenant}/devices/{thing}/up", "v3/a@b@c/devices/t/up", {"app": "a", "tenant": "b@c", "thing": "t"}),
        ("v3/{app}@{tenant}/up", "v3/ab/up", None),
        ("v3/{app}@{tenant}/up", "v3/@b/up", None),
        ("v3/{app}@{tenant}/up", "v3/a@/up", None),
        ("s-{a}-{b}.x/t", "s-1-2-3.x/t", {"a": "1", "b": "2-3"}),
        ("s-{a}/t", "s-/t", None),
        ("a/+/{thing}", "a/whatever/t", {"thing": "t"}),
        ("a/{thing}/#", "a/t", {"thing": "t"}),
        ("a/{thing}/#", "a/t/x/y", {"thing": "t"}),
        ("a/{thing}/#", "a", None),
        ("a/{thing}/{rest...}", "a/t/x/y", {"thing": "t", "rest": "x/y"}),
        ("a/{thing}/{rest...}", "a/t", {"thing": "t", "rest": ""}),
        ("#", "a/b", {}),
        ("{größe}/x", "1/x", {"größe": "1"}),
    ],
)
def test_matching(template: str, topic: str, fields: dict[str, str] | None) -> None:
    one = Template(template)
    assert one.match(topic) == fields
    if fields and "+" not in template and "#" not in template:
        assert one.fill(fields).rstrip("/") == topic


@pytest.mark.parametrize(
    ("template", "form", "mqtt"),
    [
        ("city/{agency}/{thing}/air", "city/+/+/air", "city/+/+/air"),
        ("v3/{app}@{tenant}/up", "v3/+@+/up", "v3/+/up"),
        ("a/{rest...}", "a/#", "a/#"),
        ("a/#", "a/#", "a/#"),
        ("+/a", "+/a", "+/a"),
    ],
)
def test_form_and_filter(template: str, form: str, mqtt: str) -> None:
    assert (Template(template).form, Template(template).filter) == (form, mqtt)


@pytest.mark.parametrize(
    "template",
    [
        "a/{b",
        "a/b}",
        "a/{}",
        "a/{1b}",
        "a/{b!r}",
        "a/{b.c}",
        "a/{b}{c}",
        "a/{b}/{b}",
        "a/b+",
        "#/a",
        "{rest...}/a",
        "a#",
    ],
)
def test_what_is_no_template(template: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Template(template)


def test_the_more_literal_one_comes_first() -> None:
    templates = ["#", "a/#", "a/{x}/{y}", "a/{x}/c", "a/{x}-{y}/c", "a/b/{y}", "a/b/c"]
    assert sorted(templates, key=lambda text: Template(text).rank) == [
        "a/b/c", "a/b/{y}", "a/{x}-{y}/c", "a/{x}/c", "a/{x}/{y}", "a/#", "#"
    ]  # fmt: skip


def test_the_filter_before_a_placeholder() -> None:
    assert Template("city/{district}/{agency}/{thing}").head("agency") == "city/+/"
    assert Template("{agency}/x").head("agency") == ""
    assert Template("v3/{app}@{tenant}/up").head("tenant") is None
    assert Template("a/{agency...}").head("agency") is None


def test_text_with_placeholders() -> None:
    assert placeholders("{a}-{b}") == {"a", "b"}
    assert filled("{a}-{b}", {"a": "1", "b": "{a}"}) == "1-{a}"
    for text in ("{", "}", "{}", "{a!r}", "{{a}}"):
        with pytest.raises(ValueError, match="placeholders"):
            placeholders(text)


def test_levels_are_percent_decoded() -> None:
    assert decoded({"a": "x%2Fy", "rest": "b/c%25"}) == {"a": "x/y", "rest": "b/c%"}
    with pytest.raises(Refused, match="invalid_utf8"):
        decoded({"a": "%FF"})


def test_a_long_topic_takes_no_longer_than_it_is() -> None:
    text = "-".join("{" + name + "}" for name in "abcdefghijkl") + "!"
    assert Template(text).match("-" * 60_000) is None

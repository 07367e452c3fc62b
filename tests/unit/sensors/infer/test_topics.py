"""Which level of the topics names the Thing, which the Agency."""

from __future__ import annotations

import pytest

from sensors.infer.topics import template_of


@pytest.mark.parametrize(
    ("topics", "template", "agency"),
    [
        (["city/demo/Dongsi/air", "city/demo/Tiantan/air"], "city/{agency}/{thing}/air", None),
        (["city/demo/Dongsi/air"], "city/{agency}/{thing}/air", None),
        (["tele/node1/SENSOR", "tele/node2/SENSOR"], "tele/{thing}/SENSOR", "mine"),
        (["sensors/rack-7/data"], "sensors/{thing}/data", "mine"),
        (["a/1/x/7", "a/2/x/7", "a/3/x/8"], "a/{thing}/x/+", "mine"),
        (["weather"], "{thing}", "mine"),
    ],
)
def test_the_level_that_differs_most_is_the_thing(topics: list[str], template: str, agency: str | None) -> None:
    found = template_of(topics, agency="mine")
    assert (found.template, found.agency) == (template, agency)


def test_the_form_of_the_payload_format_goes_before_guessing() -> None:
    known = "application/{application}/device/{thing}/event/up"
    found = template_of(["application/17/device/0101/event/up"], agency="mine", known=known)
    assert (found.template, found.agency) == (known, "mine")


def test_where_the_message_names_the_thing_no_level_does() -> None:
    found = template_of(["bus/a/x", "bus/b/x"], agency="mine", names_thing=False)
    assert found.template == "bus/+/x"


def test_one_topic_makes_less_sure_than_several() -> None:
    one = template_of(["tele/node1/SENSOR"], agency="mine")
    more = template_of(["tele/node1/SENSOR", "tele/node2/SENSOR"], agency="mine")
    assert max(g.confidence for g in one.guesses) < max(g.confidence for g in more.guesses)

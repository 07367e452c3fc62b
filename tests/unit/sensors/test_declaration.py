"""A declaration tells all its faults at once, each with its place and what mends it."""

from typing import Any

import pytest

from aedilis.errors import DeclarationError
from sensors.parsing import parse

GOOD = """
name = "test-type"
version = 1
title = "Test"
topic = "city/{agency}/{thing}/test"
interval_s = 60
[[properties]]
name = "value"
unit = "1"
[[examples]]
topic = "city/demo/t/test"
payload = "{}"
"""


def faults(text: str) -> list[str]:
    with pytest.raises(DeclarationError) as raised:
        parse(text, "mine.toml")
    found = str(raised.value.facts["faults"]).splitlines()
    assert raised.value.facts["count"] == len(found)
    assert "mine.toml" in str(raised.value)
    return found


def test_a_good_one() -> None:
    declared = parse(GOOD)
    assert (declared.name, declared.version, declared.properties[0].unit) == ("test-type", 1, "1")


def test_all_faults_are_told_at_once() -> None:
    found = faults("""
name = "Bad Name"
version = 0
topic = "city/{agency}/{thing"
interval_s = -1
colour = "red"
[time]
timezone = "Mars/Olympus"
[[properties]]
colour_of = "value"
unit = "1"
fail = [5, 1]
[[properties.detectors]]
name = "spike"
severity = "awful"
open = 2
""")
    places = [fault.split(":")[0].removeprefix("- at ") for fault in found]
    assert sorted(places) == [
        "$.colour",
        "$.examples",
        "$.interval_s",
        "$.name",
        "$.properties[0].colour_of",
        "$.properties[0].detectors[0].open",
        "$.properties[0].detectors[0].severity",
        "$.properties[0].fail",
        "$.properties[0].name",
        "$.time.timezone",
        "$.title",
        "$.topic",
        "$.version",
    ]
    told = "\n".join(found)
    for words in ("remove it, or correct its spelling", "missing; add it", "low < high", "got [5", "Asia/Shanghai"):
        assert words in told


def test_not_toml() -> None:
    assert faults("name = ")[0].startswith("- not TOML: ")


PLACE = "[payload]\nzone = 'time'\nlongitude = 'x'\n"
OTHER = "[[properties]]\nname = 'other'\nunit = '1'\n"


@pytest.mark.parametrize(
    ("more", "place", "words"),
    [
        (OTHER + "field = 'value'\n", "$.properties[1]", "$.value is taken by $.properties[0]"),
        (OTHER.replace("other", "time"), "$.properties[1]", "$.time is taken by $.time.field"),
        (OTHER.replace("other", "value") + "field = 'v'\n", "$.properties[1].name", "declare each property once"),
        (OTHER + "datastream = 'value'\n", "$.properties[1].datastream", "its own name"),
        (OTHER + "fail = [0, 9]\nsuspect = [0, 10]\n", "$.properties[1].suspect", "within fail"),
        (OTHER + "without = ['spike']\n", "$.properties[1].without[0]", "no detector of the type"),
        ("[[detectors]]\nname = 'x'\nopen = 0.5\nclose = 0.6\n", "$.detectors[0].close", "at most open, 0.5, got 0.6"),
        (
            OTHER + "[[properties.detectors]]\nname = 'x'\nopen = 0.5\nclose = 0.6\n",
            "$.properties[1].detectors[0].close",
            "at most open",
        ),
        ("[payload]\nlongitude = 'x'\n", "$.payload", "name both or none"),
        ("[payload]\nlabels = ['value']\n", "$.properties[0]", "$.value is taken by $.payload.labels[0]"),
        ("[payload]\nzone = 'time'\n", "$.payload.zone", "$.time is taken by $.time.field"),
        (
            "[replay]\nthing = 's'\ntime = {year = 'y', month = 'm'}\n",
            "$.replay.time.day",
            "missing; name its column",
        ),
    ],
)
def test_parts_that_disagree(more: str, place: str, words: str) -> None:
    (found,) = faults(GOOD + more)
    assert found.startswith(f"- at {place}: ")
    assert words in found


def test_disagreements_are_told_at_once() -> None:
    assert len(faults(GOOD + PLACE + OTHER + "field = 'value'\n")) == 3


@pytest.mark.parametrize("topic", ["city/{agency}", "city/{agency}/{thing}/{thing}", "a/b", "{agency}/{thing}{x}", ""])
def test_a_topic_names_agency_and_thing_once_each(topic: str) -> None:
    (found,) = faults(GOOD.replace("city/{agency}/{thing}/test", topic))
    assert found.startswith("- at $.topic: ")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_limits_are_finite(value: Any) -> None:
    (found,) = faults(GOOD + f"[[properties]]\nname = 'other'\nunit = '1'\nfail = [0, {value}]\n")
    assert "$.properties[1].fail[1]" in found


@pytest.mark.parametrize(
    ("more", "place", "words"),
    [
        ("[payload]\nformat = 'jsn'\n", "$.payload.format", "do you mean json?"),
        ("[payload]\nformat = 'xml-rpc'\n", "$.payload.format", "known are"),
        ("[payload]\noptions = {depth = 3}\n", "$.payload.options.depth", "unknown key"),
        ("[payload]\nwithin = [13, 41, 12, 42]\n", "$.payload.within", "west < east"),
        ("[payload]\nflags = {N = 'fine'}\n", "$.payload.flags.N", "'good'"),
        ("[thing]\nappear = 'never'\n", "$.thing.appear", "'approved'"),
        ("[thing]\nname = 'x'\nname_from = 'y'\n", "$.thing", "keep one"),
        ("[thing]\nagency = '{tenant}'\n", "$.topic", "expected {tenant} in"),
        ("[thing]\nagency = '{'\n", "$.thing.agency", "text with placeholders"),
        (OTHER + "field = ['value', 'x']\n", "$.properties[1]", "$.value.x lies below $.value"),
        (OTHER + "field = ['a', -1]\n", "$.properties[1].field", ""),
        (OTHER + "payload_unit_from = ['value', 'u']\n", "$.properties[1].payload_unit_from", "lies below $.value"),
        ("[inputs]\nx = ['time', 'y']\n", "$.inputs.x", "lies below $.time"),
        (OTHER + "[properties.tests]\nspeed = {per_s = 1}\n", "$.properties[1].tests.speed", "'rate_of_change'"),
    ],
)
def test_what_formats_paths_and_names_can_get_wrong(more: str, place: str, words: str) -> None:
    found = faults(GOOD + more)
    assert all(fault.startswith(f"- at {place}") for fault in found), found
    assert words in found[0]


def test_examples_are_text_or_hexadecimal() -> None:
    text = GOOD.replace('payload = "{}"', "payload_hex = '7b7d'")
    assert parse(text).examples[0].raw() == b"{}"
    assert "$.examples[0].payload_hex" in faults(text.replace("7b7d", "7b7"))[0]
    assert "keep one" in faults(text + "payload = 'x'\n")[0]
    assert "with its zone" in faults(GOOD + "received_at = '2026-06-01T00:00:00'\n")[0]


def test_tests_that_need_history_are_kept_in_the_type() -> None:
    text = OTHER + "[properties.tests]\nrate_of_change = {per_s = 1.5}\nflat_line = {count = 5, exempt = [0, 100]}\n"
    assert parse(GOOD + text).properties[1].tests == {
        "rate_of_change": {"per_s": 1.5},
        "flat_line": {"count": 5.0, "exempt": (0.0, 100.0)},
    }


def test_a_topic_may_be_a_list() -> None:
    topics = '["city/{agency}/{thing}/test", "old/{agency}/{thing}/#"]'
    declared = parse(GOOD.replace('"city/{agency}/{thing}/test"', topics, 1))
    assert declared.topics == ("city/{agency}/{thing}/test", "old/{agency}/{thing}/#")
    (found,) = faults(GOOD.replace('"city/{agency}/{thing}/test"', topics.replace("old/{agency}", "old/x"), 1))
    assert found.startswith("- at $.topic[1]: expected {agency} in ")


def test_values_may_share_a_key_where_that_is_meant() -> None:
    more = "[inputs]\na = 'value'\nb = 'u'\n" + OTHER + "payload_unit_from = 'u'\ncompute = 'a + b'\n"
    assert parse(GOOD + more).inputs == {"a": "value", "b": "u"}

"""A proposal of samples is well declared as it stands, sees the traps of real payloads, and is sure where much was seen."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.check import check
from sensors.format import all_formats
from sensors.infer.finish import finished
from sensors.infer.propose import NothingToPropose, Proposal, propose
from sensors.infer.samples import Sample
from sensors.infer.write import as_toml
from sensors.parsing import parse

NOW = 1_767_603_600_000_000  # 2026-01-05T09:00:00Z
BEGAN = NOW // 1_000_000 - 3600


def of(*payloads: dict[str, Any], topic: str = "plant/unit7/data", **known: Any) -> Proposal:
    """Proposed of payloads that came five minutes apart."""
    samples = [
        Sample(topic, json.dumps(payload).encode(), (BEGAN + 300 * i) * 1_000_000) for i, payload in enumerate(payloads)
    ]
    return propose(samples, NOW, **known)


def prop(proposal: Proposal, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in proposal.declared["properties"] if one["name"] == name)
    return found


def sure(proposal: Proposal, path: str) -> float:
    return max(guess.confidence for guess in proposal.guesses if guess.path == path)


@pytest.mark.parametrize("name", sorted(all_formats()))
def test_the_example_of_each_format_becomes_a_type_that_holds_without_an_edit(name: str) -> None:
    example = all_formats()[name].example
    samples = [Sample(*sent) for sent in (*example.before, (example.topic, example.payload))]
    proposal = propose(samples, time.time_ns() // 1000)
    assert proposal.fit.format.name == name
    compiled = check(finished(proposal, time.time_ns() // 1000))
    assert compiled.declared.examples[-1].observations, "the example gives nothing"


def test_announcements_have_their_topics_and_the_format_its_time() -> None:
    example = all_formats()["sparkplug-b"].example
    declared = propose([Sample(*sent) for sent in (*example.before, (example.topic, example.payload))], NOW).declared
    assert declared["topic"] == ["spBv1.0/+/+/+", "spBv1.0/{group}/{message}/{node}/{device}"]
    assert "time" not in declared, "the format says where it is"
    assert declared["interval_s"] == pytest.approx(59.5)
    assert [len(one["before"]) for one in declared["examples"]] == [1, 2]


# ---------------------------------------------------------------- traps


@pytest.mark.parametrize(
    ("scale", "form"), [(1, "epoch_s"), (1000, "epoch_ms"), (10**6, "epoch_us"), (10**9, "epoch_ns")]
)
def test_the_scale_of_a_time_is_seen(scale: int, form: str) -> None:
    assert of({"ts": BEGAN * scale, "temp": 20.5}).declared["time"] == {"field": "ts", "form": form}


def test_a_local_time_gets_its_zone_from_when_it_came() -> None:
    proposal = of({"Time": "2026-01-05T16:00:00", "temp": 20.5}, zone="Europe/Rome")
    assert proposal.declared["time"]["timezone"] == "Asia/Shanghai"


def test_numbers_that_come_as_text_are_numbers() -> None:
    proposal = of({"ts": str(BEGAN), "temp": "20.5", "fw": "1.2"})
    assert proposal.declared["payload"]["numeric_text"] is True
    assert proposal.declared["payload"]["ignore"] == ["fw"]
    assert check(finished(proposal, NOW)).declared.examples[0].observations[0].result == 20.5


@pytest.mark.parametrize("number", [-999, 999, 1999, 65535])
def test_an_impossible_number_is_a_sentinel(number: int) -> None:
    proposal = of(*({"temp": value} for value in (20, 21, number, 20)))
    assert prop(proposal, "air temperature")["sentinels"] == [number]


def test_a_unit_in_a_sibling_key_is_that_of_its_value() -> None:
    proposal = of({"Temperature": 68.5, "TempUnit": "F"})
    assert prop(proposal, "air temperature")["payload_unit"] == "[degF]"
    assert proposal.declared["payload"]["ignore"] == ["TempUnit"]


def test_a_fraction_is_told_from_per_cent() -> None:
    assert prop(of({"rh": 0.55}, {"rh": 0.5}), "relative humidity")["payload_unit"] == "1"
    assert "payload_unit" not in prop(of({"rh": 55}, {"rh": 50}), "relative humidity")


def test_a_key_with_dots_is_one_key() -> None:
    assert prop(of({"SDS": {"PM2.5": 11.8}}), "PM2.5")["field"] == ["SDS", "PM2.5"]
    assert prop(of({"pm2.5": 11.8}), "PM2.5")["field"] == "pm2.5"


def test_a_list_of_records_has_labels() -> None:
    goods = [{"goods": "apple", "price": 3.2}, {"goods": "pear", "price": 4.1}]
    declared = of({"date": "2026-01-05T08:00:00Z", "records": goods}, topic="city/a/Xin/price").declared
    assert (declared["payload"]["records"], declared["payload"]["labels"]) == ("records", ["goods"])
    assert declared["properties"][0]["datastream"] == "price/{goods}"


def test_states_and_counters_are_no_measurements() -> None:
    declared = of({"door": "open", "seq": 12, "temp": 3}, {"door": "closed", "seq": 13, "temp": 3}).declared
    assert declared["properties"][0]["categories"] == {"open": 1.0, "closed": 0.0}
    assert declared["payload"]["ignore"] == ["seq"]


def test_the_interval_is_that_of_the_messages_where_they_tell_no_time() -> None:
    proposal = of(*({"temp": 20 + i} for i in range(8)))
    assert proposal.declared["interval_s"] == 300
    assert proposal.declared["time"] == {"default": "received"}


# ---------------------------------------------------------------- how sure


def test_it_is_less_sure_where_less_was_seen() -> None:
    rows = [{"ts": BEGAN + 300 * i, "temp": 20 + i / 10} for i in range(8)]
    one, many = of(rows[0]), of(*rows)
    assert sure(one, "$.interval_s") < sure(of(*rows[:3]), "$.interval_s") < sure(many, "$.interval_s")
    assert sure(one, "$.topic") < 0.7
    several = propose([Sample(f"plant/unit{i}/data", json.dumps(row).encode()) for i, row in enumerate(rows)], NOW)
    assert sure(several, "$.topic") > sure(many, "$.topic")


def test_a_unit_that_is_told_is_surer_than_one_by_size_and_that_than_none() -> None:
    told = sure(of({"temp": 20.5, "temp_unit": "C"}), "$.properties[0].unit")
    named = sure(of({"tempC": 20.5}), "$.properties[0].unit")
    sized = sure(of({"temp": 20.5}), "$.properties[0].unit")
    none = sure(of({"flux": 20.5}), "$.properties[0].unit")
    assert told > named > sized > none


def test_each_guess_stands_beside_what_it_rests_on() -> None:
    text = as_toml(of({"ts": BEGAN, "tempC": 20.5}))
    assert "unit = \"Cel\"  # 0.85: the name ends in 'c'" in text
    assert len([line for line in text.splitlines() if "  # 0." in line]) >= 6


def test_what_holds_no_value_is_not_proposed() -> None:
    for payload in (b'{"name": "x"}', b"{}", b"[]", b"\xff\xfe", b""):
        with pytest.raises(NothingToPropose):
            propose([Sample("plant/unit7/data", payload)], NOW)
    with pytest.raises(NothingToPropose, match="as tasmota"):
        propose([Sample("x", b"\xff")], NOW, payload_format="tasmota")


KEYS = st.one_of(
    st.text(max_size=8), st.sampled_from(["temp", "ts", "unit", "lat", "lon", "time", "@time", "rh", "zone", "PM2.5"])
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=12),
    st.sampled_from(["open", "C", "12.5", "2026-01-05T08:00:00", -999, 1767600000, 1e300, "1e999"]),
)  # fmt: skip
OBJECTS = st.dictionaries(
    KEYS,
    st.recursive(LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(KEYS, one, max_size=3), max_leaves=6),
    max_size=5,
)


@settings(max_examples=100)
@given(st.lists(OBJECTS, min_size=1, max_size=4), st.booleans())
def test_any_objects_become_toml_that_is_read_or_nothing(payloads: list[dict[str, Any]], came: bool) -> None:
    samples = [Sample("plant/unit7/data", json.dumps(one).encode(), NOW if came else None) for one in payloads]
    try:
        proposal = propose(samples, NOW)
    except NothingToPropose:
        return
    parse(finished(proposal, NOW))

"""What each sample would become, for programs and in words."""

from __future__ import annotations

import json

from sensors.infer.samples import Sample
from sensors.preview import in_words, preview
from tests.unit.sensors.declaring import RECEIVED, compiled

TYPE = compiled({"name": "value", "unit": "Cel", "fail": (0, 10)})


def sample(topic: str = "city/demo/t/test", **payload: object) -> Sample:
    return Sample(topic, json.dumps({"time": "2026-06-01T00:00:00Z", **payload}).encode())


def test_observations_rejects_and_refusals_of_each() -> None:
    good, bad, odd, broken, other = preview(
        TYPE,
        [sample(value=5), sample(value=50), sample(value=5, more=1), Sample("city/demo/t/test", b"{"), sample("x", value=1)],
        RECEIVED,
    )  # fmt: skip
    assert good.observations[0] == {
        "agency": "demo", "thing": "t", "datastream": "value", "property": "value", "time": "2026-06-01T00:00:00Z",
        "result": 5, "unit": "Cel", "quality": "good", "tests": [], "raw_flag": None,
    }  # fmt: skip
    assert (bad.observations[0]["quality"], bad.observations[0]["tests"]) == ("fail", ["gross_range"])
    assert (odd.rejects[0]["reason"], odd.rejects[0]["path"]) == ("unknown_field", "$.more")
    assert broken.refused is not None
    assert broken.refused["reason"] == "invalid_json"
    assert other.refused is not None
    assert other.refused["reason"] == "unknown_topic"


def test_a_sample_of_which_nobody_knows_when_it_came_came_now() -> None:
    received = compiled(time={"default": "received"})
    now, then = preview(received, [Sample("city/demo/t/test", b'{"value": 1}'), Sample("city/demo/t/test", b'{"value": 1}', 0)],
                        RECEIVED)  # fmt: skip
    assert now.observations[0]["time"] == "2026-06-01T00:00:00Z"
    assert then.observations


def test_in_words_the_first_are_shown_and_all_are_counted() -> None:
    text = in_words(preview(TYPE, [sample(value=5.0), *([sample(value=None)] * 20), Sample("x", b"1")], RECEIVED))
    assert "  2026-06-01T00:00:00Z  demo / t / value: 5 °C  (good)" in text
    assert "value: missing  (missing)" in text
    assert text.endswith("22 samples (12 more are not shown): 21 observations, 0 rejects, 1 refused whole")

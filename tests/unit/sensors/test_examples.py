"""An example that gives something else than it says is a fault of the type."""

from typing import Any

import pytest

from aedilis.errors import DeclarationError
from sensors.examples import check_examples
from tests.unit.sensors.declaring import RECEIVED, compiled
from tests.unit.sensors.speaking import speaking as speaking

TIME = "2026-05-01T00:00:00Z"
GOOD: dict[str, Any] = {
    "topic": "city/demo/t/test",
    "payload": f'{{"time":"{TIME}","value":1,"other":2}}',
    "observations": [{"datastream": "value", "time": TIME, "result": 1}],
    "rejects": ["unknown_field"],
}


@pytest.mark.parametrize(
    "changed",
    [
        {"observations": []},
        {"observations": [{"datastream": "value", "time": TIME, "result": 2}]},
        {"observations": [{"datastream": "value", "time": TIME, "result": 1, "quality": 4}]},
        {"rejects": []},
        {"refused": "no_time"},
        {"topic": "city/demo/t"},
        {"payload": "{}"},
    ],
)
def test_an_example_that_does_not_hold(changed: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match=r"\$\.examples\[1\]: expected") as raised:
        check_examples(compiled(examples=[GOOD, {**GOOD, **changed}]), RECEIVED)
    assert raised.value.facts["count"] == 1


def test_examples_that_hold() -> None:
    refused = {"topic": GOOD["topic"], "payload": "{}", "refused": "no_time"}
    check_examples(compiled(examples=[GOOD, refused]), RECEIVED)


OBSERVATION = {"datastream": "value", "time": "2026-06-01T02:00:00+02:00", "result": 5}
SPEAKING = {"format": "speaking", "flags": {"D": "fail"}}
TOLD: dict[str, Any] = {
    "topic": "city/demo/t/test",
    "payload": '[{"knows": "k", "@thing": "a", "@flag:value": "D"}]',
    "before": [{"topic": "city/demo/t/test", "payload": '{"announce": "k"}', "received_at": "1970-01-01T00:00:01Z"}],
    "observations": [{**OBSERVATION, "result": 1e6, "quality": 4, "thing": "a", "agency": "demo", "raw_flag": "D",
                      "tests": []}],
}  # fmt: skip


def test_what_an_example_may_tell() -> None:
    check_examples(compiled(payload=SPEAKING, examples=[TOLD]), RECEIVED)
    hexadecimal = {**TOLD, "payload": "", "payload_hex": TOLD["payload"].encode().hex()}
    check_examples(compiled(payload=SPEAKING, examples=[hexadecimal]), RECEIVED)
    later = {**GOOD, "payload": '{"value": 5}', "rejects": [], "received_at": OBSERVATION["time"],
             "observations": [OBSERVATION]}  # fmt: skip
    check_examples(compiled(time={"default": "received"}, examples=[later]), 7)
    kept = {"topic": GOOD["topic"], "payload": '{"value": 5}', "retained": True, "refused": "retained_without_time"}
    check_examples(compiled(time={"default": "received"}, examples=[kept]), RECEIVED)
    silent = {**TOLD, "payload": '{"announce": "k"}', "before": [], "observations": []}
    check_examples(compiled(payload=SPEAKING, examples=[silent]), RECEIVED)


@pytest.mark.parametrize("changed", [{"thing": "b"}, {"agency": "x"}, {"raw_flag": "N"}, {"tests": ["sentinel"]}])
def test_each_thing_told_must_be_so(changed: dict[str, Any]) -> None:
    wrong = {**TOLD, "observations": [{**TOLD["observations"][0], **changed}]}
    with pytest.raises(DeclarationError, match=r"\$\.examples\[0\]: expected observations"):
        check_examples(compiled(payload=SPEAKING, examples=[wrong]), RECEIVED)


def test_without_its_announcement_it_does_not_hold() -> None:
    with pytest.raises(DeclarationError):
        check_examples(compiled(payload=SPEAKING, examples=[{**TOLD, "before": []}]), RECEIVED)

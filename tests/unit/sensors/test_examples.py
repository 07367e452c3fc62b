"""An example that gives something else than it says is a fault of the type."""

from typing import Any

import pytest

from aedilis.errors import DeclarationError
from sensors.examples import check_examples
from tests.unit.sensors.declaring import RECEIVED, compiled

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

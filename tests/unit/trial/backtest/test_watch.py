"""A version watches stored Observations by its own limits and detectors, however they are cut into parts."""

from __future__ import annotations

import pytest

from aedilis.vocabulary import Quality, Test
from tests.unit.trial.backtest.stored import MINUTE, START, STREAMS, lights, part
from tests.unit.trial.lamps import lamp
from trial.backtest.watch import Seen, Watching

ROWS = sorted(
    [*lights("x", [5, 5, 150, 150, 5, 5]), *lights("y", [5, 5, 5, 5, 5, 120])], key=lambda row: (row[0], row[1])
)


def seen_by(rows: list[tuple[int, str, float, Quality, Test]], size: int = 100, **changes: str) -> Seen:
    watching = Watching(lamp(**changes), STREAMS)
    for at in range(0, len(rows), size):
        watching.take(part(rows[at : at + size]))
    return watching.close()


@pytest.mark.parametrize("size", [1, 5, 100])
def test_what_a_version_finds(size: int) -> None:
    seen = seen_by(ROWS, size)
    found = sorted((one.thing, one.kind, one.starts_at, one.ends_at) for one in seen.anomalies.values())
    assert found == [
        ("x", "range", START + 2 * MINUTE, START + 4 * MINUTE),
        ("y", "range", START + 5 * MINUTE, START + 5 * MINUTE),  # open at the end
    ]
    assert all("allowed 0 to 100" in one.explanation for one in seen.anomalies.values()), "as it opened"
    assert (seen.version, seen.datastreams, seen.observations, dict(seen.quality)) == ("lamp@1", 2, 12, {"good": 12})
    assert (dict(seen.alerts), dict(seen.severities)) == ({"range": 2}, {"minor": 2})


def test_limits_are_judged_anew_and_what_others_said_stays() -> None:
    rows = [
        (0, "x", 500.0, Quality.GOOD, Test.NONE),  # beyond the new limit
        (1, "x", 7.0, Quality.FAIL, Test.GROSS_RANGE),  # beyond the old one, within the new one
        (2, "x", 7.0, Quality.SUSPECT, Test.NONE),  # the device said so
        (3, "x", 7.0, Quality.FAIL, Test.GROSS_RANGE | Test.SPIKE),
        (4, "x", 500.0, Quality.NOT_EVALUATED, Test.NONE),  # serviced: no limit has anything to say
        (5, "x", float("nan"), Quality.MISSING, Test.NONE),
        (6, "x", -1.0, Quality.FAIL, Test.SENTINEL),
    ]
    seen = seen_by(rows, **{"fail = [0, 1000]": "fail = [0, 400]"})
    assert dict(seen.quality) == {"fail": 3, "good": 1, "suspect": 1, "not_evaluated": 1, "missing": 1}


def test_what_a_version_does_not_give_is_not_watched() -> None:
    seen = seen_by(ROWS, **{'unit = "lx"': 'unit = "klx"'})
    assert (seen.datastreams, seen.observations, seen.anomalies) == (0, 0, {})


def test_what_waits_for_neighbours_is_told_at_the_end() -> None:
    quotes = {'name = "range"\nparameters = { low = 0.0, high = 100.0 }': 'name = "quotes"\nopen = 0.95'}
    prices = [100.0 + minute * 3 % 5 for minute in range(80)]
    rows = [*lights("x", [*prices, 250.0]), *lights("y", [*prices, 102.0])]
    seen = seen_by(sorted(rows, key=lambda row: (row[0], row[1])), **quotes)
    assert [(one.thing, one.kind, one.starts_at) for one in seen.anomalies.values()] == [
        ("x", "unit", START + 80 * MINUTE)
    ]

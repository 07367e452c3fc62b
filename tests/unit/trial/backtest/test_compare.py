"""Two versions side by side: the same findings, those of one alone, and how much each speaks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from tests.unit.trial.backtest.stored import MINUTE, START, STREAMS, lights, part
from tests.unit.trial.lamps import lamp
from trial.backtest.compare import MONTH, compare, rates, summary
from trial.backtest.watch import Seen, Watching
from trial.backtest.words import told

DARK = {"[[properties]]": '[[detectors]]\nname = "stuck"\nparameters = { count = 3 }\n[[properties]]'}


def seen_by(**changes: str) -> Seen:
    watching = Watching(lamp(**changes), STREAMS)
    rows = [*lights("x", [5, 6, 150, 151, 5, 6]), *lights("y", [5, 6, 60, 60, 60, 60])]
    watching.take(part(sorted(rows, key=lambda row: (row[0], row[1]))))
    return watching.close()


def test_what_only_one_version_finds_is_told_with_its_explanation() -> None:
    old, new = seen_by(), seen_by(**DARK, **{"high = 100.0": "high = 50.0"})
    difference = compare(old, new)
    assert dict(difference.both) == {"range": 1}
    assert dict(difference.only_new) == {"range": 1, "stuck": 1}
    assert not difference.only_old
    assert difference.new_examples["stuck"][0].startswith("light at y: the same result again and again")
    back = compare(new, old)
    assert (back.both, back.only_old, back.only_new) == (difference.both, difference.only_new, difference.only_old)


def test_another_kind_at_the_same_time_is_a_finding_named_otherwise() -> None:
    stuck = {'name = "range"\nparameters = { low = 0.0, high = 100.0 }': 'name = "stuck"\nparameters = { count = 3 }'}
    difference = compare(seen_by(**{"high = 100.0": "high = 50.0"}), seen_by(**stuck))
    assert dict(difference.named_otherwise) == {"range → stuck": 1}


def test_how_much_a_version_speaks() -> None:
    span = 10 * MINUTE
    per_month, share = rates(seen_by(), span)
    assert per_month == pytest.approx(MONTH / (2 * span))
    assert share == pytest.approx(2 * MINUTE / (2 * span)), "from minute 2 to minute 4 of one of two"
    assert rates(Seen("lamp@1", 0), span) == (0, 0)
    one = next(iter(seen_by().anomalies.values()))
    spans = [(0, 8), (1, 2), (3, 9)]
    many = {
        i: replace(one, id=i, starts_at=start * MINUTE, ends_at=end * MINUTE) for i, (start, end) in enumerate(spans)
    }
    assert rates(Seen("lamp@1", 2, anomalies=many), span).time_in_alarm == 9 / 20, "what overlaps counts once"
    assert summary(seen_by(), span)["anomalies"] == {"range": 1}


def test_it_is_said_in_words() -> None:
    start = datetime.fromtimestamp(START / 1e6, UTC)
    old, new = seen_by(), seen_by(**DARK, **{"version = 1": "version = 2"})
    text = told(new, old, start, start.replace(minute=10))
    assert text.startswith("lamp@2, next to lamp@1: 2026-01-05 00:00 to 2026-01-05 00:10 UTC, 2 Datastreams")
    assert "anomalies: 2 (before: 1)" in text
    assert "found by both: 1; only by lamp@2: 1, only by lamp@1: 0" in text
    assert "only by lamp@2, stuck: 1\n    light at y: the same result" in text
    assert "next to" not in told(new, None, start, start.replace(minute=10))

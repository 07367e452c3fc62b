"""What a trial says: the figures, what they were before, and that no message had the topic."""

from __future__ import annotations

from aedilis.settings import load
from tests.unit.trial.lamps import lamp, message
from trial.compare import compare
from trial.run import run
from trial.words import told


def test_figures_stand_beside_those_of_the_version_before() -> None:
    messages = [message(i, 10 * i) for i in range(5)]
    old, new = run(lamp(), load({}), messages), run(lamp(**{"[0, 1000]": "[0, 30]"}), load({}), messages)
    text = told(new, old, compare(old, new))
    assert "lamp@1, next to @1: 5 messages of 0.00 days, 1 Things" in text
    assert "  good: 4 (before: 5)" in text
    assert "  fail: 1" in text
    assert "light: 5 observations, 0 to 30 lx, mean 15, 80.0% good, 1 failed, 0 missing" in text
    assert "of the observations 5 are the same, 0 have another result, 0 are new, 0 are gone" in text


def test_alone_it_says_nothing_of_before() -> None:
    assert "before" not in told(run(lamp(), load({}), [message(0, 1)]))


def test_no_message_is_said_to_be_none() -> None:
    assert told(run(lamp(), load({}), [])).endswith("No recorded message has a topic of this form.")

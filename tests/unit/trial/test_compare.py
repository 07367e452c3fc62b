"""Two versions over the same messages: what is the same, changed, new and gone; of one instant the last result counts."""

from __future__ import annotations

from aedilis.settings import load
from tests.unit.trial.lamps import lamp, message
from trial.compare import compare
from trial.run import run

MESSAGES = [message(i, 10) for i in range(5)]


def test_what_reads_alike_has_no_difference() -> None:
    one, other = (run(lamp(), load({}), MESSAGES) for _ in range(2))
    difference = compare(one, other)
    assert difference[:4] == (5, 0, 0, 0)
    assert difference.changed_examples == difference.new_datastreams == ()


def test_another_unit_of_the_payload_changes_results() -> None:
    kilo = lamp(**{'unit = "lx"': 'unit = "lx"\npayload_unit = "klx"'})
    difference = compare(run(lamp(), load({}), MESSAGES), run(kilo, load({}), MESSAGES))
    assert (difference.same, difference.changed) == (0, 5)
    assert difference.changed_examples[0] == "x · light: 10 → 10000"


def test_a_datastream_of_another_name_is_new_and_the_old_one_gone() -> None:
    renamed = lamp(**{'name = "light"': 'name = "glow"\nfield = "light"'})
    difference = compare(run(lamp(), load({}), MESSAGES), run(renamed, load({}), MESSAGES))
    assert difference[:4] == (0, 0, 5, 5)
    assert (difference.new_datastreams, difference.gone_datastreams) == (("x · glow",), ("x · light",))


def test_of_one_instant_the_last_result_counts() -> None:
    one = run(lamp(), load({}), [message(0, 1), message(0, 2)])
    other = run(lamp(), load({}), [message(0, 2)])
    assert compare(one, other)[:4] == (1, 0, 0, 0)

"""Sentinels, usual ranges and the interval."""

from __future__ import annotations

from sensors.infer.numbers import interval, sentinels, usual


def test_an_impossible_code_is_a_sentinel() -> None:
    assert [number for number, _, _ in sentinels([20.0, -999.0, 21.0], (-60, 80))] == [-999.0]
    assert [number for number, _, _ in sentinels([20.0, 65535.0, 21.0, 22.0], None)] == [65535.0]


def test_a_code_among_its_like_is_a_value() -> None:
    assert sentinels([995.0, 997.0, 999.0, 1001.0], (800, 1100)) == []
    assert sentinels([980.0, 990.0, 999.0, 1010.0], None) == []


def test_the_usual_range_holds_all_that_was_seen() -> None:
    assert usual([1.0, 2.0, 3.0, 4.0, 5.0]) == (-3.0, 9.0)
    assert usual([7.0, 7.0, 7.0, 7.0, 7.0]) is not None
    assert usual([1.0]) is None


def test_the_interval_is_the_median_step_of_each_thing() -> None:
    found = interval([[0, 60, 120, 180], [30, 90, 150, 450]])
    assert found is not None
    seconds, confidence, _ = found
    assert seconds == 60
    assert 0.5 < confidence < 0.95
    assert interval([[5.0], []]) is None

"""Each kind of evidence for a sensor fault by itself, on one Thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from detectors.core.columns import Columns
from detectors.core.interface import Floats
from detectors.faults import apart, late, observed, repeated, restless, returned
from detectors.faults.observed import Bin
from detectors.parts.expectation import Seen

HOUR = 3_600_000_000


def of(*parts: Any, columns: int) -> Columns:
    """Their state, for one Thing; results have the middle 10 and the spread 5."""
    state = {name: column for part in (observed, *parts) for name, column in part.fresh(columns).items()}
    state |= {"middle": np.full(columns, 10.0), "spread": np.full(columns, 5.0)}
    state |= {"level": np.full(columns, 10.0), "profile": np.zeros((columns, 24))}
    return {name: column.reshape(1, columns, *column.shape[1:]) for name, column in state.items()}


def watch(part: Any, result: Floats, common: Floats | None = None, *more: Any) -> tuple[Floats, Columns]:
    """How strong in each bin, of results `(b, c)` of which 10 and what is common are expected, with a residual of size 1."""
    state = of(part, *more, columns=result.shape[1])
    strengths = []
    for b, row in enumerate(result):
        now = row[None, :]
        shared = np.full(now.shape, 0.0 if common is None else common[b])
        yes = ~np.isnan(now)
        usual = np.full(now.shape, 10.0)
        seen = Seen(yes, yes, yes, usual, shared, now - usual - shared, np.ones(now.shape))
        bin_ = Bin(b * HOUR, HOUR, now, now, seen, np.full(now.shape, np.nan), np.ones(now.shape))
        observed.begin(state, bin_)
        nobody = np.zeros(now.shape, bool)
        strengths.append((part.strength(state, bin_, nobody) if part is apart else part.strength(state, bin_))[0])
        observed.remember(state, bin_)
    return np.array(strengths), state


def column(*values: float) -> Floats:
    return np.array(values)[:, None]


def test_a_spike_is_known_when_it_is_back() -> None:
    for up in ([40.0], [40.0, 35.0]):
        strength = watch(returned, column(*[10.0] * 8, *up, 10.0, 10.0))[0][:, 0]
        assert strength.argmax() == 8 + len(up)
        assert strength.max() > 1.5
    assert watch(returned, column(*[10.0] * 8, *[40.0] * 8))[0].max() <= 0.1, "it stayed up"


def test_a_spike_is_weaker_when_another_property_jumps_too() -> None:
    alone = column(*[10.0] * 8, 40.0, 10.0)
    both = np.concatenate([alone, alone], axis=1)
    assert watch(returned, both)[0].max() < watch(returned, alone)[0].max() - 1


def test_repetitions_count_more_where_they_are_seldom() -> None:
    chance = np.random.default_rng(1)
    lively, lazy = 10 + chance.permutation(np.arange(300)) / 10, np.repeat(10 + chance.permutation(np.arange(60)), 5)
    for before, least, most in ((lively, 25, 100), (lazy, 0, 22)):
        strength = watch(repeated, column(*before, *[12.55] * 20))[0][-1, 0]
        assert least < strength < most
    assert watch(repeated, column(5, 5, 5, 6))[0][-1, 0] == 0


def test_restless_is_the_mean_jump() -> None:
    chance = np.random.default_rng(1)
    calm, wild = 10 + chance.normal(0, 0.2, 100), 10 + chance.normal(0, 5, 100)
    strength = watch(restless, column(*calm, *wild))[0][:, 0]
    assert strength[:100].max() < 0.5
    assert strength[120:].min() > 1.5


def test_late_is_who_resembles_the_past_of_the_others() -> None:
    common = 8 * np.sin(np.arange(200) / 24 * 2 * np.pi)
    follows = 10 + common
    follows[100:] = 10 + common[92:-8]
    strength = watch(late, follows[:, None], common)[0][:, 0]
    assert strength[:100].max() <= 0
    assert strength[-1] > 1


def test_apart_is_who_stays_on_one_side() -> None:
    strength = watch(apart, column(*[10.0] * 50, *[13.0] * 60, *[10.0] * 100))[0][:, 0]
    assert strength[:50].max() == 0
    assert strength[109] > 2
    assert strength[-1] < 0.5


def test_what_two_others_do_alike_is_nobodys() -> None:
    step = column(*[10.0] * 50, *[13.0] * 60)
    assert watch(apart, np.concatenate([step] * 3, axis=1))[0].max() == 0
    calm = np.full(step.shape, 10.0)
    assert watch(apart, np.concatenate([step, calm, calm], axis=1))[0][-1].tolist() == pytest.approx(
        [2.14, 0, 0], abs=0.05
    )


@pytest.mark.parametrize(
    ("kind", "factor", "distance"),
    [
        (0, lambda since: 2 / (1 + since % 4), lambda since: np.full(len(since), 3.0)),
        (1, lambda since: np.full(len(since), 0.7), lambda since: 1.0 + since % 4),
        (2, lambda since: np.sqrt(since), lambda since: since / 2),
        (1, lambda since: np.full(len(since), -0.7), lambda since: np.full(len(since), -2.0)),
    ],
)
def test_shapes(kind: int, factor: Callable[[Floats], Floats], distance: Callable[[Floats], Floats]) -> None:
    """A step in the results, a step in their logarithm, a ramp; and a fall of what has a lowest value."""
    state = of(apart, columns=1)
    since = np.arange(9.0) + 0.5
    state["factors"][0, 0, -9:], state["distances"][0, 0, -9:] = factor(since), distance(since)
    yes = np.ones((1, 1), bool)
    shape, bins = apart.shape(state, yes, yes)
    assert (shape.tolist(), bins.tolist()) == ([kind], [9 * apart.BLOCK])

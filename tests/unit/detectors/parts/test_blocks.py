"""Blocks hold what a loop would find, wherever the frames were cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.core.runs import runs
from detectors.parts.blocks import OPEN_BLOCK, cut

RESULTS = np.random.default_rng(3).normal(0, 1e6, (60, 4))
TIMES = np.arange(60)[:, None] * 10 + np.arange(4)
LENGTHS = np.array([1, 5, 7, 100])

Found = list[tuple[int, float, float, float, int]]


def feed(frames: list[list[tuple[int, int]]]) -> tuple[Found, npt.NDArray[np.void]]:
    """The blocks of frames of (row, step), and what stays open."""
    state: Any = np.zeros(4, OPEN_BLOCK)
    found: Found = []
    for frame in frames:
        rows, steps = np.array(frame).T
        given = runs(rows, TIMES[steps, rows], RESULTS[steps, rows])
        blocks, starts_at = cut(state, given, given.result, LENGTHS[given.at])
        for i in range(len(blocks.rows)):
            values = (float(column[i]) for column in (blocks.mean, blocks.low, blocks.high))
            found.append((int(blocks.rows[i]), *values, int(blocks.ends_at[i])))  # type: ignore[arg-type]
        places = (given.time // 10) % LENGTHS[given.at]
        assert (starts_at == given.time - places * 10).all()
    return sorted(found), state


def test_what_a_loop_would_find() -> None:
    expected = []
    for row, length in enumerate(LENGTHS):
        for start in range(0, 60 - length + 1, length):
            total = 0.0
            for x in (values := RESULTS[start : start + length, row]):
                total += x
            expected.append((row, total / length, values.min(), values.max(), int(TIMES[start + length - 1, row])))
    every = [(row, step) for step in range(60) for row in range(4)]
    found, state = feed([every])
    assert found == sorted(expected)
    assert state["seen"].tolist() == [0, 0, 4, 60]


def test_frames_may_be_cut_anywhere() -> None:
    every = [(row, step) for step in range(60) for row in range(4)]
    whole, state = feed([every])
    for size in (1, 3, 50):
        found, other = feed([every[at : at + size] for at in range(0, len(every), size)])
        assert found == whole
        assert other["seen"].tolist() == state["seen"].tolist()
        assert other["total"].tolist() == state["total"].tolist()

"""Datastreams are learned from the beginning of a file; frames hold its rows in the order of time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trial.detect.rows import read
from trial.detect.series import Series, Shape, datastreams, unjudged
from trial.detect.times import Times

MINUTE = 60_000_000
START = 1_420_070_400


def series_of(folder: Path, rows: list[tuple[float, str, str]]) -> Series:
    """Rows of (minute, thing, property)."""
    path = folder / "in.csv"
    lines = [f"{START + minute * 60:.3f},{thing},{prop},{i}\n" for i, (minute, thing, prop) in enumerate(rows)]
    path.write_text("time,thing,property,value\n" + "".join(lines))
    return Series(read(path, Times()))


@pytest.mark.parametrize(
    ("minutes", "interval"),
    [
        ([0, 10, 20, 30, 40], 10),
        ([0, 10.01, 19.98, 30, 40.02], 10),  # the clock shakes
        ([0, 10, 20, 50, 60, 60, 300], 10),  # some are missing, one is there twice
        ([30, 0, 20, 10], 10),  # not in order
        ([0, 7, 14, 21], 7),
        ([0, 10], 60),  # too few to tell
        ([10 * i for i in range(101)] + [1001 + i for i in range(500)], 10),  # what comes later teaches nothing
    ],
)
def test_the_interval_is_the_median_of_the_beginning(tmp_path: Path, minutes: list[float], interval: float) -> None:
    assert series_of(tmp_path, [(minute, "A", "x") for minute in minutes]).learned[0].interval == interval * MINUTE


def test_who_has_too_few_rows_takes_the_interval_of_the_others(tmp_path: Path) -> None:
    rows = [(10 * i, "A", "x") for i in range(9)] + [(50, "B", "x")]
    assert series_of(tmp_path, rows).learned[1].interval == 10 * MINUTE


def test_size_and_sign_are_those_of_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    values = {"A": [2, "NA", 6, 4], "B": [-3, 1, 2], "C": ["", ""], "D": [*range(1, 301), -1]}
    rows = [f"{START + i},{thing},x,{value}\n" for thing, own in values.items() for i, value in enumerate(own)]
    path.write_text("time,thing,property,value\n" + "".join(rows))
    learned = Series(read(path, Times())).learned
    assert [(one.positive, one.usual) for one in learned] == [(True, 4), (False, 2), (True, 0), (True, 150)]


def test_the_shape_tells_things_from_channels(tmp_path: Path) -> None:
    rows = [(i, thing, prop) for i in range(5) for thing, prop in (("A", "x"), ("A", "y"), ("B", "x"))]
    assert series_of(tmp_path, rows).shape() == Shape(True, things=2, sharing=2, channels=2, interval=MINUTE)


def test_frames_hold_all_rows_in_the_order_of_time_and_declare_what_comes(tmp_path: Path) -> None:
    rows = [
        (3, "B", "x"),
        (0, "A", "x"),
        (1, "A", "x"),
        (3, "A", "x"),
        (1, "A", "y"),
        *((i, "A", "x") for i in range(4, 9)),
    ]
    series = series_of(tmp_path, rows)
    ones = datastreams(series, "file", 1, [(name.property, "1", MINUTE) for name in series.rows.names])
    frames = list(series.frames(ones, *unjudged(series.rows)))
    assert np.concatenate([frame.result for frame in frames]).tolist() == [1, 2, 4, 0, 3, 5, 6, 7, 8, 9]
    declared = [[(one.thing.name, one.name) for one in frame.header.datastreams] for frame in frames]
    assert declared == [[("A", "x")], [("A", "y")], [("B", "x")]]
    for frame in frames:
        assert frame.phenomenon_time[0] > max(
            (other.phenomenon_time[-1] for other in frames[: frames.index(frame)]), default=0
        )

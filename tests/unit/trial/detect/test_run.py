"""What is found depends on the rows alone: not on their order in the file, nor on what comes after them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aedilis.vocabulary import Quality
from tests.unit.trial.detect import city
from trial.detect import pipeline
from trial.detect.rows import Rows, read
from trial.detect.run import Found, run
from trial.detect.series import Series
from trial.detect.times import Times


def found_in(folder: Path, lines: list[str], detector: str | None = None) -> tuple[Rows, Found]:
    path = folder / "in.csv"
    path.write_text("\n".join([city.HEADER, *lines]) + "\n")
    rows = read(path, Times())
    series = Series(rows)
    watched = pipeline.of_detector(series, detector, None) if detector else pipeline.of_form(series, None)
    return rows, run(series, watched)


def keys(found: Found) -> list[tuple[str, str, str, int, int]]:
    return [(one.thing, one.datastream_name, one.kind, one.starts_at, one.detected_at) for one in found.anomalies]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, Found]:
    return found_in(tmp_path_factory.mktemp("city"), city.rows())


def test_faults_are_found_and_what_is_open_at_the_end_ends_there(whole: tuple[Rows, Found]) -> None:
    rows, found = whole
    start = int(rows.time[0]) + city.LEARNED * 3_600_000_000
    kinds = {(one.thing, one.kind, (one.starts_at - start) // 3_600_000_000) for one in found.anomalies}
    assert {("B", "gap", 219)} <= kinds
    assert kinds & {("A", "spike", 199), ("A", "spike", 200)}
    last = [one for one in found.anomalies if one.thing == "C" and one.detected_at - start >= 325 * 3_600_000_000]
    assert last
    assert all(one.ends_at is not None for one in found.anomalies)
    assert max(one.ends_at or 0 for one in last) == rows.time[-1]
    assert (found.score >= 0).all()
    assert (found.score <= 1).all()


def test_the_order_of_the_file_does_not_matter(whole: tuple[Rows, Found], tmp_path: Path) -> None:
    _, found = whole
    lines = city.rows()
    order = list(range(len(lines)))
    random.Random(5).shuffle(order)
    _, other = found_in(tmp_path, [lines[i] for i in order])
    assert other.score.tobytes() == found.score[order].tobytes()
    assert keys(other) == keys(found)


@pytest.mark.parametrize("hours", [150, 201, 230, 333])
def test_what_comes_later_changes_nothing(whole: tuple[Rows, Found], tmp_path: Path, hours: int) -> None:
    _, found = whole
    same_until_then(found, *found_in(tmp_path, city.rows(city.LEARNED + hours)))


@pytest.mark.parametrize(
    ("make", "cuts", "kind", "whole"),
    [(city.quotes, (90, 101, 121), "unit", False), (city.channels, (1500, 1830), "contamination", True)],
)
def test_nor_does_it_for_those_that_look_at_several_series(
    tmp_path: Path, make: Callable[..., list[str]], cuts: tuple[int, ...], kind: str, whole: bool
) -> None:
    _, found = found_in(tmp_path, make())
    assert (kind, whole) in {(one.kind, one.datastream_name == "*") for one in found.anomalies}
    for cut in cuts:
        same_until_then(found, *found_in(tmp_path, make(cut)))


def same_until_then(found: Found, rows: Rows, early: Found) -> None:
    assert early.score.tobytes() == found.score[: len(rows)].tobytes()
    assert keys(early) == [key for key in keys(found) if key[4] <= rows.time[-1]]


def test_of_several_values_at_one_time_the_first_counts(whole: tuple[Rows, Found], tmp_path: Path) -> None:
    lines = city.rows()
    place = next(i for i, line in enumerate(lines) if ",NA," in line) + 60
    again = lines[place].rsplit(",", 4)
    lines.insert(place + 1, ",".join([again[0], "777", *again[2:]]))
    _, other = found_in(tmp_path, lines)
    assert (other.repeated, other.quality[place + 1], other.score[place + 1]) == (1, Quality.NOT_EVALUATED, 0.0)
    assert np.delete(other.score, place + 1).tobytes() == whole[1].score.tobytes()


def test_the_score_of_a_row_is_that_of_the_detector_that_says_most(whole: tuple[Rows, Found], tmp_path: Path) -> None:
    _, fault = found_in(tmp_path, city.rows(), "sensor_fault")
    _, episode = found_in(tmp_path, city.rows(), "episode")
    assert not np.array_equal(fault.score, episode.score)
    _, found = whole
    assert (found.score >= episode.score - 1e-12).all()
    assert found.score.max() > 0.9

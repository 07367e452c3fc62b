"""Which observations are the newest of their Datastreams and still to be told."""

import numpy as np

from storage.latest import Newest
from storage.rows import Rows


def rows(*items: tuple[int, int, float]) -> Rows:
    n = len(items)
    ids, times, results = zip(*items, strict=True)
    return Rows(
        np.array(ids, np.int64),
        np.array(times, np.int64),
        np.array(results, np.float64),
        np.ones(n, np.uint8),
        np.zeros(n, np.uint32),
        np.ones(n, np.int32),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        None,
    )


def told(newest: Newest) -> list[tuple[int, int, float]]:
    ids = newest.untold()
    columns = newest.tell(ids)
    return list(zip(ids.tolist(), columns["times"].tolist(), columns["results"].tolist(), strict=True))


def test_of_each_datastream_the_newest_is_told_once() -> None:
    newest = Newest()
    newest.add(rows((-3, 10, 1.0), (5, 10, 2.0)))
    newest.add(rows((5, 12, 3.0), (9, 1, 4.0)))
    assert told(newest) == [(-3, 10, 1.0), (5, 12, 3.0), (9, 1, 4.0)]
    assert told(newest) == []


def test_what_is_not_newer_is_not_told() -> None:
    newest = Newest()
    newest.add(rows((5, 10, 1.0)))
    told(newest)
    newest.add(rows((5, 10, 2.0)))
    newest.add(rows((5, 9, 3.0)))
    assert told(newest) == []


def test_datastreams_between_others_keep_what_is_known_of_those() -> None:
    newest = Newest()
    newest.add(rows((1, 10, 1.0), (9, 10, 2.0)))
    told(newest)
    newest.add(rows((9, 11, 3.0)))
    newest.add(rows((0, 10, 4.0), (4, 10, 5.0), (10, 10, 6.0)))
    newest.add(rows((1, 9, 7.0)))
    assert told(newest) == [(0, 10, 4.0), (4, 10, 5.0), (9, 11, 3.0), (10, 10, 6.0)]


def test_what_did_not_arrive_is_told_again_as_it_is_by_then() -> None:
    newest = Newest()
    newest.add(rows((1, 10, 1.0), (2, 10, 2.0)))
    lost = newest.untold()
    newest.tell(lost)
    newest.add(rows((2, 11, 3.0)))
    newest.tell_again(lost)
    assert told(newest) == [(1, 10, 1.0), (2, 11, 3.0)]

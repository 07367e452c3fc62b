"""Rows: which are newest, whether a key stands twice, and how many blocks their COPY has."""

import numpy as np

from storage.rows import COPY_HEADER, COPY_TRAILER, Rows, copy_blocks

NO_TIME = np.iinfo(np.int64).min


def rows(
    keys: list[tuple[int, int]], results: list[float] | None = None, flags: list[str | None] | None = None
) -> Rows:
    n = len(keys)
    return Rows(
        np.array([key[0] for key in keys], np.int64),
        np.array([key[1] for key in keys], np.int64),
        np.array(results or [1.0] * n, np.float64),
        np.ones(n, np.uint8),
        np.zeros(n, np.uint32),
        np.ones(n, np.int32),
        np.full(n, NO_TIME),
        np.zeros(n, np.int64),
        np.array(flags or [None] * n, np.object_),
    )


def test_the_newest_of_each_datastream() -> None:
    newest = rows([(1, 5), (2, 1), (1, 9), (1, 7), (2, 0)], [1, 2, 3, 4, 5]).in_order().newest()
    assert list(zip(newest.datastream, newest.phenomenon_time, newest.result, strict=True)) == [(1, 9, 3), (2, 1, 2)]


def test_of_those_of_one_time_the_last_is_newest() -> None:
    assert rows([(1, 5), (1, 5)], [1, 2]).in_order().newest().result.tolist() == [2]


def test_whether_a_key_stands_twice() -> None:
    assert not rows([(1, 1), (1, 2), (2, 1)]).in_order().repeats()
    assert rows([(1, 1), (2, 1), (1, 1)]).in_order().repeats()
    assert not rows([]).repeats()


def test_joined_rows_keep_their_flags() -> None:
    bare = rows([(1, 1)])
    bare = Rows(*[getattr(bare, name) for name in list(Rows.__dataclass_fields__)[:-1]], raw_flag=None)
    assert Rows.joined([bare, bare]).raw_flag is None
    flags = Rows.joined([bare, rows([(1, 2)], flags=["N"])]).raw_flag
    assert flags is not None
    assert flags.tolist() == [None, "N"]
    assert len(Rows.joined([Rows.none(), Rows.none()])) == len(Rows.none().newest()) == 0


def test_take() -> None:
    assert rows([(1, 1), (2, 2), (3, 3)]).take(np.array([2, 0])).datastream.tolist() == [3, 1]


def test_nothing_is_a_copy_too() -> None:
    assert list(copy_blocks(rows([]), ordered=True)) == [COPY_HEADER, COPY_TRAILER]


def test_rows_alike_come_together_only_where_order_does_not_matter() -> None:
    mixed = rows([(1, i) for i in range(200)], [float("nan") if i % 2 else 1.0 for i in range(200)])
    assert len(list(copy_blocks(mixed, ordered=True))) == 200 + 2
    assert len(list(copy_blocks(mixed, ordered=False))) == 2 + 2
    few = rows([(1, i) for i in range(4)], [1.0, float("nan"), 1.0, 1.0])
    assert len(list(copy_blocks(few, ordered=False))) == 3 + 2

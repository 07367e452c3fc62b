"""What goes into PostgreSQL as binary COPY comes out as it was, to the last bit."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.rows import COLUMNS, Rows, copy_blocks

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_TIME = int(np.iinfo(np.int64).min)
TIME = st.integers(0, 4_102_444_800_000_000)  # to the year 2100
FLAG = st.none() | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
ROW = st.tuples(
    st.integers(-(2**63), 2**63 - 1),
    TIME,
    st.floats(),
    st.sampled_from([1, 2, 3, 4, 9]),
    st.integers(0, 2**31 - 1),
    st.integers(1, 2**31 - 1),
    TIME | st.just(NO_TIME),
    TIME,
    FLAG,
)
TYPES = (np.int64, np.int64, np.float64, np.uint8, np.uint32, np.int32, np.int64, np.int64, np.object_)


def packed(rows: list[tuple[Any, ...]]) -> Rows:
    columns = list(zip(*rows, strict=True)) or [()] * len(TYPES)
    return Rows(*(np.array(column, kind) for column, kind in zip(columns, TYPES, strict=True)))


def time(value: int) -> datetime | None:
    return None if value == NO_TIME else EPOCH + timedelta(microseconds=value)


def expected(row: tuple[Any, ...]) -> tuple[Any, ...]:
    datastream, at, result, quality, tests, sensor, told, came, flag = row
    return (
        datastream,
        time(at),
        None if math.isnan(result) else result,
        quality,
        tests,
        sensor,
        time(told),
        time(came),
        flag,
    )


@settings(deadline=None, max_examples=40)
@given(rows=st.lists(ROW, max_size=30), ordered=st.booleans(), times=st.sampled_from([1, 10]))
def test_there_and_back(servers: dict[str, Any], rows: list[tuple[Any, ...]], ordered: bool, times: int) -> None:
    rows = rows * times  # many short blocks too
    with psycopg.connect(servers["database"]) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(
            "create temp table back (position serial, datastream bigint, phenomenon_time timestamptz,"
            " result double precision, quality smallint, tests integer, sensor integer, result_time timestamptz,"
            " ingested_at timestamptz, raw_flag text) on commit drop"
        )
        with connection.cursor().copy(f"copy back ({COLUMNS}) from stdin (format binary)") as copy:  # type: ignore[arg-type]
            for block in copy_blocks(packed(rows), ordered=ordered):
                copy.write(block)
        got = connection.execute(f"select {COLUMNS} from back order by position").fetchall()  # type: ignore[arg-type]
    wanted = [expected(row) for row in rows]
    assert got == wanted if ordered else sorted(got, key=repr) == sorted(wanted, key=repr)

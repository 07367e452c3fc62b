"""What is stored of a sensor type's Datastreams, in the order of time, a part at a time: for those who watch it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg.rows import dict_row

from aedilis.errors import StorageError
from aedilis.settings import Settings
from aedilis.vocabulary import Clock, Datastream, Location, Thing
from storage.database import queries

Q = queries("history")
_WINDOW = timedelta(days=1)
_ROWS = 8_000


@dataclass(frozen=True, slots=True)
class Part:
    """n Observations in the order of time, those of one time by Datastream; shapes `(n,)`. A missing result is NaN."""

    datastream: npt.NDArray[np.int64]
    time: npt.NDArray[np.int64]  # µs UTC
    result: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]
    tests: npt.NDArray[np.uint32]


class History:
    """A connection that reads it. Every method may raise `StorageError`."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def datastreams(self, sensor_type: str, agency: str | None = None) -> list[Datastream]:
        """Those of a sensor type, of one agency or of all, by identity; their Things go by the clock of their data."""
        with _told(), self._connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(Q["datastreams"], {"sensor_type": sensor_type, "agency": agency}).fetchall()
        return [_datastream(row, sensor_type) for row in rows]

    def span(self, ids: Sequence[int]) -> tuple[datetime, datetime] | None:
        """The times of the first and of the last Observation; None without any."""
        with _told():
            first, last = self._connection.execute(Q["span"], {"ids": list(ids)}).fetchone() or (None, None)
        return None if first is None or last is None else (first, last)

    def parts(self, ids: Sequence[int], start: datetime, end: datetime) -> Iterator[Part]:
        """Observations from `start` on and before `end`, a few thousand at a time.

        One transaction sees all of it as it was when it began.
        """
        values = {"ids": list(ids)}
        with _told(), self._connection.transaction():
            self._connection.execute("set transaction isolation level repeatable read, read only")
            while start < end:
                until = min(start + _WINDOW, end)
                with self._connection.cursor(name="history") as cursor:
                    cursor.execute(Q["observations"], {**values, "start": start, "end": until})
                    while rows := cursor.fetchmany(_ROWS):
                        yield _part(rows)
                start = until


@contextmanager
def history(settings: Settings) -> Iterator[History]:
    """Connect.

    Raises:
        StorageError: the database cannot be reached.
    """
    with _told():
        connection = psycopg.connect(settings.database, connect_timeout=10, autocommit=True, options="-c timezone=UTC")
    with connection:
        yield History(connection)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise StorageError(problem=str(error).strip(), mend="is it running? `aedilis servers status`") from error


def _datastream(row: dict[str, Any], sensor_type: str) -> Datastream:
    place = None if row["longitude"] is None else Location(row["longitude"], row["latitude"])
    thing = Thing(row["thing"], row["agency"], row["thing_name"], row["zone"], 0, Clock.DATA, place)
    return Datastream(
        row["id"], thing, row["name"], row["observed_property"], row["unit"], sensor_type, 0, row["interval_us"]
    )


def _part(rows: list[tuple[Any, ...]]) -> Part:
    datastream, time, result, quality, tests = zip(*rows, strict=True)
    return Part(
        np.array(datastream, np.int64),
        np.array(time, np.int64),
        np.array(result, np.float64),  # None becomes NaN
        np.array(quality, np.uint8),
        np.array(tests, np.int64).astype(np.uint32),
    )

"""What PostgreSQL takes at most: COPY of rendered rows into a hypertable like ours, with its primary key."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import psycopg

from bench.figures import Limit
from bench.installation import Line, Servers

ROWS = 20_000
"""In a transaction."""
DATASTREAMS = 10_000
_EPOCH_2000 = 946_684_800_000_000
_COLUMNS = "datastream, phenomenon_time, result, quality, tests, sensor, ingested_at"
_ROW = np.dtype(
    [
        ("columns", ">i2"),
        *[
            part
            for name, form, size in (
                ("datastream", ">i8", 8),
                ("phenomenon_time", ">i8", 8),
                ("result", ">f8", 8),
                ("quality", ">i2", 2),
                ("tests", ">i4", 4),
                ("sensor", ">i4", 4),
                ("ingested_at", ">i8", 8),
            )
            for part in ((f"{name}_size", ">i4"), (name, form))
        ],
    ]
)
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"


def run(servers: Servers, seconds: float, say: Callable[[str], None]) -> list[Limit]:
    """With one connection and with two."""
    figures = []
    with Line(servers, {}) as line:
        for connections in (1, 2):
            say(f"limits: COPY, {connections} at once")
            figures.append(_measure(line, connections, seconds))
    return figures


def _measure(line: Line, connections: int, seconds: float) -> Limit:
    table = f"copy_limit_{connections}"
    with psycopg.connect(line.settings.database, autocommit=True) as admin:
        admin.execute(f"create table {table} (like observation including all)")
        admin.execute(
            "select create_hypertable(%s, 'phenomenon_time', chunk_time_interval => interval '28 days',"
            " create_default_indexes => false)",
            [table],
        )
    counts = [0] * connections
    start = time.monotonic()

    def work(number: int) -> None:
        rows = _rows(number)
        with psycopg.connect(line.settings.database, autocommit=True) as connection:
            while time.monotonic() - start < seconds:
                with connection.cursor().copy(f"copy {table} ({_COLUMNS}) from stdin (format binary)") as copy:
                    copy.write(_HEAD + rows.tobytes() + _TAIL)
                counts[number] += ROWS
                rows["phenomenon_time"] += ROWS // DATASTREAMS * 1_000_000

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Limit(
        what=f"COPY with the primary key, {connections} at once",
        observations_per_s=sum(counts) / (time.monotonic() - start),
    )


def _rows(number: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Rendered rows: the Datastreams of this connection, each twice, a second apart."""
    rows = np.zeros(ROWS, _ROW)
    rows["columns"] = len(_ROW.names or ()) // 2
    for name in _COLUMNS.split(", "):
        rows[f"{name}_size"] = _ROW[name].itemsize
    numbers = np.arange(ROWS)
    rng = np.random.default_rng(number)
    rows["datastream"] = rng.integers(-(2**62), 2**62, DATASTREAMS)[numbers % DATASTREAMS]
    now = time.time_ns() // 1000 - _EPOCH_2000
    rows["phenomenon_time"] = now + numbers // DATASTREAMS * 1_000_000
    rows["result"] = np.round(rng.normal(50, 0.4, ROWS), 2)
    rows["quality"], rows["sensor"], rows["ingested_at"] = 1, 1, now
    return rows

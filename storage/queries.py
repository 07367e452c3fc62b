"""What the pages read. Every method may raise `Unavailable` when the database cannot be reached."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import PoolTimeout

from aedilis.quality import PRECEDENCE
from aedilis.settings import Settings
from storage.counts import Counts, read_counts
from storage.database import Connection, make_pool, queries
from storage.writer import Unavailable

Q = queries("read") | queries("rejects")
Row = dict[str, Any]
_PRECEDENCE = [quality.value for quality in reversed(PRECEDENCE)]


class Reader:
    """Reads for one process."""

    def __init__(self, settings: Settings) -> None:
        self.pool = make_pool(settings, size=4)

    async def open(self) -> None:
        """Open the pool; the database may come later."""
        await self.pool.open(wait=False)

    async def close(self) -> None:
        """Close the pool."""
        await self.pool.close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self.pool.connection(timeout=3) as connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise Unavailable(str(error).strip()) from error

    async def _all(self, name: str, **values: object) -> list[Row]:
        async with self._connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(Q[name], values)
            return await cursor.fetchall() if cursor.description else []

    async def _one(self, name: str, **values: object) -> Row | None:
        rows = await self._all(name, **values)
        return rows[0] if rows else None

    async def city(
        self,
        *,
        agency: str | None = None,
        zone: str | None = None,
        search: str | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> list[Row]:
        """Things by agency, zone and name: id, place, number of Datastreams, newest time, silent or not, what is open.

        `after` is the identity of the last one already known.
        """
        return await self._all("city", agency=agency, zone=zone, search=search, after=after, limit=limit)

    async def open_alerts_of_zones(self) -> list[Row]:
        """agency, zone, alerts, severity: what is open on zones as such."""
        return await self._all("open_alerts_of_zones")

    async def agencies(self) -> list[str]:
        """The names of all agencies."""
        return [str(row["name"]) for row in await self._all("agencies")]

    async def thing(self, number: int) -> Row | None:
        """One Thing."""
        return await self._one("thing", id=number)

    async def places(self, thing: int, limit: int) -> list[Row]:
        """since, zone, longitude, latitude: where a Thing is and was, the latest first."""
        return await self._all("places", id=thing, limit=limit)

    async def completeness(self, thing: int, until: datetime, hours: Sequence[int]) -> list[Row]:
        """datastream, hours, expected, came: Observations with a result in the last `hours` up to a time."""
        return await self._all("completeness", id=thing, until=until, hours=list(hours))

    async def doubts(self, thing: int, until: datetime, limit: int) -> list[Row]:
        """datastream, seen, suspect, failed: of the newest `limit` Observations of the day up to a time."""
        return await self._all("doubts", id=thing, until=until, limit=limit)

    async def open_alerts_of(self, thing: int, limit: int) -> list[Row]:
        """The open alerts of a Thing and of its Datastreams, the worst first."""
        return await self._all("open_alerts_of", id=thing, limit=limit)

    async def datastreams(self, thing: int) -> list[Row]:
        """The Datastreams of a Thing."""
        return await self._all("datastreams", id=thing)

    async def sparklines(self, thing: int, start: datetime | None, end: datetime | None) -> dict[int, list[Row]]:
        """Datastream → its time and result in about 96 buckets of the span, by default of its newest 96 intervals."""
        lines: dict[int, list[Row]] = {}
        for row in await self._all("sparklines", id=thing, start=start, end=end):
            lines.setdefault(row["datastream"], []).append(row)
        return lines

    async def datastream(self, number: int) -> Row | None:
        """One Datastream with its Thing."""
        return await self._one("datastream", id=number)

    async def series(
        self, number: int, start: datetime, end: datetime, points: int
    ) -> tuple[list[Row], timedelta | None]:
        """time, result, quality, low, high, count, failed, suspect, tests, raw_flag: as stored, or in buckets where
        there are more than `points`.

        The second is the width of a bucket, None for observations as stored.
        """
        span = {"id": number, "start": start, "end": end}
        counted = await self._one("count_series", **span)
        if counted is None or counted["observations"] <= points:
            return await self._all("series", **span), None
        width = timedelta(seconds=max(1, math.ceil((end - start).total_seconds() / points)))
        return await self._all("series_thinned", width=width, precedence=_PRECEDENCE, **span), width

    async def anomaly(self, number: int) -> Row | None:
        """One anomaly."""
        return await self._one("anomaly", id=number)

    async def anomalies(
        self,
        *,
        datastream: int | None = None,
        its_thing: bool = False,
        thing: int | None = None,
        scope: str | None = None,
        zone: str | None = None,
        open_only: bool = False,
        ended_only: bool = False,
        kind: str | None = None,
        agency: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        before: int | None = None,
        limit: int = 200,
    ) -> list[Row]:
        """Anomalies, the newest first; `before` is the identity of the last one already known.

        Those of a `thing` are about it or one of its Datastreams; those of a `datastream` are about it alone or, with
        `its_thing`, about its Thing as a whole.
        """
        return await self._all(
            "anomalies",
            datastream=datastream,
            its_thing=its_thing,
            thing=thing,
            scope=scope,
            zone=zone,
            open_only=open_only,
            ended_only=ended_only,
            kind=kind,
            agency=agency,
            start=start,
            end=end,
            before=before,
            limit=limit,
        )

    async def alerts(
        self,
        *,
        status: str | None = None,
        kind: str | None = None,
        agency: str | None = None,
        before: int | None = None,
        limit: int = 200,
    ) -> list[Row]:
        """Alerts, the newest first; `before` is the identity of the last one already known."""
        return await self._all("alerts", status=status, kind=kind, agency=agency, before=before, limit=limit)

    async def reject_groups(self, limit: int = 500, group: int | None = None) -> list[Row]:
        """Rejects by reason, type and shapes, those that came last first; or one group."""
        return await self._all("groups", limit=limit, id=group)

    async def reject_samples(self, groups: Sequence[int], limit: int = 20) -> dict[int, list[Row]]:
        """Group → its latest bytes."""
        samples: dict[int, list[Row]] = {group: [] for group in groups}
        for row in await self._all("samples", ids=list(groups), limit=limit):
            samples[row.pop("reject_group")].append(row)
        return samples

    async def rejects_named(self, level: str, limit: int = 20) -> list[Row]:
        """Groups of rejects among whose latest samples is a topic with this level: id, reason, sensor_type, count, and
        of the latest such sample topic, detail, received_at and whether it stands."""
        text = level.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return await self._all("named", level=f"%/{text}/%", limit=limit)

    async def standing_rejects(
        self,
        group: int | None,
        reason: str | None,
        sensor_type: str | None,
        after: tuple[int, int, int],
        limit: int = 50,
    ) -> list[Row]:
        """The next partition, batch, reject_group and offsets of records of the log of rejects that stand."""
        partition, batch, known = after
        wanted = {"group": group, "reason": reason, "sensor_type": sensor_type}
        return await self._all("standing", **wanted, partition=partition, batch=batch, after=known, limit=limit)

    async def redrive_outcome(self, run: str) -> Row:
        """What became of a run so far: read, in_part, refused, observations."""
        return await self._one("outcome", run=run) or {}

    async def refused_again(self, run: str) -> dict[str, int]:
        """Reason → messages that a run refused again."""
        return {row["reason"]: row["messages"] for row in await self._all("refused_again", run=run)}

    async def types(self) -> dict[str, Row]:
        """Sensor type → what came by it: things, datastreams, last_time, observations_of_hour (the last full one), rejects."""
        return {row["name"]: row for row in await self._all("types")}

    async def counts(self) -> Counts:
        """The accounting of all hops."""
        async with self._connection() as connection:
            return await read_counts(connection)

    async def versions(self) -> Row:
        """Numbers that change when something was stored."""
        return await self._one("versions") or {}

    async def create_session(self, token: bytes, user: str) -> None:
        """Keep a session by the hash of its token, for twelve hours."""
        await self._all("create_session", token=token, user=user)

    async def find_session(self, token: bytes) -> str | None:
        """The user of a session."""
        row = await self._one("find_session", token=token)
        return str(row["user_name"]) if row else None

    async def delete_session(self, token: bytes) -> None:
        """End a session."""
        await self._all("delete_session", token=token)

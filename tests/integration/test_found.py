"""What was found of a Datastream, a Thing and a zone: stored, read, shown to other tools, and brought over from before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import psycopg

from aedilis.identity import anomaly_id, datastream_id, stable_id, thing_id
from aedilis.vocabulary import Alert, Anomaly, Evidence, Revision, Scope, Severity
from alerts.lifecycle import AlertBook
from storage.queries import Reader
from storage.writer import Writer
from tests.installation import Installation
from tests.integration.test_writer import START, frames

MIGRATIONS = Path(__file__).parents[2] / "storage" / "migrations"
THING = thing_id("demo", "t")
EVIDENCE = (Evidence("level", 0.75), Evidence("neighbours", 0.25))
T = TypeVar("T")


def anomaly(scope: Scope, **changed: Any) -> Anomaly:
    """An open one about Datastream a of Thing t, about t, or about the Datastreams a of its zone."""
    subjects = {
        Scope.DATASTREAM: (datastream_id("demo", "t", "a"), "t", "a"),
        Scope.THING: (THING, "t", "*"),
        Scope.ZONE: (stable_id("zone", "demo/z", "a"), "*", "a"),
    }
    subject, thing, name = subjects[scope]
    plain = Anomaly(
        id=anomaly_id(subject, "plume", "plume", START),
        revision=Revision(START, 1),
        scope=scope,
        subject=subject,
        datastream=subject if scope is Scope.DATASTREAM else None,
        agency="demo",
        thing=thing,
        datastream_name=name,
        zone="demo/z",
        kind="plume",
        detector="plume",
        severity=Severity.MAJOR,
        starts_at=START,
        detected_at=START,
        ends_at=None,
        score=0.9,
        result=5.0,
        expected_low=None,
        expected_high=4.0,
        unit="1",
        explanation=f"a {scope}",
        ingested_at=START,
        explanation_zh="污染",
        evidence=EVIDENCE,
        facts={"from_deg": 45.0},
    )
    return msgspec.structs.replace(plain, **changed)


def ended(one: Anomaly) -> Anomaly:
    return msgspec.structs.replace(
        one, revision=Revision(START + 9, 2), ends_at=START + 9, explanation="over", evidence=(), facts={}
    )


def store(installation: Installation, anomalies: list[Anomaly], *, offset: int = 0) -> None:
    book = AlertBook()
    alerts: list[Alert] = [alert for one in anomalies for alert in book.apply(one)]

    async def write() -> None:
        async with Writer(installation.settings) as writer:
            if not offset:
                for batch in frames([("a", 0, 5.0, None, None), ("b", 0, 5.0, None, None)], []):
                    await writer.write_frames("observations", 0, batch)
            await writer.write_anomalies("anomalies", 0, list(enumerate(anomalies, offset)))
            await writer.write_alerts("alerts", 0, list(enumerate(alerts, offset)))

    asyncio.run(write())


def read(installation: Installation, ask: Callable[[Reader], Awaitable[T]]) -> T:
    async def asked() -> T:
        reader = Reader(installation.settings)
        await reader.open()
        try:
            return await ask(reader)
        finally:
            await reader.close()

    return asyncio.run(asked())


def test_findings_of_all_scopes_are_stored_and_read(installation: Installation) -> None:
    store(installation, [anomaly(scope) for scope in Scope])
    columns = (
        "thing, name, observed_property, unit, zone, thing_id, datastream is null, evidence, facts, explanation_zh"
    )
    told = ([{"name": one.name, "share": one.share} for one in EVIDENCE], {"from_deg": 45.0}, "污染")
    assert installation.rows(f"select scope, {columns} from anomalies order by 1") == [
        ("datastream", "t", "a", "a", "1", "demo/z", THING, False, *told),
        ("thing", "t", "*", None, "1", "demo/z", THING, True, *told),
        ("zone", "*", "a", None, "1", "demo/z", None, True, *told),
    ]
    assert installation.rows(
        "select scope, thing, name, zone, thing_id, summary, evidence, facts, summary_zh from alerts order by 1"
    ) == [
        ("datastream", "t", "a", "demo/z", THING, "a datastream", *told),
        ("thing", "t", "*", "demo/z", THING, "a thing", *told),
        ("zone", "*", "a", "demo/z", None, "a zone", *told),
    ]
    (city,) = read(installation, lambda reader: reader.city())
    assert (city["open_anomalies"], city["open_alerts"], city["severity"]) == (2, 2, "major")
    assert read(installation, lambda reader: reader.open_alerts_of_zones()) == [
        {"agency": "demo", "zone": "demo/z", "alerts": 1, "severity": "major"}
    ]

    def scopes(**wanted: Any) -> list[str]:
        rows = read(installation, lambda reader: reader.anomalies(**wanted))
        assert {row["interval_us"] is None for row in rows if row["scope"] != "datastream"} <= {True}
        return sorted(row["scope"] for row in rows)

    assert scopes() == ["datastream", "thing", "zone"]
    assert scopes(thing=THING) == ["datastream", "thing"]
    assert scopes(datastream=datastream_id("demo", "t", "a")) == ["datastream"]
    assert scopes(datastream=datastream_id("demo", "t", "a"), its_thing=True) == ["datastream", "thing"]
    assert scopes(scope="zone", zone="demo/z") == ["zone"]
    assert scopes(scope="zone", zone="demo/y") == []
    alerted = read(installation, lambda reader: reader.open_alerts_of(THING, 9))
    assert sorted(row["scope"] for row in alerted) == ["datastream", "thing"]
    one = read(installation, lambda reader: reader.anomaly(anomaly(Scope.ZONE).id))
    assert one is not None
    assert (one["zone"], one["facts"]) == ("demo/z", {"from_deg": 45.0})


def test_an_end_keeps_why_it_opened(installation: Installation) -> None:
    opened = anomaly(Scope.DATASTREAM)
    store(installation, [opened, ended(opened)])
    ((evidence, facts, said, open_),) = installation.rows(
        "select evidence, facts, explanation, ends_at is null from anomalies"
    )
    assert ([one["share"] for one in evidence], facts, said, open_) == ([0.75, 0.25], {"from_deg": 45.0}, "over", False)
    assert installation.rows("select status, jsonb_array_length(evidence) from alerts") == [("resolved", 2)]
    store(installation, [opened], offset=9)
    assert installation.rows("select explanation from anomalies") == [("over",)], "an older revision does nothing"


def test_a_finding_of_a_thing_that_the_tables_do_not_know_shows(installation: Installation) -> None:
    store(installation, [anomaly(Scope.DATASTREAM, agency="other", thing="\0new", datastream=7, subject=7)])
    assert installation.rows("select thing, name, zone, unit from anomalies") == [("�new", "a", "demo/z", "1")]
    assert installation.rows("select thing, name, zone from alerts") == [("�new", "a", "demo/z")]


def test_what_was_found_before_is_brought_over(installation: Installation) -> None:
    """In a schema of its own the tables as they were, with an anomaly and an alert, and then the migration."""
    with psycopg.connect(installation.database, autocommit=True) as connection:
        connection.execute("create schema before")
        connection.execute("set search_path = before, public")
        files = sorted(MIGRATIONS.glob("*.sql"))
        for file in files[:6]:
            connection.execute(file.read_text())
        connection.execute(
            "insert into agency (name) values ('demo');"
            "insert into thing (id, agency, name, zone, partition, clock) values (1, 'demo', 't', 'demo/z', 0, 'wall');"
            "insert into datastream (id, thing, name, observed_property, unit, sensor_type, sensor_version, interval_us)"
            " values (2, 1, 'a', 'PM2.5', 'ug/m3', 's', 1, 1);"
        )
        old = {"starts_at": "2026-01-01", "detected_at": "2026-01-01", "score": 1, "first_received_at": "2026-01-01"}
        common = {"revision_time": 0, "revision_sequence": 0, "agency": "demo", "kind": "spike", "severity": "minor"}
        found = {**common, **old, "id": 3, "datastream": 2, "detector": "spike", "explanation": "far"}
        alert = {**common, "id": 4, "datastream": 2, "key": "2|spike", "status": "open", "opened_at": "2026-01-01"}
        alert |= {"anomalies": [3], "summary": "far", "historic": False}
        for table, row in (("anomaly", found), ("alert", alert)):
            names, values = ", ".join(row), ", ".join(f"%({name})s" for name in row)
            connection.execute(f"insert into {table} ({names}) values ({values})", row)
        views = {
            view: connection.execute(f"select * from {view}").fetchall()  # type: ignore[arg-type]
            for view in ("anomalies", "alerts")
        }
        for file in files[6:]:
            connection.execute(file.read_text())
        for view, before in views.items():
            now = connection.execute(f"select * from {view}").fetchall()  # type: ignore[arg-type]
            assert [row[: len(before[0])] for row in now] == before, "the columns that were there say the same"
            assert now[0][len(before[0]) :] == ("datastream", 2, 1, [], {}, "")
        # a writer of the version before may still be at work
        names, values = ", ".join(found), ", ".join(f"%({name})s" for name in found)
        connection.execute(f"insert into anomaly ({names}) values ({values})", {**found, "id": 5})
        assert connection.execute("select thing, name, scope, subject from anomalies where id = 5").fetchall() == [
            ("t", "a", "datastream", 2)
        ]

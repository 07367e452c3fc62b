"""A Thing waits, is approved, named and moved while everything runs, and keeps its identity, partition and history."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from simulation.publisher import Publisher
from tests.installation import Installation, aedilis

TYPE = """
name = "shy"
version = 1
title = "Shy"
topic = "shy/{agency}/{thing}"
interval_s = 60

[thing]
appear = "approved"

[payload]
zone = "zone"
longitude = "lon"
latitude = "lat"

[time]
field = "time"

[[properties]]
name = "value"
unit = "1"

[[examples]]
topic = "shy/demo/a"
payload = '{"time": "2026-01-05T00:00:00Z", "value": 1}'
observations = [{datastream = "value", time = "2026-01-05T00:00:00Z", result = 1}]
"""
HISTORY = "select to_char(since, 'HH24:MI'), h.zone, h.longitude from historical_location h order by since"


def test_a_thing_that_waits_is_let_in_named_and_moved(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "types").mkdir()
    (tmp_path / "types" / "shy.toml").write_text(TYPE)
    installation.env["AEDILIS_SENSOR_TYPES"] = str(tmp_path / "types")
    installation.start("ingest", "ingest")
    installation.start("store", "worker", "--role", "store")
    installation.ready("ingest")
    minute = 0
    with Publisher(installation.settings) as publisher:

        def speak(zone: str, longitude: float) -> None:
            nonlocal minute
            told = {"time": f"2026-01-05T00:{minute:02d}:00Z", "zone": zone, "lon": longitude, "lat": 41.9}
            publisher.publish("shy/demo/a", json.dumps({**told, "value": minute}).encode())
            minute += 1

        def until(query: str, expected: list[tuple[Any, ...]], zone: str = "north", longitude: float = 12.5) -> None:
            deadline = time.monotonic() + 30
            while (got := installation.rows(query)) != expected:
                assert time.monotonic() < deadline, got
                time.sleep(0.3)
                speak(zone, longitude)

        speak("north", 12.5)
        waits: list[dict[str, Any]] = []
        deadline = time.monotonic() + 30
        while not waits:
            assert time.monotonic() < deadline
            waits = json.loads(aedilis("things", "list", "--waiting", "--json", env=installation.env).stdout)
        assert [(one["thing"], one["state"], one["sensor_type"]) for one in waits] == [("a", "waiting", "shy")]
        assert installation.rows("select * from thing") == []

        table = tmp_path / "things.csv"
        table.write_text("agency,thing,title,approved\ndemo,a,The pier,yes\ndemo,b,,perhaps\n")
        refused = aedilis("things", "import", str(table), env=installation.env, check=False)
        assert (refused.returncode, "line 3, approved" in refused.stderr) == (2, True)
        taken = aedilis("things", "import", "--skip-bad", str(table), env=installation.env).stdout
        assert taken == "1 Things told, 1 of them changed, 1 lines skipped\n"
        name = "select distinct thing, title from observations"
        until(name, [("a", "The pier")])
        identity, partition = installation.rows("select id, partition from thing")[0]

        until("select zone from thing", [("demo/south",)], "south", 12.6)
        aedilis("things", "set", "demo", "a", "--zone", "west", "--title", "", env=installation.env)
        until("select zone, title from thing", [("demo/west", "")], "south", 12.6)
        assert installation.rows("select id, partition from thing") == [(identity, partition)]

    places = [(zone, longitude) for _, zone, longitude in installation.rows(HISTORY)]
    assert places == [("demo/north", 12.5), ("demo/south", 12.6), ("demo/west", 12.6)]
    assert installation.rows(HISTORY)[0][0] >= "00:01", "since the first message that was let in"
    assert installation.rows("select count(distinct datastream) from observations") == [(1,)]
    export = aedilis("things", "export", env=installation.env).stdout
    assert export == "agency,thing,title,zone,longitude,latitude,approved\ndemo,a,,west,,,yes\n"
    table.write_text(export)
    again = aedilis("things", "import", str(table), env=installation.env).stdout
    assert again == "1 Things told, 0 of them changed, 0 lines skipped\n"

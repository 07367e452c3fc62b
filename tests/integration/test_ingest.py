"""Several ingest processes that own their agencies read each message once, and restart without a word lost."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

from simulation.publisher import Publisher
from tests.installation import Installation, aedilis


def test_processes_share_the_city_by_agency(installation: Installation) -> None:
    whole = dict(installation.env)
    for name, agencies in (("north", "north,east"), ("rest", "!north,!east")):
        installation.env = {**whole, "AEDILIS_AGENCIES": agencies}
        installation.start(name, "ingest")
        installation.ready(name)
    installation.env = whole
    installation.start("store", "worker", "--role", "store")
    agencies = ("north", "east", "south", "demo")
    with Publisher(installation.settings) as publisher:
        for hour in range(20):
            for agency in agencies:
                payload = json.dumps({"time": f"2014-01-01T{hour:02d}:00:00", "PM10": hour}).encode()
                publisher.publish(f"city/{agency}/s/air", payload)
        publisher.publish("city/north/s/no-such-form", b"1")
        publisher.publish("city/south/s/no-such-form", b"1")
        publisher.publish("elsewhere", b"1")
    installation.settle(80)
    deadline = time.monotonic() + 20
    while not (said := counts(installation))["agree"] or said["rejects"] != {"unknown_topic": 3}:
        assert time.monotonic() < deadline, said
        time.sleep(0.3)
    assert sorted((row["process"][:-17], row["messages"], row["messages_rejected"]) for row in said["processes"]) == [
        ("ingest-north,east", 41, 1),
        ("ingest-not-north,not-east", 42, 2),
    ]
    assert installation.rows("select count(distinct (agency, thing)) from observations") == [(4,)]


def test_a_process_that_ends_well_says_its_last_word(installation: Installation) -> None:
    installation.line()
    aedilis("simulate", "--start", "2026-01-05", "--duration", "0.05", "--speed", "max", env=installation.env)
    installation.signal("ingest", signal.SIGTERM)
    assert installation.children["ingest"].wait(30) == 0
    deadline = time.monotonic() + 30
    said = counts(installation)
    while [row["state"] for row in said["processes"]] != ["closed"]:
        assert time.monotonic() < deadline, said
        time.sleep(0.3)
        said = counts(installation)
    installation.settle(said["processes"][0]["framed"])
    assert counts(installation)["agree"]


def counts(installation: Installation) -> Any:
    return json.loads(aedilis("counts", "--json", env=installation.env, check=False).stdout)

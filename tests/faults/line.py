"""The line under its real supervisor: what the faults are done to, and how it is compared with a calm run.

Every fault has an agency of its own, and the content of all agencies is the same. So one calm run serves all faults,
and what is compared leaves out ids, which are hashes of what is compared and of the agency's name.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from subprocess import Popen
from typing import Any
from unittest.mock import patch

import psutil

from aedilis.health import running
from aedilis.settings import Settings, load
from aedilis.topics import Topic
from aedilis.vocabulary import ROLES
from tests.acceptance.own_home import OwnHome
from tests.faults.load import TOLD, Load
from tests.faults.operator import SECRET, Operator
from tests.faults.servers import Servers
from tests.progress import Progress

Rows = dict[str, list[tuple[Any, ...]]]
_THING = "join datastream d on d.id = x.datastream join thing t on t.id = d.thing where t.agency = '{agency}' order by"
TABLES = {
    "observations": "select thing, name, observed_property, unit, phenomenon_time, result, quality, tests, raw_flag,"
    " sensor_type, sensor_version, result_time from observations where agency = '{agency}' order by 1, 2, 5",
    "revisions": f"select t.name, d.name, phenomenon_time, result, quality, result_time from revision x {_THING} 1, 2, 3",
    "rollups": "select t.name, d.name, hour, count, minimum, maximum, mean, last, good_share, capture, valid"
    f" from rollup_hour x {_THING} 1, 2, 3",
    "datastreams": "select thing, replace(zone, agency, ''), name, observed_property, unit, sensor_type, sensor_version,"
    " interval_us, longitude, latitude, last_time, last_result, last_quality from datastreams"
    " where agency = '{agency}' order by 1, 3",
    "anomalies": "select thing, name, observed_property, unit, replace(zone, agency, ''), kind, detector, severity,"
    " starts_at, detected_at, ends_at, score, result, expected_low, expected_high, explanation from anomalies"
    " where agency = '{agency}' order by 1, 2, 6, 7, 10",
    "alerts": "select thing, name, replace(zone, agency, ''), kind, status, severity, opened_at, resolved_at,"
    " cardinality(anomalies), summary, historic from alerts where agency = '{agency}' order by 1, 2, 4, 7",
    "deliveries": "select t.name, d.name, a.kind, a.opened_at, x.status, x.reason from delivery x"
    " join alert a on a.id = x.alert join datastream d on d.id = a.datastream join thing t on t.id = d.thing"
    " where a.agency = '{agency}' order by 1, 2, 3, 4, 6",
}
WHOLE = frozenset(TABLES)
STORED = frozenset({"observations", "revisions", "rollups"})
"""What the contracts promise when the observations of one Datastream come in another order: detectors pass over what
is older than the newest, and `last_result` is that of the newest time in either case."""


class Line(Progress):
    """`aedilis up` with given servers, in a home of its own, and what is known of its past."""

    def __init__(self, servers: Servers, operator: Operator, figures: list[str]) -> None:
        self.servers = servers
        self.operator = operator
        self._figures = figures
        self._agency = ""
        self._guests: list[Popen[bytes]] = []
        more = {"SESSION_TIMEOUT_SECONDS": "3", "CHECKPOINT_SECONDS": "0.5", "WEBHOOK": operator.url}
        more |= {"WEBHOOK_SECRET": SECRET, "ADMIN_PASSWORD": "unused"}
        self.home = OwnHome(
            servers.folder / "line", **servers.given, **{f"AEDILIS_{name}": value for name, value in more.items()}
        )
        with patch.dict(os.environ, self.home.env, clear=True):
            self._settings = load()
        self.home.start_up("--no-simulate")
        self.calm = Load("calm")
        self.calm.publish(self._settings, 0)
        self.calm.end()
        self.settle_load(self.calm)
        self._calm = self.tables("calm")
        for kind in WHOLE - {"revisions"}:
            assert self._calm[kind], f"the calm run has no {kind}"
        self.agree()

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def logs(self) -> Path:
        return self.home.folder / "logs"

    @property
    def roles(self) -> set[str]:
        return set(ROLES)

    # ------------------------------------------------------------ what is done to it

    def process(self, name: str) -> psutil.Process:
        """A process that the supervisor keeps, by the name in its health file: `ingest-all`, `worker-detect` …"""
        guests = {guest.pid for guest in self._guests}
        found: list[int] = []
        deadline = time.monotonic() + 60
        while not found:
            assert time.monotonic() < deadline, f"{name} does not run: {self.home.errors.read_text()[-1500:]}"
            found = [one.pid for one in running(self.home.folder) if one.process == name and one.pid not in guests]
            time.sleep(0.05)
        return psutil.Process(found[-1])

    def guest(self, *arguments: str) -> Popen[bytes]:
        """Start one more process beside those that the supervisor keeps; it has its health server when this returns."""
        with (self.logs / "guest.log").open("ab") as log:
            command = [sys.executable, "-m", "aedilis", *arguments]
            guest = Popen(command, env=self.home.env, stdout=log, stderr=log)
        self._guests.append(guest)
        deadline = time.monotonic() + 60
        while guest.pid not in {one.pid for one in running(self.home.folder)}:
            assert time.monotonic() < deadline, f"{' '.join(arguments)} does not come up"
            time.sleep(0.05)
        return guest

    def tell(self, figure: str) -> None:
        """A measured figure, shown at the end of the run."""
        self._figures.append(figure)

    def restarted(self) -> list[str]:
        """What the supervisor has said of processes that ended or hung."""
        return [
            line for line in self.home.errors.read_text().splitlines() if "ended with" in line or "answered" in line
        ]

    def lengths(self) -> dict[str, tuple[int, int]]:
        """Log → lines and bytes."""
        texts = {path.stem: path.read_bytes() for path in sorted(self.logs.glob("*.log"))}
        return {name: (text.count(b"\n"), len(text)) for name, text in texts.items()}

    def end_of(self, topic: Topic) -> int:
        """How many records a topic ever had."""
        return sum(self.ends(topic).values())

    # ------------------------------------------------------------ what became of it

    def settle_load(self, load: Load, *, told: bool = True) -> None:
        """Wait until all of a load, and all that follows from it, is stored and, unless it is another, told."""
        self._agency = load.agency
        deadline = time.monotonic() + 180
        while told and (came := len(self.operator.of(load.agency))) < TOLD:
            assert time.monotonic() < deadline, f"{came} of {TOLD} changes of alerts are told\n{self._latest_logs()}"
            time.sleep(0.1)
        self.settle(load.observations, 120)

    def _latest_logs(self) -> str:
        return "".join(path.read_text()[-1500:] for path in sorted(self.logs.glob("*.log")))

    def settle_loss(self, load: Load) -> int:
        """Wait until what arrived of a load is stored. Returns how many observations did not arrive."""
        self._agency = load.agency
        stored, since, deadline = -1, time.monotonic(), time.monotonic() + 90
        while time.monotonic() < since + 5:
            assert time.monotonic() < deadline, "the load does not come to an end"
            if (now := self.stored()) != stored:
                stored, since = now, time.monotonic()
            time.sleep(0.2)
        self.settle(stored)
        return load.observations - stored

    def stored(self) -> int:
        """How many observations of the latest load are stored."""
        return int(self.rows(f"select count(*) from observations where agency = '{self._agency}'")[0][0])

    def tables(self, agency: str) -> Rows:
        """What is compared, of one agency."""
        return {name: self.rows(query.format(agency=agency)) for name, query in TABLES.items()}

    def equals_calm(self, agency: str, kinds: frozenset[str] = WHOLE) -> None:
        """The tables are those of the calm run, and everybody was told of each change under one key."""
        found = self.tables(agency)
        for kind in sorted(kinds):
            assert found[kind] == self._calm[kind], kind
        if kinds == WHOLE:
            self._told_once(agency)
        self.agree()

    def _told_once(self, agency: str) -> None:
        keys = self.operator.of(agency)
        changes = Counter(change for key in keys for change in self.operator.told[key])
        assert len(keys) == TOLD, f"{len(keys)} keys for {TOLD} changes"
        assert set(changes.values()) == {1}, "one change came under two keys"
        assert all(len(self.operator.told[key]) == 1 for key in keys), "two changes came under one key"
        opened = [change for change in changes if change[1] == "open"]
        assert len(opened) == len({alert for alert, _, _ in opened}), "an alert was opened twice"
        repeated = sum(self.operator.attempts[key] > 1 for key in keys)
        assert repeated, "no delivery was repeated"

    def agree(self) -> None:
        """The counts of all hops agree."""
        deadline = time.monotonic() + 30
        while not (said := json.loads(self.home.run("counts", "--json").stdout))["agree"]:
            assert time.monotonic() < deadline, [one for one in said["sums"] if not one["agree"]]
            time.sleep(0.5)

    def rejects(self) -> int:
        """Rejects that the counts know."""
        return sum(json.loads(self.home.run("counts", "--json").stdout)["rejects"].values())

    def close(self) -> None:
        """Stop it."""
        self.stop_asking()
        for guest in self._guests:
            guest.kill()
            guest.wait()
        if self.home.up is not None and self.home.up.poll() is None:
            self.home.up.send_signal(signal.SIGTERM)
            self.home.up.wait(60)
        self.home.close()

"""What is published arrives, whatever becomes of the broker or the publisher; a city has one history over many runs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from aedilis.settings import Settings
from aedilis.topics import TICKS
from deploy.servers import Mosquitto, wait_ready
from simulation.city import City
from simulation.publisher import Publisher


class Broker:
    """A Mosquitto of its own, and what a subscriber with a persistent session has received from it."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.settings = Settings(home=str(folder), mqtt=address, mqtt_user="aedilis", mqtt_password="secret")
        self.env = {
            **os.environ,
            **{f"AEDILIS_{name.upper()}": getattr(self.settings, name)
               for name in ("home", "mqtt", "mqtt_user", "mqtt_password")},
        }  # fmt: skip
        self.started: list[subprocess.Popen[str]] = []
        self._process = Mosquitto(self.settings).prepare()
        self.start()

    def start(self) -> None:
        """Start it, on what it had saved."""
        self._process.start()
        wait_ready(self._process, self.settings.mqtt)

    def kill(self) -> None:
        """SIGKILL: what it has not saved is gone."""
        for child in psutil.Process(self._process.pid).children():
            child.kill()
        self._process.wait()

    def saved(self) -> None:
        """Wait until it has saved its sessions once more."""
        now = time.time()
        file = self.settings.home_path / "mosquitto" / "mosquitto.db"
        wait_for(lambda: file.exists() and file.stat().st_mtime > now)

    def stop(self) -> None:
        """End it, and let it save."""
        self._process.ask_to_stop()
        self._process.wait()

    def subscriber(self, got: list[tuple[str, bytes]]) -> paho.Client:
        """Connected, with the session `reader`, adding to `got`."""
        ready = threading.Event()
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="reader", clean_session=False)
        client.username_pw_set("aedilis", "secret")
        client.on_connect = lambda *_: client.subscribe("#", qos=1)
        client.on_subscribe = lambda *_: ready.set()

        def on_message(_: Any, __: Any, message: Any) -> None:
            if not message.topic.startswith(TICKS):
                got.append((message.topic, message.payload))

        client.on_message = on_message
        host, _, port = self.settings.mqtt.rpartition(":")
        client.connect(host, int(port))
        client.loop_start()
        assert ready.wait(20)
        return client


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path / "home")
    yield made
    for started in made.started:
        started.kill()
        started.communicate()
    made.stop()


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def close(client: paho.Client) -> None:
    client.disconnect()
    client.loop_stop()


def test_what_a_killed_broker_forgot_is_sent_again_before_what_is_newer(broker: Broker) -> None:
    got: list[tuple[str, bytes]] = []
    close(broker.subscriber(got))  # its session waits in the broker
    broker.saved()
    with Publisher(broker.settings) as publisher:
        for i in range(9_000):
            assert publisher.publish("a/b", str(i).encode())
            if i == 6_000:  # much of it acknowledged and not saved, some of it under way
                broker.kill()
                broker.start()
            if i % 50 == 0:
                assert publisher.rest(0.01)
    client = broker.subscriber(got)
    wanted = [str(i).encode() for i in range(9_000)]
    wait_for(lambda: len({payload for _, payload in got}) == len(wanted))
    close(client)
    assert list(dict.fromkeys(payload for _, payload in got)) == wanted


def test_during_an_outage_it_waits_and_then_goes_on(broker: Broker) -> None:
    got: list[tuple[str, bytes]] = []
    client = broker.subscriber(got)
    broker.saved()
    down, done = threading.Event(), threading.Event()
    wanted = [str(i).encode() for i in range(5_000)]  # more than may be under way

    def publish() -> None:
        with Publisher(broker.settings) as publisher:
            for payload in wanted[:100]:
                publisher.publish("a", payload)
            assert down.wait(60)
            for payload in wanted[100:]:
                publisher.publish("a", payload)
        done.set()

    thread = threading.Thread(target=publish)
    thread.start()
    wait_for(lambda: len(got) == 100)
    broker.kill()
    down.set()
    assert not done.wait(2)
    broker.start()
    assert done.wait(60)
    thread.join()
    wait_for(lambda: {payload for _, payload in got} == set(wanted))
    close(client)


def command(broker: Broker, *arguments: str) -> subprocess.Popen[str]:
    whole = [sys.executable, "-m", "aedilis", *arguments]
    started = subprocess.Popen(whole, env=broker.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    broker.started.append(started)
    return started


def memory(broker: Broker) -> dict[str, datetime]:
    kept = json.loads((broker.settings.home_path / "simulation" / "demo-5.json").read_text())
    return {name: datetime.fromisoformat(value) for name, value in kept.items()}


CITY = ("simulate", "--seed", "5", "--backfill", "30")


def test_a_city_has_one_history_over_many_runs(broker: Broker) -> None:
    got: list[tuple[str, bytes]] = []
    client = broker.subscriber(got)
    for many in (300, 4_000, 9_000):
        before = len(got)
        run = command(broker, *CITY)
        wait_for(lambda many=many, before=before: len(got) > before + many)  # type: ignore[misc]
        run.send_signal(signal.SIGTERM)
        said, errors = run.communicate(timeout=20)
        assert run.returncode == 0, errors
        assert "published" in said
    killed = command(broker, *CITY)
    wait_for(lambda: datetime.now(UTC) - memory(broker)["published_until"] < timedelta(minutes=5))
    killed.kill()
    killed.communicate()
    file = broker.settings.home_path / "simulation" / "demo-5.json"
    began = time.time()
    last = command(broker, *CITY)
    wait_for(lambda: file.stat().st_mtime > began)
    last.send_signal(signal.SIGINT)
    last.communicate(timeout=20)
    assert last.returncode == 0

    at = memory(broker)
    city = City(5, at["start"])
    wanted = {(topic, payload) for _, topic, payload in city.between(at["start"], at["published_until"])}
    wait_for(lambda: set(got) >= wanted)
    moments = [(topic, payload.split(b'"time":"')[1][:20]) for topic, payload in set(got)]
    assert len(moments) == len(set(moments)), "one time was told twice, in other words"
    labels = json.loads((broker.settings.home_path / "simulation-labels.json").read_text())
    assert labels == city.labels(at["published_until"])
    assert [label["kind"] for label in labels] == ["stuck", "gap", "surge"]
    close(client)


def test_a_city_survives_an_outage_and_can_be_stopped_in_one(broker: Broker) -> None:
    run = command(broker, *CITY)
    wait_for(lambda: (broker.settings.home_path / "simulation" / "demo-5.json").exists())
    broker.kill()
    time.sleep(1)
    assert run.poll() is None
    broker.start()
    wait_for(lambda: datetime.now(UTC) - memory(broker)["published_until"] < timedelta(minutes=5))
    broker.kill()
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=20)
    assert run.returncode == 0
    broker.start()


def prices(folder: Path, days: int) -> Path:
    path = folder / "prices.csv"
    day = datetime(2020, 1, 1)
    lines = [
        f"{(day + timedelta(days=i)).date()},{goods},Retail,Market,{i}.5" for goods in ("a", "b") for i in range(days)
    ]
    path.write_text("\n".join(["Date,Item,Type,Market,Price", *lines, '2020-01-01,"c', "2020-01-01,d,Retail,Market,"]))
    return path


def replay(broker: Broker, path: Path, *more: str) -> subprocess.Popen[str]:
    return command(broker, "replay", str(path), "--sensor-type", "price-board", *more)


def test_replay_publishes_each_line_once_in_order_and_tells_what_it_did(broker: Broker, tmp_path: Path) -> None:
    got: list[tuple[str, bytes]] = []
    client = broker.subscriber(got)
    run = replay(broker, prices(tmp_path, 700), "--json")
    said, errors = run.communicate(timeout=60)
    assert run.returncode == 0, errors
    summary: dict[str, Any] = json.loads(said)
    assert summary.pop("lines")[0].startswith("prices.csv:1402: not CSV")
    assert summary == {
        "messages": 1401,
        "observations": 1401,
        "missing": 1,
        "malformed": {"not CSV": 1},
        "interrupted": False,
    }
    wait_for(lambda: len(got) == 1401)
    times = [json.loads(payload)["time"] for _, payload in got]
    assert times == sorted(times)
    assert len(set(got)) == 1401
    close(client)


def test_replay_that_is_interrupted_says_what_it_published(broker: Broker, tmp_path: Path) -> None:
    got: list[tuple[str, bytes]] = []
    client = broker.subscriber(got)
    run = replay(broker, prices(tmp_path, 50), "--json", "--speed", "864000")  # ten days a second
    wait_for(lambda: len(got) >= 5)
    run.send_signal(signal.SIGINT)
    said, errors = run.communicate(timeout=20)
    assert run.returncode == 130, errors
    summary = json.loads(said)
    assert summary["interrupted"]
    assert 5 <= summary["messages"] < 101
    wait_for(lambda: len(got) == summary["messages"])
    close(client)


def test_a_broker_that_is_not_there_and_one_that_refuses(broker: Broker, tmp_path: Path) -> None:
    refused = replay(broker, prices(tmp_path, 1))
    assert "start `aedilis ingest`" in refused.communicate(timeout=60)[1], "nobody would get it"
    assert refused.returncode == 2
    anyway = replay(broker, prices(tmp_path, 1), "--anyway")
    anyway.communicate(timeout=60)
    assert anyway.returncode == 0
    broker.env["AEDILIS_MQTT"] = "127.0.0.1:9"
    absent = replay(broker, tmp_path / "prices.csv")
    assert "aedilis servers status" in absent.communicate(timeout=60)[1]
    assert absent.returncode == 2

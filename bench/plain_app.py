"""What one writes first with Faust, to be measured beside our line: `python -m bench.plain_app bridge|table|dict`.

`bridge` is MQTT to one Kafka record of JSON an Observation. `table` and `dict` are a Faust agent that looks at each, in the order of
its Datastream: is it in range, how many robust deviations is it from its running mean; then it stores it with
one INSERT.
Killed, it repeats; a row that is there already is left as it is. `table` keeps its state in a Faust Table, which
writes each change to Kafka, `dict` in memory, where a restart loses it.

    MQTT ──bridge──▶ [plain] ──agent──▶ INSERT
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import faust
import paho.mqtt.client as paho
import psycopg
from aiokafka import AIOKafkaProducer
from paho.mqtt.enums import CallbackAPIVersion

from aedilis.settings import Settings, load
from aedilis.topics import PARTITIONS

TOPIC = "plain"
TABLE = "plain_observation"
SUBSCRIBED = "the bridge has subscribed"
"""A line of its log."""
LOW, HIGH = 0.0, 95.0
THRESHOLD = 8.0
RATE = 0.1
WARM_UP = 72
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSERT = (
    "insert into plain_observation (datastream, phenomenon_time, result, quality, anomalous)"
    " values (%s, %s, %s, %s, %s) on conflict do nothing"
)


class Observation(faust.Record, serializer="json"):  # type: ignore[misc, call-arg]  # faust is seen as untyped
    """One event. Time in µs since 1970."""

    datastream: str
    time: int
    result: float


async def bridge(settings: Settings) -> None:
    """Read MQTT, write a record an Observation."""
    loop, messages = asyncio.get_running_loop(), asyncio.Queue[Any]()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"{settings.kafka_prefix}bridge", clean_session=False)
    if settings.mqtt_user:
        client.username_pw_set(settings.mqtt_user, settings.mqtt_password)
    client.on_connect = lambda client, *_: client.subscribe(f"{settings.mqtt_prefix}#", 1)
    client.on_subscribe = lambda *_: print(SUBSCRIBED, flush=True)
    client.on_message = lambda _, __, message: loop.call_soon_threadsafe(messages.put_nowait, message)
    host, _, port = settings.mqtt.rpartition(":")
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, linger_ms=5)
    await producer.start()
    client.connect(host, int(port))
    client.loop_start()
    topic = settings.topic(TOPIC)
    while True:
        message = await messages.get()
        thing = message.topic.split("/")[-2]
        content = json.loads(message.payload)
        for name, result in content.items():
            if name not in ("time", "zone"):
                key = f"{thing}/{name}"
                value = {"datastream": key, "time": content["time"], "result": result}
                await producer.send(topic, json.dumps(value).encode(), key=key.encode())


def checker(settings: Settings, connection: psycopg.AsyncConnection[Any], state: str) -> Any:
    """The Faust app with its state in a Table or a dict."""
    app = faust.App(
        f"{settings.kafka_prefix}plain",
        broker=";".join(f"kafka://{host}" for host in settings.kafka.split(",")),
        datadir=str(settings.home_path / "plain"),
        store="memory://",
        topic_partitions=PARTITIONS,
        web_enabled=False,
        autodiscover=False,
        consumer_auto_offset_reset="earliest",
    )
    topic = app.topic(settings.topic(TOPIC), key_type=str, value_type=Observation, partitions=PARTITIONS)
    baselines: Any = defaultdict(lambda: [0, 0.0, 0.0])
    if state == "table":
        baselines = app.Table("baselines", default=lambda: [0, 0.0, 0.0], partitions=PARTITIONS)

    @app.agent(topic)  # type: ignore[untyped-decorator]
    async def check(stream: Any) -> None:
        async for observation in stream:
            count, mean, deviation = baselines[observation.datastream]
            result = observation.result
            in_range = LOW <= result <= HIGH
            surprise = result - mean if count else 0.0
            far = count >= WARM_UP and abs(surprise) > THRESHOLD * max(deviation, 0.5)
            reach = 4.0 * max(deviation, 0.5) if count >= 10 else abs(surprise)
            size = min(abs(surprise), reach)
            rate = max(RATE, 1.0 / (count + 1))
            mean = result if not count else mean + rate * (size if surprise > 0 else -size)
            deviation += rate * (size - deviation)
            baselines[observation.datastream] = [count + 1, mean, deviation]
            moment = _EPOCH + timedelta(microseconds=observation.time)
            row = (observation.datastream, moment, result, 1 if in_range else 3, far or not in_range)
            await connection.execute(_INSERT, row, prepare=True)

    return app


async def _connect(settings: Settings) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(settings.database, autocommit=True)


def main(role: str) -> None:
    """Run one of the two until it is stopped."""
    settings = load()
    if role == "bridge":
        asyncio.run(bridge(settings))
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = checker(settings, loop.run_until_complete(_connect(settings)), role)
    worker = faust.Worker(app, loop=loop, loglevel="warning", quiet=True, redirect_stdouts=False)
    worker.spinner = None
    worker.execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1])

"""`aedilis ingest`."""

from __future__ import annotations

import asyncio
import gc
import signal

import click

from aedilis import logs
from aedilis.settings import load


@click.command()
def ingest() -> None:
    """Read MQTT, write frames to Kafka, until SIGTERM or Ctrl-C."""
    logs.setup("ingest")
    asyncio.run(_run())


async def _run() -> None:
    from ingest.pipeline import Pipeline
    from sensors.compile import compile_type
    from sensors.registry import load as load_types

    gc.set_threshold(100_000, 50, 100)  # what is remembered of each Datastream stays; looking through it is costly
    settings = load()
    types = [compile_type(declared) for declared in load_types(settings.sensor_types).values()]
    pipeline = Pipeline(settings, types)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, pipeline.stop)
    await pipeline.run()

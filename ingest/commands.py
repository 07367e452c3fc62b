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
    from ingest.types import TypesInForce

    gc.set_threshold(100_000, 50, 100)  # what is remembered of each Datastream stays; looking through it is costly
    settings = load()
    types = TypesInForce(settings)
    await types.open()
    pipeline = Pipeline(settings, types)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, pipeline.stop)
    try:
        await pipeline.run()
    finally:
        await types.close()

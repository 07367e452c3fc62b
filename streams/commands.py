"""`aedilis worker` and `aedilis topics`."""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import signal
import subprocess
import sys
import time

import click

from aedilis import logs
from aedilis.settings import Settings, load
from aedilis.vocabulary import ROLES


@click.command()
def topics() -> None:
    """Create the Kafka topics that are missing."""
    from streams.topics import create

    made = asyncio.run(create(load()))
    click.echo(f"created {len(made)} topics" if made else "all topics are there")


@click.command()
@click.option("--role", type=click.Choice([*ROLES, "all"]), default="all", show_default=True)
def worker(role: str) -> None:
    """Run one role, or all of them, each in a process of its own."""
    if role == "all":
        sys.exit(_all())
    _run(role, load())


def _all() -> int:
    """A process for each role. When one ends, or this one is told to, all end: who started us starts us again."""
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: told.append(got))
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "aedilis", "worker", "--role", name], preexec_fn=_die_with_parent, process_group=0
        )
        for name in ROLES
    ]
    try:
        while not told and all(child.poll() is None for child in children):
            time.sleep(0.2)
    finally:
        for child in children:
            child.terminate()
        codes = [child.wait() for child in children]
    return 0 if told else next((abs(code) for code in codes if code), 1)


def _die_with_parent() -> None:
    """Runs in the child: even a parent that is killed takes it along."""
    set_parent_death_signal = 1  # prctl(2), PR_SET_PDEATHSIG
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _run(name: str, settings: Settings) -> None:
    import faust

    from streams.app import RoleWorker

    logs.setup(f"worker-{name}")
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    role = importlib.import_module(f"streams.{name}").role(settings)
    runner = RoleWorker(settings, role)
    loop.run_until_complete(runner.prepare())
    faust_worker = faust.Worker(
        runner.app, loop=loop, redirect_stdouts=False, override_logging=False, logfile=None, quiet=True
    )
    faust_worker.spinner = None  # it writes terminal codes between the lines of the log
    faust_worker.execute_from_commandline()

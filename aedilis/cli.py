"""The command line. Each room brings its commands in its `commands` module, loaded only when one is called."""

from __future__ import annotations

import sys

import click

from aedilis.errors import AedilisError
from aedilis.lazy import Later, Lazy
from aedilis.memory import keep_freed

_COMMANDS = {
    "up": Later(
        "deploy.commands", "up", "Set up and start everything: servers, ingest, workers, api, the simulated city."
    ),
    "servers": Later("deploy.commands", "servers", "Start, stop, show or empty the local servers."),
    "settings": Later("deploy.commands", "settings", "Print the settings in force."),
    "ingest": Later("ingest.commands", "ingest", "MQTT in, frames out to Kafka."),
    "worker": Later("streams.commands", "worker", "Run one role or all: detect, store, alert, notify."),
    "topics": Later("streams.commands", "topics", "Create the Kafka topics."),
    "redrive": Later("kept.commands", "redrive", "Send rejects through the line again."),
    "migrate": Later("storage.commands", "migrate", "Bring the database schema up to date."),
    "counts": Later("storage.commands", "counts", "Show whether the counts of all hops agree."),
    "api": Later("api.commands", "api", "Serve the page and the HTTP interface."),
    "simulate": Later("simulation.commands", "simulate", "Publish a simulated city over MQTT."),
    "replay": Later("simulation.commands", "replay", "Publish CSV files over MQTT as the devices would."),
    "detect": Later("trial.detect.commands", "detect", "Run the detectors over a CSV file."),
    "backtest": Later(
        "trial.backtest.commands", "backtest", "Run a sensor type over stored history, two versions beside each other."
    ),
    "bench": Later("bench.commands", "bench", "Measure how fast the line is on this machine."),
    "calibrate": Later("trial.calibration.commands", "calibrate", "Fit what scores mean, on simulated cities."),
    "things": Later("registry.things_commands", "things", "Name, place and approve Things."),
    "types": Later("registry.commands", "types", "Show, check and change sensor types."),
}
"""The vocabulary imports no room: a command is imported when it is called."""


@click.group(cls=Lazy, later=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="aedilis")
def cli() -> None:
    """Watch a city's markets and environment: MQTT in, anomalies and alerts out."""


def main() -> None:
    """Run the command line; an error that we know is one message, not a traceback."""
    keep_freed()
    try:
        cli(standalone_mode=False)
    except AedilisError as error:
        click.echo(f"aedilis: {error}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)

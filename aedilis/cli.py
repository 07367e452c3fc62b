"""The command line. Each room brings its commands in its `commands` module, loaded only when one is called."""

from __future__ import annotations

import importlib
import sys

import click

from aedilis.errors import AedilisError

_COMMANDS = {
    "up": ("deploy.commands", "up", "Set up and start everything: servers, ingest, workers, api, the simulated city."),
    "servers": ("deploy.commands", "servers", "Start, stop, show or empty the local servers."),
    "settings": ("deploy.commands", "settings", "Print the settings in force."),
    "ingest": ("ingest.commands", "ingest", "MQTT in, frames out to Kafka."),
    "worker": ("streams.commands", "worker", "Run one role or all: detect, store, alert, notify."),
    "topics": ("streams.commands", "topics", "Create the Kafka topics."),
    "redrive": ("kept.commands", "redrive", "Send rejects through the line again."),
    "migrate": ("storage.commands", "migrate", "Bring the database schema up to date."),
    "counts": ("storage.commands", "counts", "Show whether the counts of all hops agree."),
    "api": ("api.commands", "api", "Serve the page and the HTTP interface."),
    "simulate": ("simulation.commands", "simulate", "Publish a simulated city over MQTT."),
    "replay": ("simulation.commands", "replay", "Publish CSV files over MQTT as the devices would."),
    "bench": ("bench.commands", "bench", "Measure how fast the line is on this machine."),
    "types": ("registry.commands", "types", "Show, check and change sensor types."),
}
"""Name, where it lives, one line. The vocabulary imports no room: a command is imported when it is called."""


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[2]) for name, row in _COMMANDS.items()])


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="aedilis")
def cli() -> None:
    """Watch a city's markets and environment: MQTT in, anomalies and alerts out."""


def main() -> None:
    """Run the command line; an error that we know is one message, not a traceback."""
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

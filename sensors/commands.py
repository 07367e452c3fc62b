"""`aedilis types`: show and check sensor types."""

from __future__ import annotations

import time
from pathlib import Path

import click

from aedilis.settings import load as load_settings


@click.group()
def types() -> None:
    """Show and check sensor types."""


@types.command("list")
def list_types() -> None:
    """One line each."""
    from sensors.registry import load

    for name, declared in sorted(load(load_settings().sensor_types).items()):
        click.echo(f"{name}@{declared.version}  {declared.topic}  {declared.title}")


@types.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(file: Path) -> None:
    """Say whether a file declares a sensor type whose examples hold, and if not, every fault."""
    from sensors.compile import compile_type
    from sensors.examples import check_examples
    from sensors.registry import read

    declared = read(file)
    check_examples(compile_type(declared), time.time_ns() // 1000)
    click.echo(f"{declared.name}@{declared.version} is well declared")


@types.command()
def schema() -> None:
    """Print the JSON schema of a sensor type's file."""
    from sensors.schema import text

    click.echo(text(), nl=False)

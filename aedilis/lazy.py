"""Groups of commands that are loaded only when one is called: a command's room may be slow to import, or lie above."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click


class Later(NamedTuple):
    """A command that is imported when it is called."""

    module: str
    attribute: str
    line: str  # what it does, for the list


class Lazy(click.Group):
    """Beside its own commands a group has some that are only named."""

    def __init__(self, *arguments: Any, later: Mapping[str, Later] | None = None, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.later = dict(later or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Its own first, both in the order in which they are written down."""
        return [*self.commands, *self.later]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import it where need be."""
        if cmd_name not in self.later:
            return super().get_command(ctx, cmd_name)
        later = self.later[cmd_name]
        command = getattr(importlib.import_module(later.module), later.attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list, without importing anything."""
        rows = [(name, one.get_short_help_str(100)) for name, one in self.commands.items() if not one.hidden]
        with formatter.section("Commands"):
            formatter.write_dl([*rows, *((name, later.line) for name, later in self.later.items())])

"""Commands that are only named are listed without being imported, and imported when they are called."""

from __future__ import annotations

import subprocess
import sys

import click
from click.testing import CliRunner

from aedilis.lazy import Later, Lazy


def test_named_commands_stand_after_the_group_s_own() -> None:
    group = Lazy("g", later={"try": Later("no.such.module", "try_", "Tries.")})
    group.add_command(click.Command("own", help="Is here."))
    told = CliRunner().invoke(group, ["--help"]).output
    assert told.index("own") < told.index("Is here.") < told.index("try") < told.index("Tries.")


def test_a_named_command_is_imported_when_it_is_called() -> None:
    group = Lazy("g", later={"settings": Later("deploy.commands", "settings", "")})
    assert CliRunner().invoke(group, ["settings", "--help"]).exit_code == 0
    assert "No such command" in CliRunner().invoke(group, ["other"]).output


def test_to_list_types_loads_no_trial() -> None:
    code = "import sys, registry.commands; print(sorted({'trial', 'ingest', 'streams', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

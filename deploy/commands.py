"""`aedilis up`, `aedilis servers …`, `aedilis settings`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
from rich.console import Console

from aedilis.errors import ServerError, SettingError
from aedilis.settings import Settings, default_home, given_servers, load, settings_file
from deploy import choices, line
from deploy import servers as local
from deploy.claim import claim, holder, lives, wait_free
from deploy.supervisor import Supervisor
from storage.database import migrate

console = Console(stderr=True, highlight=False)
START_SECONDS = 120.0
SECRETS = ("mqtt_password", "admin_password", "webhook_secret")


@contextlib.contextmanager
def _until_told_to_stop() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the block, quietly; while it ends, more of them are ignored."""

    def end(*_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with contextlib.suppress(KeyboardInterrupt):
        yield


def _tend(supervisor: Supervisor) -> None:
    while True:
        for said in supervisor.tend():
            console.print(said)
        time.sleep(0.3)


def _make_home() -> Path:
    """The home folder, closed to others; the user that PostgreSQL runs as, when we are root, passes through."""
    home = default_home()
    home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    return home


def _ready_file(home: Path) -> Path:
    return home / "run" / "servers.ready"


def _ours_to_choose() -> set[str]:
    """Whose port we choose: all but those that the environment gives."""
    return {name for name in choices.PREFERRED if not os.environ.get(f"AEDILIS_{name.upper()}")}


def _background(home: Path) -> int | None:
    """The process that runs the servers in the background; None also while those of a dead one still stop."""
    pid = holder(home, "servers")
    return pid if pid and lives(pid) else None


def _start_servers(home: Path, supervisor: Supervisor, hold: int) -> Settings:
    """Start the servers that are ours to run, and wait until they accept connections."""
    load()  # a wrong variable is told before anything is fetched
    local.fetch_programs()
    with choices.turn():
        choices.choose(home, _ours_to_choose())
        settings = load()
        local.check_given(settings)
        started = [
            (server, supervisor.add(server.prepare(), hold=[hold], answers=server.answers))
            for server in local.local_servers(settings)
        ]
        for server, process in reversed(started):  # the slowest was started first
            local.wait_ready(process, server.address)
            server.finish()
            console.print(f"{server.name:14} {server.address}")
    return settings


def _wait_background(home: Path, child: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until the servers that run in the background, or are about to, accept connections.

    Raises:
        ServerError: they ended, or did not in time; with the end of their log.
    """
    deadline = time.monotonic() + START_SECONDS
    while not _ready_file(home).exists():
        ended = child.poll() is not None if child else holder(home, "servers") is None
        if ended or time.monotonic() > deadline:
            log = home / "logs" / "servers.log"
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
            raise ServerError(server="all", problem=f"did not start:\n{tail}", mend=f"read {log}")
        time.sleep(0.05)


@click.group()
def servers() -> None:
    """Start, stop, show or empty the local servers."""


@servers.command()
def start() -> None:
    """Start them in the background and return when they accept connections."""
    home = _make_home()
    load()
    if (pid := _background(home)) is not None:
        _wait_background(home)
        console.print(f"the servers run already, by process {pid}")
        return
    local.fetch_programs()
    _ready_file(home).unlink(missing_ok=True)
    log = home / "logs" / "servers.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    with log.open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "aedilis", "servers", "run"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    _wait_background(home, child)
    console.print("ready")


@servers.command(hidden=True)
def run() -> None:
    """Run the servers until SIGTERM."""
    home = _make_home()
    with _until_told_to_stop(), contextlib.ExitStack() as stack:
        hold = stack.enter_context(claim(home, "servers"))
        supervisor = Supervisor()
        stack.callback(_ready_file(home).unlink, missing_ok=True)
        stack.callback(supervisor.stop)
        _start_servers(home, supervisor, hold)
        _ready_file(home).touch()
        _tend(supervisor)


@servers.command()
def stop() -> None:
    """Stop those that run in the background; their data stay."""
    home = default_home()
    pid = holder(home, "servers")
    if pid is None:
        console.print("no servers run in the background")
        return
    _refuse_while_up(home)
    with contextlib.suppress(ProcessLookupError):  # dead, and its servers are stopping
        os.kill(pid, signal.SIGTERM)
    wait_free(home, "servers")
    console.print("stopped")


def _refuse_while_up(home: Path) -> None:
    if (pid := holder(home, "line")) is not None:
        mend = f"stop that first: Ctrl-C in its terminal, or kill {pid}"
        raise ServerError(server="all", problem=f"`aedilis up` uses them, process {pid}", mend=mend)


@servers.command()
def status() -> None:
    """Show where each server is, whether it accepts connections, and whose it is; exit code 1 if one is down."""
    home = default_home()
    found = load()
    pid = holder(home, "servers")
    all_up = True
    for name, address in local.addresses(found).items():
        if name in given_servers(os.environ):
            up, whose = any(map(local.accepts, address.split(","))), f"yours (AEDILIS_{name.upper()})"
        elif pid is None:
            up, whose = False, "not started"
        else:
            up, whose = local.accepts(address), f"ours, run by process {pid}"
        all_up = all_up and up
        click.echo(f"{name:9} {address:22} {'up' if up else 'down':5} {whose}")
    click.echo(f"data in {home}, logs in {home / 'logs'}")
    sys.exit(0 if all_up else 1)


@servers.command()
def reset() -> None:
    """Delete all data: topics, database, sessions, what the processes kept, logs. Ports and passwords stay."""
    home = default_home()
    _refuse_while_up(home)
    if (pid := holder(home, "servers")) is not None:
        raise ServerError(server="all", problem=f"they run, by process {pid}", mend="aedilis servers stop")
    for server in local.local_servers(load()):
        server.empty()
    for name in ("faust", "run", "logs", "simulation"):
        shutil.rmtree(home / name, ignore_errors=True)
    (home / "simulation-labels.json").unlink(missing_ok=True)
    console.print(f"emptied; {settings_file(home)} stays")
    for name in sorted(given_servers(os.environ)):
        console.print(f"{name} is yours (AEDILIS_{name.upper()}): nothing was deleted there")


@click.command()
@click.option("--simulate/--no-simulate", default=True, show_default=True, help="Publish a simulated city.")
def up(simulate: bool) -> None:
    """Set up and start everything; Ctrl-C stops it, data stay."""
    home = _make_home()
    if load().metrics_port:
        raise SettingError(
            name="AEDILIS_METRICS_PORT",
            expected="not set with `up`, which starts several processes",
            got=load().metrics_port,
            mend="unset it; each process takes a free port and writes it to its file in <home>/run",
        )
    with _until_told_to_stop(), contextlib.ExitStack() as stack:
        choices.check_given(os.environ)
        hold_line = stack.enter_context(claim(home, "line"))
        runs = _background(home)
        hold_servers = None if runs else stack.enter_context(claim(home, "servers"))
        supervisor = Supervisor()
        stack.callback(supervisor.stop)
        stack.callback(console.print, "stopping …")
        if hold_servers is None:
            _wait_background(home)
            console.print(f"using the servers that run in the background, process {runs}")
            choices.choose(home, _ours_to_choose() & {"api"})
            settings = load()
        else:
            settings = _start_servers(home, supervisor, hold_servers)
        _make_places(settings)
        started = line.start(settings, supervisor, hold_line, line.LINE)
        line.wait_ready(settings, supervisor, started, console.print)
        if simulate:
            line.start(settings, supervisor, hold_line, line.CITY)
        click.echo(f"ready  http://{settings.api}/  user {settings.admin_user}  password {settings.admin_password}")
        _tend(supervisor)


def _make_places(settings: Settings) -> None:
    """The schema and the topics."""
    if done := migrate(settings):
        console.print(f"applied {', '.join(done)}")
    result = subprocess.run([sys.executable, "-m", "aedilis", "topics"], stdout=sys.stderr, check=False)
    if result.returncode:
        raise ServerError(
            server="kafka", problem="the topics are not as they must be, see above", mend="aedilis topics"
        )


@click.command()
@click.option("--json", "as_json", is_flag=True, help="All of them, passwords too, for tools.")
def settings(as_json: bool) -> None:
    """Print the settings in force.

    With --json, an object for tools that attach to this installation. Its keys are those of `aedilis/settings.py`
    (addresses as host:port: `mqtt`, `kafka`, `api`; the database as a PostgreSQL URL: `database`; `mqtt_user`,
    `mqtt_password`, `admin_user`, `admin_password` …), and

    \b
    page   the address of the page
    ports  the port of each: mqtt, kafka (the first broker), database, api
    """
    found = load()
    values = msgspec.to_builtins(found)
    if as_json:
        where = {**local.addresses(found), "api": found.api}
        values["page"] = f"http://{found.api}/"
        values["ports"] = {name: int(address.split(",")[0].rpartition(":")[2]) for name, address in where.items()}
        click.echo(json.dumps(values, indent=1))
        return
    for name, value in values.items():
        shown = "…" if name in SECRETS and value else value
        if name == "database":
            shown = value.rpartition("@")[2]
        click.echo(f"{name:24} {shown}")

"""`aedilis up`, `aedilis servers …`, `aedilis settings`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import click
import msgspec
import psutil
from rich.console import Console

from aedilis.errors import ServerError
from aedilis.settings import Settings, default_home, load
from deploy.choices import choose
from deploy.fetch import fetch_all
from deploy.process import Guarded
from deploy.servers import accepts, local_servers, wait_ready
from deploy.supervisor import Supervisor

console = Console(stderr=True, highlight=False)
READY_SECONDS = 90.0
SECRETS = ("mqtt_password", "admin_password", "webhook_secret", "database")


def _pid_file(home: Path) -> Path:
    return home / "run" / "servers.json"


def _background(home: Path) -> int | None:
    """The process id of the servers that `servers start` left running."""
    file = _pid_file(home)
    if not file.exists():
        return None
    kept = json.loads(file.read_text())
    try:
        process = psutil.Process(kept["pid"])
        same = abs(process.create_time() - kept["created"]) < 2
    except psutil.Error:
        return None
    return int(kept["pid"]) if same else None


def _start_servers(supervisor: Supervisor) -> Settings:
    home = default_home()
    fetch_all()
    given = {name for name in ("mqtt", "kafka", "database") if os.environ.get(f"AEDILIS_{name.upper()}")}
    choose(home, frozenset(given))
    settings = load()
    started = []
    for server in local_servers(settings):
        process = server.prepare()
        supervisor.add(process)
        started.append((server, process))
    for server, process in started:
        wait_ready(process, server.address)
        server.finish()
        console.print(f"{server.name:9} {server.address}")
    return settings


@click.group()
def servers() -> None:
    """Start, stop, show or empty the local servers."""


@servers.command()
def start() -> None:
    """Start them in the background and return when they accept connections."""
    home = default_home()
    if _background(home):
        console.print("the servers run already")
        return
    fetch_all()
    log = home / "logs" / "servers.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    ready = home / "run" / "servers.ready"
    ready.unlink(missing_ok=True)
    with log.open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "aedilis", "servers", "run"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    deadline = time.monotonic() + READY_SECONDS
    while not ready.exists():
        if child.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
            raise ServerError(server="all", problem=f"did not start:\n{tail}", mend=f"read {log}")
        time.sleep(0.05)
    console.print("ready")


@servers.command(hidden=True)
def run() -> None:
    """Run the servers until SIGTERM."""
    home = default_home()
    supervisor = Supervisor()
    stopping = _on_stop()
    try:
        _start_servers(supervisor)
        file = _pid_file(home)
        file.parent.mkdir(parents=True, exist_ok=True)
        me = psutil.Process()
        file.write_text(json.dumps({"pid": me.pid, "created": me.create_time()}))
        (home / "run" / "servers.ready").touch()
        while not stopping:
            for line in supervisor.tend():
                console.print(line)
            time.sleep(0.3)
    finally:
        supervisor.stop()
        _pid_file(home).unlink(missing_ok=True)


@servers.command()
def stop() -> None:
    """Stop those that run in the background; their data stay."""
    pid = _background(default_home())
    if pid is None:
        console.print("no servers run in the background")
        return
    process = psutil.Process(pid)
    process.terminate()
    process.wait(60)
    console.print("stopped")


@servers.command()
def status() -> None:
    """Show where each server is and whether it accepts connections; exit code 1 if one does not."""
    settings = load()
    all_up = True
    database = settings.database.rpartition("@")[2].partition("/")[0]
    for name, address in (("mqtt", settings.mqtt), ("kafka", settings.kafka), ("database", database)):
        up = accepts(address)
        all_up = all_up and up
        click.echo(f"{name:9} {address:22} {'up' if up else 'down'}")
    sys.exit(0 if all_up else 1)


@servers.command()
def reset() -> None:
    """Delete the data of the servers; programs and passwords stay."""
    home = default_home()
    if _background(home) or ((home / "run" / "up.pid").exists() and _up_runs(home)):
        raise ServerError(server="all", problem="they run", mend="stop them first: aedilis servers stop")
    for server in local_servers(load()):
        server.empty()
    console.print("emptied")


def _up_runs(home: Path) -> bool:
    try:
        return bool(psutil.pid_exists(int((home / "run" / "up.pid").read_text())))
    except (OSError, ValueError):
        return False


@click.command()
@click.option("--simulate/--no-simulate", default=True, show_default=True, help="Publish a simulated city.")
def up(simulate: bool) -> None:
    """Set up and start everything; Ctrl-C stops it, data stay."""
    home = default_home()
    supervisor = Supervisor()
    stopping = _on_stop()
    try:
        if _background(home):
            console.print("using the servers that run in the background")
            settings = load()
        else:
            settings = _start_servers(supervisor)
        (home / "run").mkdir(parents=True, exist_ok=True)
        (home / "run" / "up.pid").write_text(str(os.getpid()))
        for command in (["topics"], ["migrate"]):
            result = subprocess.run([sys.executable, "-m", "aedilis", *command], check=False)
            if result.returncode:
                raise ServerError(server=command[0], problem="failed, see above", mend=f"run aedilis {command[0]}")
        _start_processes(supervisor, settings, simulate=simulate)
        _wait_healthy(supervisor, settings, stopping)
        if not stopping:
            click.echo(f"ready  http://{settings.api}/  user {settings.admin_user}  password {settings.admin_password}")
        while not stopping:
            for line in supervisor.tend():
                console.print(line)
            time.sleep(0.3)
    finally:
        console.print("stopping …")
        supervisor.stop()
        (home / "run" / "up.pid").unlink(missing_ok=True)


def processes(*, simulate: bool) -> dict[str, list[str]]:
    """Name → arguments of each process of the line."""
    line = {"ingest": ["ingest"]}
    line.update({f"worker-{role}": ["worker", "--role", role] for role in ("detect", "store", "alert", "notify")})
    line["api"] = ["api"]
    if simulate:
        line["simulate"] = ["simulate", "--backfill", "24"]
    return line


def _start_processes(supervisor: Supervisor, settings: Settings, *, simulate: bool) -> None:
    for old in (settings.home_path / "run").glob("*.json"):
        if old.stem != "servers":
            old.unlink()
    for name, arguments in processes(simulate=simulate).items():
        log = settings.home_path / "logs" / f"{name}.log"
        supervisor.add(Guarded(name, [sys.executable, "-m", "aedilis", *arguments], log))


def _wait_healthy(supervisor: Supervisor, settings: Settings, stopping: list[int]) -> None:
    """Wait until every process says that it is ready.

    Raises:
        ServerError: one did not in time; says what it lacks.
    """
    waiting = {name for name in processes(simulate=False) if name != "api"}
    deadline = time.monotonic() + READY_SECONDS
    wrong: dict[str, str] = {}
    api_ready = False
    with console.status("starting …") as shown:
        while (waiting or not api_ready) and not stopping:
            for line in supervisor.tend():
                console.print(line)
            for name in list(waiting):
                found = list((settings.home_path / "run").glob(f"{name}*.json"))
                wrong[name] = _problem(f"127.0.0.1:{json.loads(found[0].read_text())['port']}") if found else "starting"
                if not wrong[name]:
                    waiting.discard(name)
            api_ready = api_ready or not _problem(settings.api)
            shown.update("waiting for " + ", ".join([*sorted(waiting), *([] if api_ready else ["api"])]))
            if time.monotonic() > deadline:
                name = sorted(waiting)[0] if waiting else "api"
                log = settings.home_path / "logs" / f"{name}.log"
                raise ServerError(server=name, problem=f"is not ready: {wrong.get(name)}", mend=f"read {log}")
            time.sleep(0.1)


def _problem(address: str) -> str:
    """Empty when the process at this address is ready, else what it says."""
    try:
        with urlopen(f"http://{address}/health/ready", timeout=2) as answer:
            return "" if answer.status == 200 else f"HTTP {answer.status}"
    except OSError as error:
        body = getattr(error, "read", lambda: b"")()
        return body.decode(errors="replace") or str(error)


def _on_stop() -> list[int]:
    """A list that is no longer empty once SIGTERM or Ctrl-C came."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: stopping.append(got))
    return stopping


@click.command()
@click.option("--json", "as_json", is_flag=True, help="All of them, passwords too, for tools.")
def settings(as_json: bool) -> None:
    """Print the settings in force."""
    values = msgspec.to_builtins(load())
    if as_json:
        host, _, port = values["api"].rpartition(":")
        values["page"] = f"http://{host}:{port}/"
        click.echo(json.dumps(values, indent=1))
        return
    for name, value in values.items():
        shown = "…" if name in SECRETS and value else value
        if name == "database":
            shown = value.rpartition("@")[2]
        click.echo(f"{name:24} {shown}")

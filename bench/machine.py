"""Where the bench runs: processor, memory, versions, and how busy the machine is before it begins."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil
import psycopg

from aedilis.settings import given_servers
from bench.figures import Machine
from bench.installation import Servers
from deploy import fetch

LIBRARIES = ("aiokafka", "faust-streaming", "msgspec", "numpy", "paho-mqtt", "psycopg", "pyarrow")
QUIET = 0.5
"""A machine whose load average is higher is at work for somebody else too."""
UNKNOWN = "unknown"


def describe(servers: Servers, load_average: float) -> Machine:
    """The machine; `load_average` is that of before the servers were started."""
    return Machine(
        cores=os.cpu_count() or 1,
        cpu=_cpu(),
        memory_bytes=psutil.virtual_memory().total,
        load_average=load_average,
        python=platform.python_version(),
        libraries={name: version(name) for name in LIBRARIES},
        servers=_servers(servers),
        commit=_commit(),
    )


def processor() -> str:
    """Where figures that need no server were taken, in a sentence."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("msgspec", "numpy"))
    return f"{_cpu()}, Python {platform.python_version()}, {libraries}; commit {_commit()}."


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or UNKNOWN


def _servers(servers: Servers) -> dict[str, str]:
    given = given_servers(os.environ)
    with psycopg.connect(servers.settings.database) as connection:
        rows = connection.execute(
            "select current_setting('server_version'),"
            " (select extversion from pg_extension where extname = 'timescaledb')"
        ).fetchall()
    postgres, timescale = rows[0]
    return {
        "mosquitto": UNKNOWN if "mqtt" in given else _mosquitto(),
        "kafka": UNKNOWN if "kafka" in given else _kafka(),
        "postgresql": str(postgres).split()[0],
        "timescaledb": str(timescale or UNKNOWN),
    }


def _mosquitto() -> str:
    program = fetch.mosquitto() / "mosquitto"
    said = subprocess.run([program, "-h"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"mosquitto version (\S+)", said)
    return found[1] if found else UNKNOWN


def _kafka() -> str:
    for file in (fetch.kafka() / "libs").glob("kafka_*.jar"):
        if found := re.fullmatch(r"kafka_[\d.]+-([\d.]+)\.jar", file.name):
            return found[1]
    return UNKNOWN


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return UNKNOWN
    folder = Path(__file__).parent
    done = subprocess.run(
        [git, "describe", "--always", "--dirty"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or UNKNOWN

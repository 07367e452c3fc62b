"""What an installation chooses once and remembers in `settings.json`: ports and passwords.

Beside the settings of `aedilis/settings.py` the file holds two values of our own, whose names begin with `_`.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import os
import secrets
import socket
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from aedilis.errors import SettingError
from aedilis.settings import settings_file

PREFERRED = {"mqtt": 1883, "kafka": 9092, "_controller": 9093, "database": 5432, "api": 8080}
DATABASE_NAME = "aedilis"


TURN_SECONDS = 60.0


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """From the choice of a port to its use one installation goes after the other, so that no two choose the same.

    The lock is a name in the kernel, of this network like the ports, and free when its holder dies. Held for long by
    something that hangs, it is passed by.
    """
    with socket.socket(socket.AF_UNIX) as name:
        deadline = time.monotonic() + TURN_SECONDS
        while time.monotonic() < deadline:
            try:
                name.bind("\0aedilis-ports")
                break
            except OSError:
                time.sleep(0.05)
        yield


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether host:port can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def check_given(environ: Mapping[str, str]) -> None:
    """A port that the user wants us to serve on must be free.

    Raises:
        SettingError: it is not; names it.
    """
    address = environ.get("AEDILIS_API")
    if not address:
        return
    host, _, port = address.rpartition(":")
    try:
        free = port_is_free(int(port), host)
    except (ValueError, OSError) as error:
        mend = "for example 127.0.0.1:8080"
        raise SettingError(name="AEDILIS_API", expected="host:port of this machine", got=address, mend=mend) from error
    if not free:
        mend = f"stop what listens there (`ss -ltnp 'sport = :{port}'` shows it), name another port, or unset it"
        raise SettingError(name="AEDILIS_API", expected="a port that is free", got=address, mend=mend)


def _free_port(taken: Collection[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port


def _port(remembered: int | None, preferred: int, taken: Collection[int]) -> int:
    """The remembered port, else the preferred one, else any: one that is free now."""
    for port in (remembered, preferred):
        if port and port not in taken and port_is_free(port):
            return port
    return _free_port(taken)


def _remembered(known: Mapping[str, str], name: str) -> int | None:
    with contextlib.suppress(ValueError):
        if name == "database":
            return urlsplit(known.get(name, "")).port
        return int(known.get(name, "").rpartition(":")[2])
    return None


def _password() -> str:
    return secrets.token_urlsafe(18)


def choose(home: Path, names: Collection[str]) -> None:
    """Write `settings.json` (mode 0600): a free port for each of `names`, and passwords, made once.

    `names` are keys of `PREFERRED`: what is about to be started. The addresses of others stay as they are.

    Raises:
        SettingError: the file is there and cannot be read.
    """
    known = _read(settings_file(home))
    password = known.get("_database_password") or _password()
    chosen = {
        **known,
        "mqtt_user": "aedilis",
        "mqtt_password": known.get("mqtt_password") or _password(),
        "_database_password": password,
        "admin_password": known.get("admin_password") or _password(),
        "webhook_secret": known.get("webhook_secret") or "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
    }
    taken: set[int] = set()
    for name in PREFERRED:
        if name not in names:
            continue
        port = _port(_remembered(known, name), PREFERRED[name], taken)
        taken.add(port)
        chosen[name] = f"127.0.0.1:{port}"
        if name == "database":
            chosen[name] = f"postgresql://aedilis:{quote(password)}@127.0.0.1:{port}/{DATABASE_NAME}"
    _write(settings_file(home), chosen)


def controller_address(home: Path) -> str:
    """Where Kafka's controller listens: chosen like the others, but nobody else's business."""
    return _read(settings_file(home))["_controller"]


def _read(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    try:
        read: dict[str, str] = json.loads(file.read_text())
    except (ValueError, OSError) as error:
        raise SettingError(
            name=str(file), expected="a JSON object", got=str(error), mend="delete the file; it is made anew"
        ) from error
    return read


def _write(file: Path, values: Mapping[str, str]) -> None:
    partial = file.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(json.dumps(values, indent=1))
    partial.replace(file)

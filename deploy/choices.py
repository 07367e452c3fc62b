"""What an installation chooses once and remembers in `settings.json`: ports and passwords."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import socket
from pathlib import Path
from urllib.parse import quote

from aedilis.settings import settings_file

PREFERRED = {"mqtt": 1883, "kafka": 9092, "database": 5432, "api": 8080}
DATABASE_NAME = "aedilis"


def port_is_free(port: int) -> bool:
    """Whether 127.0.0.1:port can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _port(remembered: str | None, preferred: int) -> int:
    """The remembered port, else the preferred one, else any: one that is free now."""
    for port in (int(remembered.rpartition(":")[2]) if remembered else 0, preferred):
        if port and port_is_free(port):
            return port
    return _free_port()


def _password() -> str:
    return secrets.token_urlsafe(18)


def choose(home: Path, running: frozenset[str] = frozenset()) -> dict[str, object]:
    """Ports that are free now, passwords made once. Writes `settings.json` (mode 0600) and returns it.

    `running` names servers that run already: their ports are kept.
    """
    file = settings_file(home)
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    password = known.get("_database_password") or _password()
    chosen: dict[str, object] = {
        "mqtt_user": "aedilis",
        "mqtt_password": known.get("mqtt_password") or _password(),
        "_database_password": password,
        "admin_password": known.get("admin_password") or _password(),
        "webhook_secret": known.get("webhook_secret") or "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
    }
    for name in ("mqtt", "kafka", "api"):
        kept = known.get(name) if name in running else None
        chosen[name] = kept or f"127.0.0.1:{_port(known.get(name), PREFERRED[name])}"
    if "database" in running and "database" in known:
        chosen["database"] = known["database"]
    else:
        port = _port(known.get("_database_address"), PREFERRED["database"])
        chosen["_database_address"] = f"127.0.0.1:{port}"
        chosen["database"] = f"postgresql://aedilis:{quote(password)}@127.0.0.1:{port}/{DATABASE_NAME}"
    home.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps({**known, **chosen}, indent=1))
    os.replace(partial, file)
    return dict(chosen)

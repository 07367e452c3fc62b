"""The settings of an installation: what a deployment decides. What belongs to a sensor type stands in its TOML.

A value comes from the environment (`AEDILIS_…`), else from `settings.json` under the home folder, which
`aedilis servers start` writes with the ports it chose and the passwords it made, else from the default here.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from aedilis.errors import SettingError


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Each field `x_y` is the variable `AEDILIS_X_Y`. `docs/settings.md` explains them; a test compares."""

    home: str  # folder of all data of this installation
    mqtt: str = "127.0.0.1:1883"  # host:port of the MQTT broker
    mqtt_user: str = ""
    mqtt_password: str = ""
    kafka: str = "127.0.0.1:9092"  # host:port[,host:port…]
    database: str = "postgresql://aedilis@127.0.0.1:5432/aedilis"
    api: str = "127.0.0.1:8080"  # host:port on which the page is served
    timezone: str = "UTC"  # IANA name of the zone in which pages show times; JSON stays UTC
    admin_user: str = "admin"
    admin_password: str = ""  # empty: nobody can log in
    agencies: tuple[str, ...] = ()  # those that this ingest process owns; none: all; `!a`: all but a
    data_clock_agencies: tuple[str, ...] = ("demo",)  # agencies of replays and simulations: their data tell the time
    sensor_types: str = ""  # a folder of more sensor types
    webhook: str = ""  # URL that gets alerts; empty: none
    webhook_secret: str = ""  # Standard Webhooks secret (whsec_…)
    frame_ms: int = 50  # a frame leaves after this long at most
    frame_rows: int = 20_000  # or with this many observations
    max_message_bytes: int = 262_144  # longer MQTT messages are rejects
    reject_keep_bytes: int = 4_096  # of each sample in the tables; the log has them whole
    keep_raw: bool = True  # every message as it came, three days, for trying sensor types
    checkpoint_seconds: float = 2.0  # at least this long between two checkpoints of a partition
    session_timeout_seconds: float = 6.0  # a worker silent for longer loses its partitions
    metrics_port: int = 0  # 0: any free one, written under home/run
    keep_days: int = 400  # observations and what was replaced in them, since they were stored
    keep_bytes: int = 100_000_000_000  # observations with their indexes; beyond it the oldest chunks go
    keep_found_days: int = 1830  # rollups, anomalies, alerts, deliveries
    keep_reject_days: int = 90  # rejects, dead letters, what each ingest process said
    kafka_prefix: str = ""  # put before topic and group names, so that tests share one broker
    mqtt_prefix: str = ""  # put before MQTT topics, for the same reason

    @property
    def home_path(self) -> Path:
        """The home folder as a path."""
        return Path(self.home)

    def topic(self, name: str) -> str:
        """The name of a Kafka topic of this installation."""
        return self.kafka_prefix + name


LONGEST_MESSAGE = 4_194_304
"""A record of Kafka has 8 MiB, and a reject is a third longer than its payload."""

NOT_SETTINGS = ("AEDILIS_CACHE", "AEDILIS_DEBIAN_MIRROR")
"""Variables that `deploy/fetch.py` reads: where programs are kept, and where they come from."""


def default_home() -> Path:
    """`AEDILIS_HOME`, else `.aedilis` in the current folder."""
    return Path(os.environ.get("AEDILIS_HOME") or ".aedilis").resolve()


def settings_file(home: Path) -> Path:
    """Where the choices of this installation are kept."""
    return home / "settings.json"


def given_servers(environ: Mapping[str, str]) -> frozenset[str]:
    """Of mqtt, kafka and database those whose address the environment gives: they are not ours to start."""
    return frozenset(name for name in ("mqtt", "kafka", "database") if environ.get(f"AEDILIS_{name.upper()}"))


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; never connects anywhere. A variable that is set and empty counts as not set.

    User and password of the file belong to the broker that we start: with `AEDILIS_MQTT` they do not count.

    Raises:
        SettingError: a value cannot be read, or `AEDILIS_…` names no setting.
    """
    environ = os.environ if environ is None else environ
    home = Path(environ.get("AEDILIS_HOME") or ".aedilis").resolve()
    values = _from_file(settings_file(home))
    if "mqtt" in given_servers(environ):
        values.pop("mqtt_user", None)
        values.pop("mqtt_password", None)
    values.update(_from_environment(environ))
    values["home"] = str(home)
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].strip("`") or "settings"
        raise SettingError(
            name=f"AEDILIS_{name.upper()}", expected=str(error), got=values.get(name), mend="see docs/settings.md"
        ) from error
    for name, addresses in (("mqtt", [settings.mqtt]), ("api", [settings.api]), ("kafka", settings.kafka.split(","))):
        for address in addresses:
            _check_address(name, address)
    if not 0 < settings.max_message_bytes <= LONGEST_MESSAGE:
        raise SettingError(
            name="AEDILIS_MAX_MESSAGE_BYTES",
            expected=f"at most {LONGEST_MESSAGE}",
            got=settings.max_message_bytes,
            mend="a reject holds the whole message, and a record of Kafka has 8 MiB",
        )
    return settings


def _from_file(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        values: dict[str, Any] = json.loads(file.read_text())
    except (ValueError, OSError) as error:
        raise SettingError(
            name=str(file), expected="a JSON object", got=str(error), mend="delete the file; it is made anew"
        ) from error
    return values


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    fields = {f"AEDILIS_{field.name.upper()}": field for field in msgspec.structs.fields(Settings)}
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith("AEDILIS_") or variable in NOT_SETTINGS:
            continue
        if variable not in fields:
            nearest = difflib.get_close_matches(variable, [*fields, *NOT_SETTINGS], n=1, cutoff=0.0)
            raise SettingError(
                name=variable, expected="the name of a setting", got=variable, mend=f"do you mean {nearest[0]}?"
            )
        field = fields[variable]
        if text and field.type == tuple[str, ...]:
            values[field.name] = [part.strip() for part in text.split(",") if part.strip()]
        elif text:
            values[field.name] = text
    return values


def _check_address(name: str, address: str) -> None:
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 65536):
        raise SettingError(
            name=f"AEDILIS_{name.upper()}", expected="host:port", got=address, mend="for example 127.0.0.1:1883"
        )

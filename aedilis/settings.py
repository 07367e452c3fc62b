"""The settings of an installation: what a deployment decides. What belongs to a sensor type stands in its TOML.

A value comes from the environment (`AEDILIS_…`), else from `settings.json` under the home folder, which
`aedilis servers start` writes with the ports it chose and the passwords it made, else from the default here.
"""

from __future__ import annotations

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
    agencies: tuple[str, ...] = ()  # those that this ingest process owns; none named = all
    data_clock_agencies: tuple[str, ...] = ("demo",)  # agencies of replays and simulations: their data tell the time
    sensor_types: str = ""  # a folder of more sensor types
    webhook: str = ""  # URL that gets alerts; empty: none
    webhook_secret: str = ""  # Standard Webhooks secret (whsec_…)
    frame_ms: int = 25  # a frame leaves after this long at most
    frame_rows: int = 20_000  # or with this many observations
    max_message_bytes: int = 262_144  # longer MQTT messages are rejects
    reject_keep_bytes: int = 4_096  # of each reject, the bytes that are kept
    checkpoint_seconds: float = 2.0  # at least this long between two checkpoints of a partition
    session_timeout_seconds: float = 6.0  # a worker silent for longer loses its partitions
    metrics_port: int = 0  # 0: any free one, written under home/run
    kafka_prefix: str = ""  # put before topic and group names, so that tests share one broker
    mqtt_prefix: str = ""  # put before MQTT topics, for the same reason

    @property
    def home_path(self) -> Path:
        """The home folder as a path."""
        return Path(self.home)

    def topic(self, name: str) -> str:
        """The name of a Kafka topic of this installation."""
        return self.kafka_prefix + name


def default_home() -> Path:
    """`AEDILIS_HOME`, else `.aedilis` in the current folder."""
    return Path(os.environ.get("AEDILIS_HOME") or ".aedilis").resolve()


def settings_file(home: Path) -> Path:
    """Where the choices of this installation are kept."""
    return home / "settings.json"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; never connects anywhere.

    Raises:
        SettingError: a value cannot be read, or `AEDILIS_…` names no setting.
    """
    environ = os.environ if environ is None else environ
    home = Path(environ.get("AEDILIS_HOME") or ".aedilis").resolve()
    values: dict[str, Any] = {}
    file = settings_file(home)
    if file.exists():
        try:
            values.update(json.loads(file.read_text()))
        except (ValueError, OSError) as error:
            raise SettingError(
                name=str(file), expected="a JSON object", got=str(error), mend="delete the file; it is made anew"
            ) from error
    for field in msgspec.structs.fields(Settings):
        name = f"AEDILIS_{field.name.upper()}"
        if name not in environ:
            continue
        text = environ[name]
        if field.type == tuple[str, ...]:
            values[field.name] = [part.strip() for part in text.split(",") if part.strip()]
        else:
            values[field.name] = text
    values["home"] = str(home)
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].strip("`") or "settings"
        raise SettingError(
            name=f"AEDILIS_{name.upper()}", expected=str(error), got=values.get(name), mend="see docs/settings.md"
        ) from error

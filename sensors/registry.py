"""Finds the sensor types: the files of this folder, and those of a folder of the user's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from aedilis.errors import DeclarationError, UnknownSensorType
from sensors.declaration import SensorType, parse


def load(extra: str = "") -> dict[str, SensorType]:
    """Name → declaration; `extra` is a folder whose types add to ours, or replace those of the same name.

    Raises:
        DeclarationError: a file has faults, or `extra` is no folder.
    """
    found: dict[str, SensorType] = {}
    for file in sorted(files("sensors").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            declared = parse(file.read_text(encoding="utf-8"), file.name)
            found[declared.name] = declared
    if extra:
        folder = Path(extra)
        if not folder.is_dir():
            raise DeclarationError(name=extra, count=1, faults="- AEDILIS_SENSOR_TYPES is no folder")
        for path in sorted(folder.glob("*.toml")):
            declared = parse(path.read_text(encoding="utf-8"), str(path))
            found[declared.name] = declared
    return found


def one(name: str, extra: str = "") -> SensorType:
    """The declaration of this name.

    Raises:
        UnknownSensorType: none has it.
    """
    known = load(extra)
    if name not in known:
        raise UnknownSensorType(name=name, known=", ".join(sorted(known)))
    return known[name]

"""Finds the sensor types: the files of `types/`, and those of a folder of the user's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from aedilis.errors import DeclarationError, UnknownSensorType
from sensors.declaration import SensorType
from sensors.parsing import parse
from sensors.template import Template


def load(extra: str = "") -> dict[str, SensorType]:
    """Name → declaration; `extra` is a folder whose types add to ours, or replace those of the same name.

    Raises:
        DeclarationError: a file has faults, two declare the same form of topic, or `extra` is no folder.
    """
    return {name: declared for name, (declared, _) in load_texts(extra).items()}


def load_texts(extra: str = "") -> dict[str, tuple[SensorType, str]]:
    """As `load`, with the text of the file beside each declaration."""
    texts = [
        (file.name, file.read_text(encoding="utf-8"))
        for file in sorted(files("sensors").joinpath("types").iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
    ]
    if extra:
        folder = Path(extra)
        if not folder.is_dir():
            raise DeclarationError(name=extra, count=1, faults="- AEDILIS_SENSOR_TYPES is no folder")
        texts += [(str(path), read_text(path)) for path in sorted(folder.glob("*.toml"))]
    found: dict[str, tuple[SensorType, str]] = {}
    for where, text in texts:
        declared = parse(text, where)
        found[declared.name] = declared, text
    one_a_topic({name: declared for name, (declared, _) in found.items()})
    return found


def read(path: Path) -> SensorType:
    """The declaration in a file.

    Raises:
        DeclarationError: it cannot be read, or has faults.
    """
    return parse(read_text(path), str(path))


def read_text(path: Path) -> str:
    """What stands in a file.

    Raises:
        DeclarationError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(name=str(path), count=1, faults=f"- cannot be read: {error}") from error


def one_a_topic(found: dict[str, SensorType]) -> None:
    """A message is read by one type: a second one of the same topic would never see any."""
    forms: dict[str, str] = {}
    for name, declared in found.items():
        for topic in declared.topics:
            other = forms.setdefault(Template(topic).form, name)
            if other != name:
                fault = f"- at $.topic: {topic} is the topic of {other}; choose another form"
                raise DeclarationError(name=name, count=1, faults=fault)


def one(name: str, extra: str = "") -> SensorType:
    """The declaration of this name.

    Raises:
        UnknownSensorType: none has it.
    """
    known = load(extra)
    if name not in known:
        raise UnknownSensorType(name=name, known=", ".join(sorted(known)))
    return known[name]

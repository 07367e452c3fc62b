"""Which sensor types are in force, and every version that ever was: a function of the log and of the files.

The topic `sensor-types` has two sorts of keys. `NAME@VERSION` holds a declaration for good, because frames name type and
version and whoever reads them asks what that version said. `NAME` says which version is in force, or that none is. What
the log does not speak of is as the file of that name says, and so is one whose file has a higher version than all that
were known when the log decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from aedilis.errors import UnknownSensorType
from sensors.declaration import SensorType
from sensors.parsing import parse

FROM_FILE = "file"
"""Who applied a version that came as a file."""


class Applied(msgspec.Struct, frozen=True, omit_defaults=True):
    """The record of `NAME@VERSION`."""

    text: str
    applied_at: int  # µs UTC
    applied_by: str
    note: str = ""


class Standing(msgspec.Struct, frozen=True):
    """The record of `NAME`."""

    version: int | None  # None: withdrawn
    newest: int = 0  # of the versions known when it was decided: a file of a higher one goes before it
    at: int = 0  # µs UTC
    by: str = ""
    note: str = ""


class Version(NamedTuple):
    """One version of a sensor type."""

    name: str
    version: int
    text: str
    applied_at: int | None  # µs UTC; None: it stands in a file, and the log does not know it yet
    applied_by: str
    note: str

    @property
    def declared(self) -> SensorType:
        """What it declares.

        Raises:
            DeclarationError: this program cannot read it.
        """
        return parsed(self.text, f"{self.name}@{self.version}")


@lru_cache(maxsize=1_000)
def parsed(text: str, name: str) -> SensorType:
    """As `sensors.declaration.parse`, remembered."""
    return parse(text, name)


def same_reading(one: SensorType, other: SensorType) -> bool:
    """Whether both read and watch alike: what they say for people, and their examples, may differ."""
    prose = {"title", "description", "examples", "replay"}
    return one.model_dump(exclude=prose) == other.model_dump(exclude=prose)


def topics_of(declared: SensorType) -> str:
    """The forms of its topics, as people read them."""
    return declared.topic if isinstance(declared.topic, str) else ", ".join(declared.topic)


class Known:
    """All versions, and which are in force. `learn` takes the records of the log in their order."""

    def __init__(self, files: Mapping[str, tuple[SensorType, str]] | None = None) -> None:
        self._files = {
            name: Version(name, declared.version, text, None, FROM_FILE, "")
            for name, (declared, text) in (files or {}).items()
        }
        self._versions: dict[str, dict[int, Version]] = {}
        self._standing: dict[str, Standing] = {}

    def learn(self, key: str, value: bytes | None) -> None:
        """Take over a record of the topic. A removed one changes nothing: what was applied stays known."""
        if value is None:
            return
        name, at, version = key.partition("@")
        if at:
            record = msgspec.json.decode(value, type=Applied)
            one = Version(name, int(version), record.text, record.applied_at, record.applied_by, record.note)
            self._versions.setdefault(name, {})[one.version] = one
        else:
            self._standing[name] = msgspec.json.decode(value, type=Standing)

    def names(self) -> list[str]:
        """All types that ever were."""
        return sorted({*self._files, *self._versions, *self._standing})

    def in_force(self) -> dict[str, int]:
        """Name → version, of those that read messages."""
        found = {}
        for name in self.names():
            file, standing = self._files.get(name), self._standing.get(name)
            version = None if standing is None else standing.version
            if file is not None and (standing is None or file.version > standing.newest):
                version = file.version
            if version is not None:
                found[name] = version
        return found

    def standing(self, name: str) -> Standing | None:
        """What the log says of a name."""
        return self._standing.get(name)

    def versions(self, name: str) -> dict[int, Version]:
        """Version → what it says, the oldest first. What the log says of a version goes before the file."""
        file = self._files.get(name)
        found = {} if file is None else {file.version: file}
        return dict(sorted({**found, **self._versions.get(name, {})}.items()))

    def version(self, name: str, version: int) -> Version | None:
        """One of them."""
        return self.versions(name).get(version)

    def found(self, name: str, version: int | None = None) -> Version:
        """The version of a type, by default the one in force, else its newest.

        Raises:
            UnknownSensorType: there is none.
        """
        versions = self.versions(name)
        wanted = version or self.in_force().get(name) or max(versions, default=0)
        if wanted not in versions:
            known = ", ".join(f"{one}@{number}" for one in self.names() for number in self.versions(one))
            raise UnknownSensorType(name=name if version is None else f"{name}@{version}", known=known)
        return versions[wanted]

    def unlogged(self) -> list[Version]:
        """Versions of files that the log does not know yet."""
        return [file for name, file in self._files.items() if file.version not in self._versions.get(name, {})]

    def contradicted(self) -> dict[str, str]:
        """`name@version` of files that say something else than the log under the same version, and what to do."""
        found = {}
        for name, file in self._files.items():
            logged = self._versions.get(name, {}).get(file.version)
            if logged is not None and logged.text != file.text and not same_reading(logged.declared, file.declared):
                found[f"{name}@{file.version}"] = (
                    "its file says something else than what was applied as this version, which stays in force;"
                    f" raise the version in the file to {max(self.versions(name)) + 1}"
                )
        return found

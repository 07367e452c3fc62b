"""All errors that a user or an operator may see. The docstring of each class is its message.

A foreign exception is wrapped at the door of the room that meets it. A message says what was expected, what
came, where, and how to mend it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple


class AedilisError(Exception):
    """Something went wrong: {problem}."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__((type(self).__doc__ or "").strip().format(**facts))


class SettingError(AedilisError):
    """Setting {name}: expected {expected}, got {got!r}. Mend: {mend}"""


class MissingPrerequisite(AedilisError):
    """{name} is missing. Install it with: {command}"""


class ServerError(AedilisError):
    """Server {server}: {problem}. Mend: {mend}"""


class Fault(NamedTuple):
    """One fault of a declaration. What was expected and what came are empty where `problem` tells something else."""

    path: str  # as in `$.properties[0].unit`; empty where it is of no value
    problem: str
    mend: str = ""
    expected: str = ""
    got: str = ""
    line: int | None = None

    @classmethod
    def read(cls, text: str) -> Fault:
        """Of a line `- at PATH: PROBLEM; MEND`."""
        found = re.fullmatch(r"(?:- )?(?:at (\$[^:]*): )?(.*?)(?:; ([^;]*))?", text, re.DOTALL)
        assert found is not None
        return cls(found[1] or "", found[2], found[3] or "")

    def __str__(self) -> str:
        place = f"at {self.path}: " if self.path else ""
        mend = f"; {self.mend}" if self.mend else ""
        line = "" if self.line is None else f" (line {self.line})"
        return place + self.problem + mend + line


class DeclarationError(AedilisError):
    """Sensor type {name} has {count} fault(s):\n{faults}"""

    def __init__(self, *, name: str, faults: Sequence[Fault] | str, count: int | None = None) -> None:
        """`faults` may also be lines of text, so many as `count` says."""
        lines = faults.splitlines() if isinstance(faults, str) else ()
        self.faults: tuple[Fault, ...] = tuple(map(Fault.read, lines) if isinstance(faults, str) else faults)
        told = faults if isinstance(faults, str) else "\n".join(f"- {fault}" for fault in faults)
        super().__init__(name=name, count=count or len(self.faults), faults=told)


class UnknownSensorType(AedilisError):
    """Sensor type {name!r} is not declared. Declared are: {known}"""


class FrameError(AedilisError):
    """Frame refused: {problem}"""


class TopicError(AedilisError):
    """Topic {topic}: expected {expected}, got {got}. Mend: {mend}"""


class StateError(AedilisError):
    """State of {role}, partition {partition}: {problem}. Mend: {mend}"""


class StorageError(AedilisError):
    """Database: {problem}. Mend: {mend}"""


class ReplayError(AedilisError):
    """Replay of {path}: {problem}. Mend: {mend}"""


class RedriveError(AedilisError):
    """Redrive: {problem}. Mend: {mend}"""


class TrafficError(AedilisError):
    """Recorded traffic {path}:{line}: {problem}. Mend: {mend}"""


class ThingsError(AedilisError):
    """Things: {count} fault(s):\n{faults}"""


class PageError(AedilisError):
    """Page {page} has no place for tables. Mend: {mend}"""


class DetectError(AedilisError):
    """Detect {path}: {problem}. Mend: {mend}"""


class BacktestError(AedilisError):
    """Backtest: {problem}. Mend: {mend}"""


class BenchError(AedilisError):
    """Bench: {problem}. Mend: {mend}"""

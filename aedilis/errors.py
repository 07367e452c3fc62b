"""All errors that a user or an operator may see. The docstring of each class is its message.

A foreign exception is wrapped at the door of the room that meets it. A message says what was expected, what
came, where, and how to mend it.
"""

from __future__ import annotations


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


class DeclarationError(AedilisError):
    """Sensor type {name} has {count} fault(s):\n{faults}"""


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


class ThingsError(AedilisError):
    """Things: {count} fault(s):\n{faults}"""


class BenchError(AedilisError):
    """Bench: {problem}. Mend: {mend}"""

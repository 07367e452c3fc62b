"""Reads a declaration: from the text of a file to a sensor type, or to all of its faults at once."""

from __future__ import annotations

from aedilis.errors import DeclarationError
from sensors.agreement import CHECKS
from sensors.declaration import SensorType
from sensors.faults import examined

_STAND_INS = {
    "name": "stand-in",
    "version": 1,
    "title": "stand-in",
    "topic": "city/{agency}/{thing}/stand-in",
    "interval_s": 60,
    "properties": [{"name": "stand-in", "unit": "1"}],
    "examples": [{"topic": "stand-in", "payload": ""}],
}
"""For what has a fault, so that the rest can still be checked."""


def parse(text: str, name: str = "sensor type") -> SensorType:
    """Read a declaration.

    Raises:
        DeclarationError: with every fault of the file; what its parts say about each other too, where they are right in
            themselves.
    """
    declared, faults = examined(text, SensorType, CHECKS, _STAND_INS)
    if declared is None:
        raise DeclarationError(name=name, count=len(faults), faults=faults)
    return declared

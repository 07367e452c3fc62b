"""A small sensor type in versions, for the tests of this folder."""

from __future__ import annotations

import msgspec

from registry.types import Applied, Known, Standing
from sensors.parsing import parse

LAMP = """
name = "lamp"
version = 1
title = "A lamp"
topic = "city/{agency}/{thing}/lamp"
interval_s = 60
[[detectors]]
name = "range"
parameters = { low = 0.0, high = 5.0 }
[[properties]]
name = "light"
unit = "lx"
[[examples]]
topic = "city/demo/x/lamp"
payload = '{"time": "2026-01-05T00:00:00Z", "light": 1}'
observations = [{ datastream = "light", time = "2026-01-05T00:00:00Z", result = 1 }]
"""


def lamp(version: int = 1, **changed: str) -> str:
    """The text of a version; `changed` are words and what stands in their place."""
    text = LAMP.replace("version = 1", f"version = {version}")
    for old, new in changed.items():
        assert old in text
        text = text.replace(old, new)
    return text


def known(*texts: str, files: tuple[str, ...] = (), in_force: int | None = None) -> Known:
    """What is known after these were applied, one after the other; `in_force` was decided last."""
    found = Known({(declared := parse(text)).name: (declared, text) for text in files})
    for text in texts:
        declared = parse(text)
        found.learn(f"{declared.name}@{declared.version}", msgspec.json.encode(Applied(text, 1_000, "test", "why")))
        stand(found, declared.version, declared.name)
    if in_force is not None:
        stand(found, in_force)
    return found


def stand(found: Known, version: int | None, name: str = "lamp") -> None:
    """Decide which version is in force."""
    found.learn(name, msgspec.json.encode(Standing(version, max(found.versions(name)))))

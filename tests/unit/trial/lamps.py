"""A small sensor type for the tests of this folder, and its messages."""

from __future__ import annotations

import json

from kept.raw import RawMessage
from sensors.compile import CompiledType, compile_type
from sensors.parsing import parse

TEXT = """
name = "lamp"
version = 1
title = "A lamp"
topic = "city/{agency}/{thing}/lamp"
interval_s = 60
[[detectors]]
name = "range"
parameters = { low = 0.0, high = 100.0 }
[[properties]]
name = "light"
unit = "lx"
fail = [0, 1000]
sentinels = [-1]
[[examples]]
topic = "city/demo/x/lamp"
payload = '{"time": "2026-01-05T00:00:00Z", "light": 1}'
observations = [{ datastream = "light", time = "2026-01-05T00:00:00Z", result = 1 }]
"""
BEGAN = 1_767_571_200  # s: 2026-01-05T00:00:00Z


def lamp(**changes: str) -> CompiledType:
    """The type, with texts in place of others."""
    text = TEXT
    for before, after in changes.items():
        text = text.replace(before, after)
    return compile_type(parse(text))


def message(minute: int, light: object, thing: str = "x", topic: str = "lamp") -> RawMessage:
    """What a lamp said then; it came a second later."""
    at = BEGAN + 60 * minute
    payload = {"time": f"2026-01-05T{minute // 60:02d}:{minute % 60:02d}:00Z", "light": light}
    return RawMessage(f"city/demo/{thing}/{topic}", json.dumps(payload).encode(), (at + 1) * 1_000_000, False)

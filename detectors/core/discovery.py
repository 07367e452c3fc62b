"""Finds every detector of this folder: a module with a class that has `name`, `kind` and `update`."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any, cast

import detectors
from detectors.core.interface import Detector


@cache
def all_detectors() -> dict[str, Detector]:
    """Name → detector."""
    found: dict[str, Detector] = {}
    for module in pkgutil.iter_modules(detectors.__path__):
        member: Any
        for _, member in inspect.getmembers(importlib.import_module(f"detectors.{module.name}"), inspect.isclass):
            own = member.__module__ == f"detectors.{module.name}"
            if own and hasattr(member, "update") and isinstance(getattr(member, "name", None), str):
                found[member.name] = cast(Detector, member())
    return found

"""Finds every detector of the folder above: a module with a class that has `name`, `kinds` and `update`."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any

import detectors
from detectors.core.interface import Detector
from detectors.core.panel import PanelDetector


@cache
def all_detectors() -> dict[str, Detector | PanelDetector]:
    """Name → detector, of both forms.

    Raises:
        TypeError: a class lacks something that both forms have: it would never be asked.
    """
    found: dict[str, Detector | PanelDetector] = {}
    for module in pkgutil.iter_modules(detectors.__path__):
        if module.ispkg:
            continue
        member: Any
        for _, member in inspect.getmembers(importlib.import_module(f"detectors.{module.name}"), inspect.isclass):
            own = member.__module__ == f"detectors.{module.name}"
            if own and hasattr(member, "update") and isinstance(getattr(member, "name", None), str):
                one = found[member.name] = member()
                if not isinstance(one, (Detector, PanelDetector)):
                    raise TypeError(f"{module.name}.{member.__name__} is no detector: see detectors/core/interface.py")
    return found


def series_detectors() -> dict[str, Detector]:
    """Name → detector, of those that look at each Datastream by itself."""
    return {name: one for name, one in all_detectors().items() if not isinstance(one, PanelDetector)}


def panel_detectors() -> dict[str, PanelDetector]:
    """Name → detector, of those that look at a neighbourhood at once."""
    return {name: one for name, one in all_detectors().items() if isinstance(one, PanelDetector)}

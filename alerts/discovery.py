"""Finds the channels of `alerts/notifiers/` and makes those that the settings ask for."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import alerts.notifiers
from aedilis.settings import Settings
from alerts.notifier import Notifier


def channels() -> list[type[Notifier]]:
    """Every channel, by name."""
    found: list[Any] = []
    for module in pkgutil.iter_modules(alerts.notifiers.__path__):
        loaded = importlib.import_module(f"alerts.notifiers.{module.name}")
        found += [
            member
            for _, member in inspect.getmembers(loaded, inspect.isclass)
            if member.__module__ == loaded.__name__ and hasattr(member, "from_settings")
        ]
    return sorted(found, key=lambda channel: channel.name)


def notifiers(settings: Settings) -> list[Notifier]:
    """The channels that have a target."""
    return [made for channel in channels() if (made := channel.from_settings(settings)) is not None]
